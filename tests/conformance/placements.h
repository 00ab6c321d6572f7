// All ways to place an op, and random ways to place a function.

#ifndef CLEAVE_TESTS_CONFORMANCE_PLACEMENTS_H
#define CLEAVE_TESTS_CONFORMANCE_PLACEMENTS_H

#include <random>
#include <vector>

#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/conformance/placed_value.h"

namespace cleave {

// One strategy for each mesh axis.
using OpPlacement = std::vector<Strategy>;

// Every legal placement of an op on a mesh: the product over its axes of its rule's strategies, each in units of one
// and two times its own, major and minor where several axes split one dimension. Computed without the op's verifier.
std::vector<OpPlacement> legalPlacements(TensorOpInterface op, Sizes mesh);

// One of them, at random.
OpPlacement randomPlacement(TensorOpInterface op, Sizes mesh, std::mt19937 &random);

// Placements of a value: whole, split by each dimension, partial if it is a number.
std::vector<std::vector<AxisPlacement>> valuePlacements(mlir::RankedTensorType type, Sizes mesh);

// The placement of each operand and result on mesh @mesh.
PlacementAttr operandPlacement(const OpPlacement &placement, size_t operand, mlir::MLIRContext *context);
PlacementAttr resultPlacement(const OpPlacement &placement, size_t result, mlir::MLIRContext *context);

// Places a function at random: each argument anyhow, each op by one of its legal placements, with reshards where a
// value lies otherwise than its user wants it. `fixed`, if not null, is placed by `placement`.
void placeAtRandom(mlir::func::FuncOp function, Sizes mesh, std::mt19937 &random, mlir::Operation *fixed = nullptr,
                   const OpPlacement &placement = {});

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_PLACEMENTS_H
