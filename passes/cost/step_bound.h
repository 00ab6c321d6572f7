// What a step takes at least, whatever the order of its tasks and transfers.

#ifndef CLEAVE_PASSES_COST_STEP_BOUND_H
#define CLEAVE_PASSES_COST_STEP_BOUND_H

#include "passes/cost/step_times.h"

namespace cleave {

// A lower bound of the seconds of a graph that timesOf can run, with the tasks of each stream in any order: what counts
// is what a task has to wait for (`after`), and that a core, or a link, does one thing at a time.
double leastSeconds(const StepGraph &graph);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COST_STEP_BOUND_H
