// The meaning of a converted plan: that its parts agree with each other.

#ifndef CLEAVE_RUNTIME_PLAN_CHECK_PLAN_H
#define CLEAVE_RUNTIME_PLAN_CHECK_PLAN_H

#include "absl/status/status.h"
#include "kernels/api/registry.h"
#include "runtime/plan/program.h"
#include "runtime/plan/schedule_model.h"

namespace cleave {

// Layouts cover their tensors, registers have the extents of their rank's boxes, collectives have boxes that fit and a
// task on each of their ranks.
absl::Status checkPlan(const LoadedPlan &plan);

// Finds the kernel of every task and has it check its call.
absl::Status findKernels(const Registry &registry, LoadedPlan &plan);

// What the proofs need of an entry.
ScheduleModel makeScheduleModel(const LoadedPlan &plan, const program::Entry &entry);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_CHECK_PLAN_H
