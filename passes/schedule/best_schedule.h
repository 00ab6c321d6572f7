// The best of several list schedules.

#ifndef CLEAVE_PASSES_SCHEDULE_BEST_SCHEDULE_H
#define CLEAVE_PASSES_SCHEDULE_BEST_SCHEDULE_H

#include "passes/schedule/list_schedule.h"

namespace cleave {

// The fastest, or one that needs less memory and is about as fast. What computes comes in the order of the graph, by the
// longest chain of work that waits for it, or by how soon a transfer can start; transfers come in the order of the graph,
// by the longest chain, or from where least is left to do. The fastest of these are then justified. `cap`: see listSchedule.
Schedule bestSchedule(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_BEST_SCHEDULE_H
