// From protobuf to plain structs: fields, enumerations and what can be said of one field alone.

#ifndef CLEAVE_RUNTIME_PLAN_CONVERT_PLAN_H
#define CLEAVE_RUNTIME_PLAN_CONVERT_PLAN_H

#include "absl/status/statusor.h"
#include "runtime/plan/plan.pb.h"
#include "runtime/plan/program.h"

namespace cleave {

// Every index is in range afterwards, every shape has a size that fits, every rank is in one class, every task in one
// stream. Kernels are not yet found.
absl::StatusOr<LoadedPlan> convertPlan(const plan::Plan &plan);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_CONVERT_PLAN_H
