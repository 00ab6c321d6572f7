// Times collectives between threads that share memory.

#ifndef CLEAVE_TOOLS_MEASURE_COLLECTIVE_BENCH_H
#define CLEAVE_TOOLS_MEASURE_COLLECTIVE_BENCH_H

#include <cstdint>

#include "absl/status/statusor.h"

namespace cleave {

// Seconds of one all-reduce of `bytes` (f32, in place) between `members` threads, as the runtime does it.
absl::StatusOr<double> secondsOfAllReduce(int members, int64_t bytes);

}  // namespace cleave

#endif  // CLEAVE_TOOLS_MEASURE_COLLECTIVE_BENCH_H
