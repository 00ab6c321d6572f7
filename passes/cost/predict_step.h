// What a scheduled entry will take.

#ifndef CLEAVE_PASSES_COST_PREDICT_STEP_H
#define CLEAVE_PASSES_COST_PREDICT_STEP_H

#include <string>
#include <vector>

#include "passes/cost/machine.h"
#include "passes/cost/step_times.h"
#include "passes/schedule/scheduled_entry.h"

namespace cleave {

// The graph of an entry. Ranks of a class do the same at the same time, hence one device stands for all of them: device
// c is `classes[c]`, and its task t (in the order of the program) is graph.tasks[c * tasks + t].
struct PredictedStep {
  struct Task {
    Work work;           // of a rank of the class; of a collective: the bytes that it sends
    double seconds = 0;  // of its own, without waiting
  };

  StepGraph graph;
  // The same without what only this order of the ops makes tasks wait for.
  StepGraph unordered;
  size_t tasks = 0;         // of a device
  std::vector<Task> costs;  // as graph.tasks
};

PredictedStep predictStep(const ScheduledEntry &entry, const RankClasses &classes, ShardTable &table,
                          const Machine &machine);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COST_PREDICT_STEP_H
