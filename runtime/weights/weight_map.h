// Between weight files, with the names and forms of the model's family, and a plan's parameters.

#ifndef CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H
#define CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H

#include <string>

#include "absl/status/status.h"
#include "runtime/plan/program.h"
#include "runtime/weights/slabs.h"
#include "runtime/weights/tensor_source.h"

namespace cleave {

// Hands every parameter of the plan to `take`, straight from the mapped file where it is f32 there. Nothing is taken
// unless all names and shapes fit: missing and unexpected tensors, and tied ones that differ, are errors that name
// them. Needs memory for one slab.
absl::Status loadWeights(const TensorSource &source, const LoadedPlan &plan, VisitPart take);

// Writes all parameters as one safetensors file, as f32, with the names that the family's own files have. The file
// appears whole or not at all. Needs memory for one slab.
absl::Status saveWeights(const std::string &path, const LoadedPlan &plan, VisitPart fill);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H
