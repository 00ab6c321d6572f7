// What a strategy costs, in bytes: what a device sends to lay the operands as the strategy wants them, and what its share of
// the work is worth.

#ifndef CLEAVE_PASSES_PLACE_STRATEGY_COST_H
#define CLEAVE_PASSES_PLACE_STRATEGY_COST_H

#include "ir/axis_placement.h"

namespace cleave {

// Bytes that could be sent while a collective starts.
inline constexpr double kLatencyBytes = 16384;
// Bytes that could be sent while a device does one floating-point operation: about 10 GB/s against 200 GFLOP/s.
inline constexpr double kBytesPerFlop = 0.05;
// Bytes that a device reads or writes in its own memory while it sends one: about 50 GB/s against 10 GB/s.
inline constexpr double kCopiedPerSent = 5;

// Bytes that a device sends to take a value of `bytes` (as the other axes leave it) from one placement to another along an
// axis of `n` devices. Infinite where there is no way.
double conversionCost(const AxisPlacement &from, const AxisPlacement &to, double bytes, double n);

}  // namespace cleave

#endif  // CLEAVE_PASSES_PLACE_STRATEGY_COST_H
