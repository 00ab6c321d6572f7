// What it costs to lay an operand as a strategy wants it.

#ifndef CLEAVE_PASSES_PLACE_STRATEGY_COST_H
#define CLEAVE_PASSES_PLACE_STRATEGY_COST_H

#include "ir/axis_placement.h"
#include "passes/cost/machine.h"

namespace cleave {

// Seconds to take a value of `bytes` (as the other axes leave it) from one placement to another along a mesh axis of `n`
// devices. Infinite where there is no way.
double conversionSeconds(const AxisPlacement &from, const AxisPlacement &to, double bytes, const Machine &machine,
                         int64_t axis, double n);

}  // namespace cleave

#endif  // CLEAVE_PASSES_PLACE_STRATEGY_COST_H
