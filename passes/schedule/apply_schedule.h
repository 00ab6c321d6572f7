// How long an entry's ops are predicted to take, and how a schedule becomes the order of its ops.

#ifndef CLEAVE_PASSES_SCHEDULE_APPLY_SCHEDULE_H
#define CLEAVE_PASSES_SCHEDULE_APPLY_SCHEDULE_H

#include <vector>

#include "passes/cost/op_cost.h"
#include "passes/schedule/list_schedule.h"

namespace cleave {

// By node. The slowest rank's: the others wait for it.
std::vector<NodeTime> timesOf(const OpGraph &graph, ShardTable &table, const Machine &machine);

// Moves the ops of a graph's entry, and has transfers wait as the schedule says, and no longer as one before said.
void applySchedule(mlir::func::FuncOp entry, const OpGraph &graph, const Schedule &schedule);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_APPLY_SCHEDULE_H
