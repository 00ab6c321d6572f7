// Random programs of random ops, for comparing what devices compute together with what one computes.

#ifndef CLEAVE_TESTS_CONFORMANCE_RANDOM_GRAPH_H
#define CLEAVE_TESTS_CONFORMANCE_RANDOM_GRAPH_H

#include <random>
#include <vector>

#include "kernels/api/registry.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tests/conformance/tensor.h"

namespace cleave {

struct RandomGraph {
  mlir::OwningOpRef<mlir::ModuleOp> module;  // one function, which returns the results of all of its ops
  std::vector<Tensor> arguments;
  std::vector<Tensor> results;               // on one device
};

// Draws `ops` ops out of opCases(), each on values that are there or on new arguments. Values stay finite and moderate,
// and what a rounding error would turn over (a comparison) sees only numbers that are exact.
RandomGraph drawGraph(mlir::MLIRContext &context, int ops, const Registry &kernels, std::mt19937 &random);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_RANDOM_GRAPH_H
