// Makes the inputs of an entry from arrays in memory: a batch that the caller has at hand.

#ifndef CLEAVE_RUNTIME_DATA_ARRAY_BATCH_H
#define CLEAVE_RUNTIME_DATA_ARRAY_BATCH_H

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/api/tensor_view.h"
#include "runtime/data/batch_reader.h"
#include "runtime/plan/program.h"

namespace cleave {

// By name of a data input's source ("labels"), or of an input that would be made of one ("decoder_input_ids"). Of i32,
// i64, bool, f32 or f64; any strides.
using Arrays = std::map<std::string, TensorView>;

// An array that has the type of its port is taken where it lies. What must be made (another integer type, an absent
// mask, inputs derived from others) goes to `made`, which has to outlive the result. The values of integers are checked. An
// error names the array, the rule and, of a value, its position; so does one for an array that no input takes.
absl::StatusOr<std::map<std::string, TensorView>> inputsFrom(const Arrays &arrays, const LoadedPlan &plan,
                                                             const program::Entry &entry, Batch &made);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_ARRAY_BATCH_H
