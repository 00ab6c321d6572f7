// What hides each collective of a step, and why the rest is waited for.

#ifndef CLEAVE_PASSES_EMIT_EXPLAIN_OVERLAP_H
#define CLEAVE_PASSES_EMIT_EXPLAIN_OVERLAP_H

#include "passes/cost/predict_step.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// A step as it is predicted.
struct PlayedStep {
  const ScheduledEntry &entry;
  const PredictedStep &predicted;
  const StepTimes &times;  // of predicted.graph
  // Ops were ordered for overlap: what could run meanwhile but has a later turn has it for want of memory.
  bool isOrdered = false;
};

// Sets times, hiders and causes of the explained collectives, which are those of the entry in its order, without groups
// of one. All are of the device that stands still for longest, so that `exposed` of all together is the estimate's.
void explainOverlap(const PlayedStep &step, ShardTable &table, plan::Explanation &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EXPLAIN_OVERLAP_H
