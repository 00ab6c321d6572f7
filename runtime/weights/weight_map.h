// Between weight files, with the names and forms of the model's family, and a plan's parameters.

#ifndef CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H
#define CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H

#include <string>

#include "absl/status/status.h"
#include "runtime/plan/program.h"
#include "runtime/weights/slabs.h"
#include "runtime/weights/tensor_source.h"

namespace cleave {

// What of a model a file holds: all parameters, those of the model itself, or those of an adapter of its modules. For a
// module M these are M.lora_A.weight [rank, in] and M.lora_B.weight [out, rank]. In an adapter's own file
// base_model.model. stands before their names, and where modules are fused in the family's files, their B are too.
enum class WeightPart { kAll, kModel, kAdapter };

bool hasAdapter(const LoadedPlan &plan);
bool hasAdapter(const TensorSource &source);

// Hands every parameter of the part to `take`, straight from the mapped file where it is f32 there. Nothing is taken
// unless all names and shapes fit: missing and unexpected tensors, and tied ones that differ, are errors that name
// them. Needs memory for one slab.
absl::Status loadWeights(const TensorSource &source, const LoadedPlan &plan, VisitPart take,
                         WeightPart part = WeightPart::kAll);

// Writes all parameters of the part as one safetensors file, as f32, with the names that the family's own files have. The file
// appears whole or not at all. Needs memory for one slab.
absl::Status saveWeights(const std::string &path, const LoadedPlan &plan, VisitPart fill,
                         WeightPart part = WeightPart::kAll);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_WEIGHT_MAP_H
