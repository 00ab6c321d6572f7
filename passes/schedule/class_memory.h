// What memory planning found out about each rank class: the module's attribute "cleave.memory".

#ifndef CLEAVE_PASSES_SCHEDULE_CLASS_MEMORY_H
#define CLEAVE_PASSES_SCHEDULE_CLASS_MEMORY_H

#include <cstdint>
#include <vector>

#include "llvm/ADT/SmallVector.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Hiding communication may take so much of the memory of what it replaces, where no budget says what there is; or as
// much more as it is faster.
inline constexpr double kMoreMemory = 1.1;

// Bytes of one device of the class.
struct ClassMemory {
  llvm::SmallVector<int64_t> ranks;
  llvm::SmallVector<int64_t> variables;  // offsets, in the order of ModuleVariables
  int64_t arenaBytes = 0;
  int64_t lowerBound = 0;   // the most that is alive at once
  int64_t gradients = 0;    // of parameters, at that moment
  int64_t activations = 0;  // all else but variables, at that moment
};

mlir::Attribute toAttribute(mlir::MLIRContext *context, const std::vector<ClassMemory> &classes);

// Of a scheduled module; fails, with a diagnostic, where the attribute is missing or malformed, or does not speak of
// each of `ranks` ranks once and of `variables` variables.
mlir::FailureOr<std::vector<ClassMemory>> memoryOf(mlir::ModuleOp module, size_t ranks, size_t variables);

// Of a scheduled module: what the device that needs most needs; 0 if the attribute is missing or malformed.
int64_t mostArenaBytes(mlir::ModuleOp module);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_CLASS_MEMORY_H
