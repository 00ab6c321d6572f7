// What a plan says about itself.

#ifndef CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H
#define CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H

#include <string>

#include "runtime/plan/plan.pb.h"
#include "tools/cli/measured_step.h"

namespace cleave::cli {

// All of it, in one JSON object:
//   {"mesh": {axis: size}, "values": [...], "ops": [...], "collectives": [...], "memory": [...], "estimate": {...}}
// `layer` is [class, instance] or null. Without an estimate in the plan its field is absent. `measured` may be null.
std::string explanationJson(const plan::Plan &plan, const MeasuredStep *measured);

// Tables for a person: where the plan comes from, the mesh, the placements of each class of layers once, what moves
// between devices, memory, and the time of a step, beside what was measured (`measured` may be null).
std::string explanationTables(const plan::Plan &plan, const MeasuredStep *measured);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H
