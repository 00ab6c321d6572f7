// One trace of all processes of a job.

#ifndef CLEAVE_RUNTIME_TRAINING_SHARED_TRACE_H
#define CLEAVE_RUNTIME_TRAINING_SHARED_TRACE_H

#include <string>

#include "absl/status/status.h"
#include "runtime/trace/chrome_trace.h"
#include "runtime/transport/clock_offset.h"

namespace cleave {

// For all processes at once, each with its devices' log, whose times are of a SystemClock: the first one writes the
// file, with all times by its own clock. `begin`: readings from before the first event.
absl::Status writeSharedTrace(Job &job, TraceLog log, const ClockReading &begin, const std::string &path);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_SHARED_TRACE_H
