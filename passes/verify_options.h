// What a module asks of the compiler, in attributes that anybody may have written.

#ifndef CLEAVE_PASSES_VERIFY_OPTIONS_H
#define CLEAVE_PASSES_VERIFY_OPTIONS_H

#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Checks type and range of cleave.overlap, .slices, .split, .sequence, .zero and .memory_budget; the error names the
// attribute, the rule and what was seen. Passes take them as checked.
mlir::LogicalResult verifyOptions(mlir::ModuleOp module);

}  // namespace cleave

#endif  // CLEAVE_PASSES_VERIFY_OPTIONS_H
