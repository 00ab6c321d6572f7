// What another host's clock shows: processes ask the first one for its time.

#ifndef CLEAVE_RUNTIME_TRANSPORT_CLOCK_OFFSET_H
#define CLEAVE_RUNTIME_TRANSPORT_CLOCK_OFFSET_H

#include <cstdint>

#include "absl/status/statusor.h"
#include "actors/clock.h"
#include "runtime/transport/job.h"

namespace cleave {

struct ClockReading {
  int64_t nanos = 0;        // by the clock here
  int64_t offset = 0;       // what the first process's clock is ahead by
  int64_t uncertainty = 0;  // half the time of the shortest question and answer
};

// For all processes at once.
absl::StatusOr<ClockReading> readFirstClock(Job &job, Clock &clock);

// A time of the clock here by the first process's, between two readings and beyond: clocks drift evenly.
int64_t toFirstClock(const ClockReading &begin, const ClockReading &end, int64_t nanos);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_CLOCK_OFFSET_H
