// Collectives that leave a trail in the flight record.

#ifndef CLEAVE_RUNTIME_FLIGHT_RECORDED_COMMUNICATOR_H
#define CLEAVE_RUNTIME_FLIGHT_RECORDED_COMMUNICATOR_H

#include <memory>

#include "kernels/api/communicator.h"
#include "runtime/flight/flight_recorder.h"

namespace cleave {

// Passes everything on to `inner`, which runs the `collectives` collectives of an entry (an index of the plan) for
// ranks [firstRank, endRank), and tells the recorder, which must outlive it.
std::unique_ptr<Communicator> makeRecordedCommunicator(std::unique_ptr<Communicator> inner, int entry, int collectives,
                                                       int firstRank, int endRank, FlightRecorder &recorder);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FLIGHT_RECORDED_COMMUNICATOR_H
