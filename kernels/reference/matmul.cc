#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {

absl::Status matmul(const KernelCall &call, KernelContext &) {
  const TensorView &lhs = call.inputs[0], &rhs = call.inputs[1], &out = call.outputs[0];
  const bool transposeLhs = call.attributes.getInt("transpose_lhs") != 0;
  const bool transposeRhs = call.attributes.getInt("transpose_rhs") != 0;
  const int row = out.rank - 2, column = out.rank - 1;
  const int64_t depth = lhs.shape[transposeLhs ? row : column];
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const int64_t m = i[row], n = i[column];
      // The rhs of rank 2 is shared by all leading dimensions.
      Index leading = rhs.rank == 2 ? Index{} : i;
      double sum = call.inputs.size() > 2 ? at<T>(call.inputs[2], {n}) : T(0);
      for (int64_t k = 0; k < depth; ++k) {
        const T left = at<T>(lhs, with(with(i, row, transposeLhs ? k : m), column, transposeLhs ? m : k));
        const Index at2 = with(with(leading, rhs.rank - 2, transposeRhs ? n : k), rhs.rank - 1, transposeRhs ? k : n);
        sum += double(left) * double(at<T>(rhs, at2));
      }
      at<T>(out, i) = static_cast<T>(sum);
    });
  });
  return absl::OkStatus();
}

absl::Status outer(const KernelCall &call, KernelContext &) {
  const TensorView &lhs = call.inputs[0], &rhs = call.inputs[1], &out = call.outputs[0];
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      double sum = call.inputs.size() > 2 ? at<T>(call.inputs[2], i) : T(0);
      forEachIndex(leadingDims(lhs), [&](const Index &row) {
        sum += double(at<T>(lhs, with(row, lhs.rank - 1, i[0]))) * double(at<T>(rhs, with(row, rhs.rank - 1, i[1])));
      });
      at<T>(out, i) = static_cast<T>(sum);
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
