// Whole values on the host, as doubles: what the tests compute with, whatever the element type.

#ifndef CLEAVE_TESTS_CONFORMANCE_TENSOR_H
#define CLEAVE_TESTS_CONFORMANCE_TENSOR_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kernels/api/tensor_view.h"
#include "mlir/IR/BuiltinTypes.h"

namespace cleave {

struct Tensor {
  DType dtype = DType::kF64;
  std::vector<int64_t> shape;
  std::vector<double> values;  // row-major, each representable in `dtype`

  static Tensor filled(DType dtype, std::vector<int64_t> shape, double value);
};

DType dtypeOf(mlir::Type type);  // of the elements
std::vector<int64_t> shapeOf(mlir::Type type);

// Calls `visit` for each index of a box of these extents, row-major.
void forEachIndex(absl::Span<const int64_t> extents, absl::FunctionRef<void(absl::Span<const int64_t>)> visit);

// Row-major number of an index.
int64_t flatten(absl::Span<const int64_t> index, absl::Span<const int64_t> shape);

std::vector<char> toBytes(const Tensor &tensor);
void fromBytes(const std::vector<char> &bytes, Tensor &tensor);

// Equal shapes, and elements that differ by at most `tolerance` times the greatest magnitude of `expected` (and 1); by
// nothing where it is 0. Not-a-number equals itself.
absl::Status expectClose(const Tensor &actual, const Tensor &expected, double tolerance);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_TENSOR_H
