// Proves that values that share bytes never meet.

#ifndef CLEAVE_RUNTIME_PLAN_PROVE_SHARING_H
#define CLEAVE_RUNTIME_PLAN_PROVE_SHARING_H

#include "absl/status/status.h"
#include "runtime/plan/schedule_model.h"

namespace cleave {

// For the ranks of each program: every register is written (by a task or the host) before it is read, and where two
// registers have bytes in common, all accesses to the one have ended before the first one to the other begins, by the
// order of streams, data, credits and planned edges of the rank. One task may be last on one and first on the other
// where its output's bytes are exactly an input's (in place). The host's inputs are there from the start, its outputs
// until the end, variables always; all that a step has started ends before the next begins. The model must be free of
// cycles (proveLiveness).
absl::Status proveSharing(const ScheduleModel &model);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PROVE_SHARING_H
