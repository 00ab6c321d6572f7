// What a plan tells people about the time of its step.

#ifndef CLEAVE_PASSES_EMIT_ESTIMATE_H
#define CLEAVE_PASSES_EMIT_ESTIMATE_H

#include "passes/cost/machine.h"
#include "passes/schedule/scheduled_entry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// Sets the estimate, and the times of the explained collectives, which are those of the entry in its order, without
// groups of one. Fails, with a diagnostic, where the entry's tasks wait for each other in a circle.
mlir::LogicalResult explainTimes(const ScheduledEntry &step, const std::vector<ClassMemory> &classes, ShardTable &table,
                                 const Machine &machine, plan::Explanation &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_ESTIMATE_H
