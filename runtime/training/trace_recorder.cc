#include "runtime/training/trace_recorder.h"

#include <sstream>

#include "runtime/files/new_file.h"

namespace cleave {

void TraceRecorder::add(const TraceLog &log) {
  int64_t more = 0;
  for (const TraceLog::Device &device : log.devices) more += int64_t(device.events());
  isWhole_ = isWhole_ && events_ + more <= mostEvents_;
  if (!isWhole_) return;
  events_ += more;
  if (labels_.empty() || labels_.back() != log.labels) labels_.push_back(log.labels);
  for (const TraceLog::Device &device : log.devices) all_.add(device);
}

absl::Status TraceRecorder::write(const std::string &path) const {
  std::ostringstream text;
  writeChromeTrace(all_, text);
  return writeFile(path, text.str());
}

}  // namespace cleave
