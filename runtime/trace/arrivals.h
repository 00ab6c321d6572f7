// When the last member of a collective arrived, where members are of several processes: none of them sees it.

#ifndef CLEAVE_RUNTIME_TRACE_ARRIVALS_H
#define CLEAVE_RUNTIME_TRACE_ARRIVALS_H

#include <string>
#include <vector>

#include "kernels/api/communicator.h"
#include "runtime/trace/device_run.h"

namespace cleave {

// How long each rank was in each collective of a run, for the other processes.
std::string packStays(const std::vector<DeviceRun> &runs);

// A collective ends for all its members at about the same time, so the one that stayed the shortest came last, and
// another one's stay beyond that is how long it waited for it. Sets arrivals by what all processes packed, without a
// clock in common. `collectives`: of the entry that ran.
void settleArrivals(const std::vector<std::string> &packed, const std::vector<CollectiveSpec> &collectives,
                    std::vector<DeviceRun> &runs);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRACE_ARRIVALS_H
