// What the steps of a run took, from its trace.

#ifndef CLEAVE_TOOLS_CLI_MEASURED_STEP_H
#define CLEAVE_TOOLS_CLI_MEASURED_STEP_H

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/plan/plan.pb.h"

namespace cleave::cli {

struct MeasuredStep {
  int64_t steps = 0;   // that were looked at: all but the first, where there are several
  double seconds = 0;  // of a step, from its first task to its last on any device; the median over steps
  // By kernel, or kind of collective: a device's seconds in a step, the mean over devices of medians over steps.
  std::map<std::string, double> byKernel;
};

// Reads a trace that `cleave train --trace` wrote of this plan. The error names the file.
absl::StatusOr<MeasuredStep> measureStep(const plan::Plan &plan, const std::string &trace);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_MEASURED_STEP_H
