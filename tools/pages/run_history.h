// The metrics of a run's steps in bounded memory.

#ifndef CLEAVE_TOOLS_PAGES_RUN_HISTORY_H
#define CLEAVE_TOOLS_PAGES_RUN_HISTORY_H

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/training/metrics.h"

namespace cleave::pages {

// Of a step; see StepMetrics.
struct RunPoint {
  int64_t step = 0;
  double loss = 0, stepMs = 0, exposedMs = 0, lateMs = 0, dataMs = 0, tokensPerSecond = 0;
};

class RunHistory {
 public:
  static constexpr size_t kMostPoints = 4096;

  // Of the step behind the last one, or of the last one again: what is told later holds.
  void add(const StepMetrics &metrics);

  // Steps at equal distances, the newest last: all of them while they are few.
  std::vector<RunPoint> points() const;
  // What was evaluated: step and loss alone.
  const std::vector<RunPoint> &evaluations() const { return evaluations_; }
  const std::vector<int64_t> &peakBytes() const { return peakBytes_; }  // the most that each device has held

 private:
  std::vector<RunPoint> points_, evaluations_;
  RunPoint newest_;
  std::vector<int64_t> peakBytes_;
  int64_t seen_ = 0, distance_ = 1;
};

// Of a metrics file's text. An error names the line.
absl::StatusOr<RunHistory> readHistory(absl::string_view text);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_RUN_HISTORY_H
