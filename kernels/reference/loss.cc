#include <algorithm>
#include <cmath>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// Every label is `ignored` or lies in [0, size).
absl::Status checkLabels(const TensorView &labels, int64_t ignored, int64_t size) {
  absl::Status status;
  forEachIndex(labels.dims(), [&](const Index &i) {
    const int64_t label = integerAt(labels, i);
    if (status.ok() && label != ignored && (label < 0 || label >= size))
      status = outOfBounds("a label", size, label, i, labels.rank);
  });
  return status;
}

template <typename T>
double logSumExp(const TensorView &x, const Index &row) {
  double high = -HUGE_VAL, sum = 0;
  for (int64_t j = 0; j < lastDim(x); ++j) high = std::max<double>(high, at<T>(x, with(row, x.rank - 1, j)));
  for (int64_t j = 0; j < lastDim(x); ++j) sum += std::exp(at<T>(x, with(row, x.rank - 1, j)) - high);
  return lastDim(x) == 0 ? -HUGE_VAL : high + std::log(sum);
}

}  // namespace

absl::Status crossEntropy(const KernelCall &call, KernelContext &) {
  const TensorView &logits = call.inputs[0], &labels = call.inputs[1];
  const int64_t ignored = call.attributes.getInt("ignore_index", -100);
  if (absl::Status bounds = checkLabels(labels, ignored, lastDim(logits)); !bounds.ok()) return bounds;
  withFloat(logits.dtype, [&](auto type) {
    using T = decltype(type);
    double loss = 0, count = 0;
    forEachIndex(labels.dims(), [&](const Index &row) {
      const double lse = logSumExp<T>(logits, row);
      at<T>(call.outputs[2], row) = static_cast<T>(lse);
      const int64_t label = integerAt(labels, row);
      if (label == ignored) return;
      loss += lse - at<T>(logits, with(row, logits.rank - 1, label));
      count += 1;
    });
    at<T>(call.outputs[0], {}) = static_cast<T>(loss);
    at<T>(call.outputs[1], {}) = static_cast<T>(count);
  });
  return absl::OkStatus();
}

absl::Status crossEntropyGradient(const KernelCall &call, KernelContext &) {
  const TensorView &logits = call.inputs[0], &labels = call.inputs[1], &lse = call.inputs[2], &out = call.outputs[0];
  const int64_t ignored = call.attributes.getInt("ignore_index", -100), offset = call.attributes.getInt("index_offset");
  if (absl::Status bounds = checkLabels(labels, ignored, call.attributes.getInt("index_size")); !bounds.ok())
    return bounds;
  withFloat(logits.dtype, [&](auto type) {
    using T = decltype(type);
    const double lossGradient = at<T>(call.inputs[3], {});
    forEachIndex(out.dims(), [&](const Index &i) {
      const int64_t label = integerAt(labels, i);
      const double target = label == offset + i[out.rank - 1];
      const double value = lossGradient * (std::exp(double(at<T>(logits, i)) - at<T>(lse, i)) - target);
      at<T>(out, i) = label == ignored ? T(0) : static_cast<T>(value);
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
