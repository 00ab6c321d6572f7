// What a plan says of each of its step's collectives: what hides it, and why the rest is waited for.

#ifndef CLEAVE_TOOLS_CLI_OVERLAP_EXPLANATION_H
#define CLEAVE_TOOLS_CLI_OVERLAP_EXPLANATION_H

#include <string>

#include "absl/status/statusor.h"
#include "runtime/plan/plan.pb.h"

namespace cleave::cli {

// Both fail where the plan holds no estimate, or one of a compiler that did not say what hides what.

// One row for collectives that stand alike in every layer.
absl::StatusOr<std::string> overlapTables(const plan::Plan &plan);

// All of them, in the order of the step:
//   {"cluster", "step_ms", "communication_ms", "exposed_ms", "bound_ms",
//    "collectives": [{"kind", "name", "op", "axes": [..], "bytes", "phase", "layer", "ms", "begin_ms", "end_ms",
//                     "hidden_ms", "hidden_by": [{"op", "kernel", "ms"}],
//                     "exposed_ms", "causes": [{"cause", "ms", "op", "waiter"}]}]}
// `layer` is [class, instance] or null. Exposed times add up to the step's.
absl::StatusOr<std::string> overlapJson(const plan::Plan &plan);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_OVERLAP_EXPLANATION_H
