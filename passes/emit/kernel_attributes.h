// What a device's kernel is told: an op's attributes, and what a shard must know of the whole.

#ifndef CLEAVE_PASSES_EMIT_KERNEL_ATTRIBUTES_H
#define CLEAVE_PASSES_EMIT_KERNEL_ATTRIBUTES_H

#include "ir/cleave.h"
#include "kernels/api/attributes.h"

namespace cleave {

// What the device at `coordinates` of a mesh with axes of `sizes` holds of a value; all of it where the value has no
// placement.
Shard shardOf(mlir::Value value, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> coordinates);

// The same for all operands and results of an op.
LocalShards localShards(mlir::Operation *op, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> coordinates);

// Attributes of the kernel that runs `op` on a device that holds `local`: the op's own by their names (bools as 0 and
// 1), then "segments" (how many views each operand of the record has) where one is not 1, then the op's local form.
Attributes kernelAttributes(TensorOpInterface op, const LocalShards &local);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_KERNEL_ATTRIBUTES_H
