// Which form of the step hides communication best.

#ifndef CLEAVE_PASSES_CHOOSE_OVERLAP_H
#define CLEAVE_PASSES_CHOOSE_OVERLAP_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Marks a module that went through differentiate with the form that its step is to take (kSplit, kSlices,
// kSequence, kChunks): what --overlap names, or else, for a machine that is described, the form whose step is predicted
// to be the fastest in about the memory of the plain form, or more if it is that much faster. `compile` runs the phases
// that remain on a copy; it fails where a form does not compile, which is then not taken.
void chooseOverlap(mlir::ModuleOp module, llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> compile);

}  // namespace cleave

#endif  // CLEAVE_PASSES_CHOOSE_OVERLAP_H
