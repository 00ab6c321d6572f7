// Runs a placed and partitioned function on as many simulated devices as its mesh has, by the reference kernels.

#ifndef CLEAVE_TESTS_CONFORMANCE_SIMULATE_H
#define CLEAVE_TESTS_CONFORMANCE_SIMULATE_H

#include <vector>

#include "absl/status/statusor.h"
#include "kernels/api/registry.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/conformance/placed_value.h"

namespace cleave {

// Values of the function's results. An unplaced function runs on a mesh without axes: one device, which is the truth.
// An error names the op at which it arose.
absl::StatusOr<std::vector<PlacedValue>> simulate(mlir::func::FuncOp function, std::vector<PlacedValue> arguments,
                                                  Sizes mesh, const Registry &kernels);

// The same on one device, from and to whole values.
absl::StatusOr<std::vector<Tensor>> evaluate(mlir::func::FuncOp function, const std::vector<Tensor> &arguments,
                                             const Registry &kernels);

// Distributes the arguments, simulates, and assembles the results.
absl::StatusOr<std::vector<Tensor>> evaluatePlaced(mlir::func::FuncOp function, const std::vector<Tensor> &arguments,
                                                   Sizes mesh, const Registry &kernels, std::mt19937 &random);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_SIMULATE_H
