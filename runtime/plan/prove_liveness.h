// Proves that a step always ends.

#ifndef CLEAVE_RUNTIME_PLAN_PROVE_LIVENESS_H
#define CLEAVE_RUNTIME_PLAN_PROVE_LIVENESS_H

#include "absl/status/status.h"
#include "runtime/plan/schedule_model.h"

namespace cleave {

// Unfolds one step of all ranks, with each collective merged into one node over the ranks of its group, and looks for a
// cycle in the order of streams, data, credits and planned edges. The step then runs to its end in any order that these
// allow. An error prints the cycle: who waits for whom. Also fails where repeat counts don't fit together.
//
// One order of collectives a group is not enough: with A{0,1} then C{0,2} on rank 0, B{1,2} then A on rank 1 and C then
// B on rank 2, everyone waits for another.
absl::Status proveLiveness(const ScheduleModel &model);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PROVE_LIVENESS_H
