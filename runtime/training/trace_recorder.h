// Gathers what a session traces, step by step, into one file.

#ifndef CLEAVE_RUNTIME_TRAINING_TRACE_RECORDER_H
#define CLEAVE_RUNTIME_TRAINING_TRACE_RECORDER_H

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/trace/chrome_trace.h"

namespace cleave {

// Keeps the first events up to a limit, so that a long run doesn't fill the memory: no viewer shows more.
class TraceRecorder {
 public:
  explicit TraceRecorder(int64_t mostEvents = 1'000'000) : mostEvents_(mostEvents) {}

  void add(const TraceLog &log);

  // False once events have been left out.
  bool isWhole() const { return isWhole_; }

  const TraceLog &log() const { return all_; }

  // Writes the file; it appears whole or not at all.
  absl::Status write(const std::string &path) const;

 private:
  int64_t mostEvents_;
  int64_t events_ = 0;
  bool isWhole_ = true;
  TraceLog all_;
  std::vector<std::shared_ptr<const void>> labels_;  // what the events point to
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_TRACE_RECORDER_H
