// The cleave dialect.

#ifndef CLEAVE_IR_CLEAVE_H
#define CLEAVE_IR_CLEAVE_H

#include <optional>
#include <string>

#include "ir/axis_placement.h"
#include "ir/local_shards.h"
#include "ir/sharding_rule.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace cleave {

// The rule of an op from its record's fields: what the records' code calls. Counts are those of the record's operands and results.
ShardingRule makeRule(mlir::Operation *op, llvm::StringRef text, llvm::ArrayRef<unsigned> operandCounts,
                      llvm::ArrayRef<unsigned> resultCounts, const Linearity &linearity, Combiner combiner);

template <typename ConcreteOp>
ShardingRule makeRule(ConcreteOp op, llvm::StringRef text, const Linearity &linearity, Combiner combiner) {
  const auto [operands, results] = ShardingRule::countFields(text);
  llvm::SmallVector<unsigned> operandCounts, resultCounts;
  for (unsigned i = 0; i < operands; ++i) operandCounts.push_back(op.getODSOperandIndexAndLength(i).second);
  for (unsigned i = 0; i < results; ++i) resultCounts.push_back(op.getODSResultIndexAndLength(i).second);
  return makeRule(op.getOperation(), text, operandCounts, resultCounts, linearity, combiner);
}

// Shapes agree with the op's rule, and so do the placements, axis by axis, where the values have some.
mlir::LogicalResult verifyRule(mlir::Operation *op);

// The placement in a value's type fits its shape: what it splits and in which units. Values without one pass.
mlir::LogicalResult verifyPlacement(mlir::Operation *op, mlir::Type type);

// The step of a collective is one that its kind allows, along its axes and no others.
mlir::LogicalResult verifyCollective(mlir::Operation *op);

}  // namespace cleave

#include "ir/dialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/attributes.h.inc"
#include "ir/interfaces.h.inc"
#include "ir/op_support.h"
#define GET_OP_CLASSES
#include "ir/ops.h.inc"

namespace cleave {

// The placement in a value's type; null where it has none yet.
PlacementAttr placementOf(mlir::Type type);
inline PlacementAttr placementOf(mlir::Value value) { return placementOf(value.getType()); }

// `type` with that placement.
mlir::RankedTensorType placed(mlir::Type type, PlacementAttr placement);

// The strategy that a placed op uses along one mesh axis.
Strategy strategyAlong(size_t axis, mlir::Operation *op);

// The mesh of a placement, looked up from `from`; null if there is none of that name.
MeshOp meshOf(mlir::Operation *from, PlacementAttr placement);

// What the device at `coordinates` of a mesh with axes of `sizes` holds of a value.
Shard shardOf(llvm::ArrayRef<int64_t> global, llvm::ArrayRef<AxisPlacement> placement, llvm::ArrayRef<int64_t> sizes,
              llvm::ArrayRef<int64_t> coordinates);

// Mesh axes that split dimension `dim`, from major to minor.
llvm::SmallVector<size_t> axesSplitting(unsigned dim, llvm::ArrayRef<AxisPlacement> placement);

// Copies name, layer, phase and reason from one op to another.
void copyMarks(mlir::Operation *from, mlir::Operation *to);

}  // namespace cleave

#endif  // CLEAVE_IR_CLEAVE_H
