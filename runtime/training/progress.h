// The line that tells a person how a run goes.

#ifndef CLEAVE_RUNTIME_TRAINING_PROGRESS_H
#define CLEAVE_RUNTIME_TRAINING_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "runtime/training/metrics.h"

namespace cleave {

// On a terminal one line that is overwritten, elsewhere plain lines; never more than a few a second, but the first step
// and the last always.
class Progress {
 public:
  // `out` is not owned; null: silent.
  Progress(std::FILE *out, int64_t steps);
  ~Progress() { finishLine(); }
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  void show(const StepMetrics &metrics);

  // A line of its own.
  void say(const std::string &text);

 private:
  void finishLine();

  std::FILE *out_;
  int64_t steps_;
  bool isTerminal_ = false;
  bool isLineOpen_ = false;
  bool hasShown_ = false;
  std::chrono::steady_clock::time_point last_;
};

// "step 12/200  loss 3.1234  ..."
std::string progressText(const StepMetrics &metrics, int64_t steps);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_PROGRESS_H
