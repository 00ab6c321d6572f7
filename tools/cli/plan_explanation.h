// What a plan says about itself.

#ifndef CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H
#define CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H

#include <string>

#include "runtime/plan/plan.pb.h"

namespace cleave::cli {

// All of it, in one JSON object:
//   {"mesh": {axis: size}, "values": [...], "ops": [...], "collectives": [...], "memory": [...]}
// `layer` is [class, instance] or null.
std::string explanationJson(const plan::Plan &plan);

// Tables for a person: where the plan comes from, the mesh, the placements of each class of layers once, what moves
// between devices, and memory.
std::string explanationTables(const plan::Plan &plan);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_PLAN_EXPLANATION_H
