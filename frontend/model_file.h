// Models as .mlir files: a forward loss function in the cleave dialect.

#ifndef CLEAVE_FRONTEND_MODEL_FILE_H
#define CLEAVE_FRONTEND_MODEL_FILE_H

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir {
class MLIRContext;
class ModuleOp;
}  // namespace mlir

namespace cleave {

// Parses and verifies a module of the cleave dialect, in any phase, from text that nobody vouches for. `path` is what
// messages and locations call it.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(absl::string_view text, const std::string &path,
                                                              mlir::MLIRContext &context);

// Makes a module that no pass has seen one that they take, or says what it lacks. Besides meshes it holds functions:
//   one function has cleave.entry = "loss"; another may have "logits" (outputs "logits"); there are no more;
//   its results are the loss, a scalar of f32, or the sum of the losses and the number of labels that count;
//   each argument has either cleave.parameter, a name, with cleave.init, and f32 elements, or cleave.input, a name;
//   in one function no name stands twice; parameters that two functions share have one type;
//   its ops are those of cleave, on tensors without placement of at most 2^46 elements and 8 dimensions.
// Arguments are put in the order parameters, inputs, "rng"; results get names; the attribute cleave.family is made
// where it is missing: every input must then be in the data file.
absl::Status completeModel(mlir::ModuleOp module);

// Reads, parses and completes a model file.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseModelFile(const std::string &path, mlir::MLIRContext &context);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MODEL_FILE_H
