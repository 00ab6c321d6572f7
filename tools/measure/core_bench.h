// Runs the same work on several cores at once, as devices do.

#ifndef CLEAVE_TOOLS_MEASURE_CORE_BENCH_H
#define CLEAVE_TOOLS_MEASURE_CORE_BENCH_H

#include <functional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "kernels/api/registry.h"
#include "tools/measure/kernel_cases.h"

namespace cleave {

// One core's part: `prepare` makes its data (and so touches its memory first) and gives what is timed.
using TimedCall = std::function<absl::Status()>;
using PrepareCore = absl::FunctionRef<absl::StatusOr<TimedCall>(int core)>;

// Seconds of one call, with `cores` threads calling at once, in several rounds: the mean over cores of medians over rounds.
//   secondsOfWork: rounds last `seconds`; what counts is time in which the thread runs, whatever else the machine does
//   secondsOfMeetings: all threads make the same number of calls, which may wait for each other
absl::StatusOr<double> secondsOfWork(int cores, double seconds, PrepareCore prepare);
absl::StatusOr<double> secondsOfMeetings(int cores, int calls, PrepareCore prepare);

// Seconds of one call of a kernel on each of `cores` cores, each on its own data.
absl::StatusOr<double> secondsOfKernel(const KernelCase &kernelCase, int cores, const Registry &registry);

}  // namespace cleave

#endif  // CLEAVE_TOOLS_MEASURE_CORE_BENCH_H
