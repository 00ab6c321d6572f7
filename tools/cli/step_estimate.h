// What a plan predicts of its step's time, beside what was measured.

#ifndef CLEAVE_TOOLS_CLI_STEP_ESTIMATE_H
#define CLEAVE_TOOLS_CLI_STEP_ESTIMATE_H

#include <string>

#include "nlohmann/json.hpp"
#include "runtime/plan/plan.pb.h"
#include "tools/cli/measured_step.h"

namespace cleave::cli {

// What no order of the step's ops and transfers goes below: a sentence, and milliseconds. Of a plan that does not say:
// nothing, and null.
std::string boundText(const plan::Explanation::Estimate &estimate);
nlohmann::ordered_json boundJson(const plan::Explanation::Estimate &estimate);

// The step's time, and a row for each kernel. `measured` may be null. Empty where the plan predicts nothing.
std::string estimateText(const plan::Plan &plan, const MeasuredStep *measured);

// {"cluster", "step_ms", "compute_ms", "communication_ms", "exposed_ms", "late_ms", "bound_ms",
//  "ops": [{"kernel", "count", "flops", "bytes", "ms"}]}; with measurements "measured_step_ms" and "measured_ms" too.
nlohmann::ordered_json estimateJson(const plan::Plan &plan, const MeasuredStep *measured);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_STEP_ESTIMATE_H
