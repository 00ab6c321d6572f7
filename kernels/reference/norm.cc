#include <cmath>
#include <vector>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// Sums over all rows, one for each feature.
template <typename T>
void storeSums(const TensorView &view, const std::vector<double> &sums) {
  for (int64_t j = 0; j < view.shape[0]; ++j) at<T>(view, {j}) = static_cast<T>(sums[j]);
}

}  // namespace

absl::Status layerNorm(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &gamma = call.inputs[1], &beta = call.inputs[2];
  const TensorView &y = call.outputs[0], &means = call.outputs[1], &rstds = call.outputs[2];
  const double epsilon = call.attributes.getDouble("epsilon");
  const int64_t features = lastDim(x);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      auto element = [&](int64_t j) { return with(row, x.rank - 1, j); };
      double mean = 0, variance = 0;
      for (int64_t j = 0; j < features; ++j) mean += at<T>(x, element(j));
      if (features > 0) mean /= features;
      for (int64_t j = 0; j < features; ++j) variance += std::pow(at<T>(x, element(j)) - mean, 2);
      if (features > 0) variance /= features;
      const double rstd = 1 / std::sqrt(variance + epsilon);
      for (int64_t j = 0; j < features; ++j)
        at<T>(y, element(j)) =
            static_cast<T>((at<T>(x, element(j)) - mean) * rstd * at<T>(gamma, {j}) + at<T>(beta, {j}));
      at<T>(means, row) = static_cast<T>(mean);
      at<T>(rstds, row) = static_cast<T>(rstd);
    });
  });
  return absl::OkStatus();
}

absl::Status layerNormGradient(const KernelCall &call, KernelContext &) {
  const TensorView &dy = call.inputs[0], &x = call.inputs[1], &gamma = call.inputs[2];
  const TensorView &means = call.inputs[3], &rstds = call.inputs[4], &dx = call.outputs[0];
  const int64_t features = lastDim(x);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    std::vector<double> gammaSums(features), betaSums(features);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      auto element = [&](int64_t j) { return with(row, x.rank - 1, j); };
      const double mean = at<T>(means, row), rstd = at<T>(rstds, row);
      double scaledMean = 0, projectedMean = 0;  // of gamma*dy, and of gamma*dy*normalized
      for (int64_t j = 0; j < features; ++j) {
        const double scaled = double(at<T>(dy, element(j))) * at<T>(gamma, {j});
        scaledMean += scaled / features;
        projectedMean += scaled * (at<T>(x, element(j)) - mean) * rstd / features;
      }
      for (int64_t j = 0; j < features; ++j) {
        const double upstream = at<T>(dy, element(j)), normalized = (at<T>(x, element(j)) - mean) * rstd;
        gammaSums[j] += upstream * normalized;
        betaSums[j] += upstream;
        at<T>(dx, element(j)) =
            static_cast<T>((upstream * at<T>(gamma, {j}) - scaledMean - normalized * projectedMean) * rstd);
      }
    });
    storeSums<T>(call.outputs[1], gammaSums);
    storeSums<T>(call.outputs[2], betaSums);
  });
  return absl::OkStatus();
}

absl::Status rmsNorm(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &gamma = call.inputs[1], &y = call.outputs[0], &rstds = call.outputs[1];
  const double epsilon = call.attributes.getDouble("epsilon");
  const int64_t features = lastDim(x);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      auto element = [&](int64_t j) { return with(row, x.rank - 1, j); };
      double square = 0;
      for (int64_t j = 0; j < features; ++j) square += std::pow(double(at<T>(x, element(j))), 2) / features;
      const double rstd = 1 / std::sqrt(square + epsilon);
      for (int64_t j = 0; j < features; ++j)
        at<T>(y, element(j)) = static_cast<T>(at<T>(x, element(j)) * rstd * at<T>(gamma, {j}));
      at<T>(rstds, row) = static_cast<T>(rstd);
    });
  });
  return absl::OkStatus();
}

absl::Status rmsNormGradient(const KernelCall &call, KernelContext &) {
  const TensorView &dy = call.inputs[0], &x = call.inputs[1], &gamma = call.inputs[2], &rstds = call.inputs[3];
  const TensorView &dx = call.outputs[0];
  const int64_t features = lastDim(x);
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    std::vector<double> gammaSums(features);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      auto element = [&](int64_t j) { return with(row, x.rank - 1, j); };
      const double rstd = at<T>(rstds, row);
      double projectedMean = 0;
      for (int64_t j = 0; j < features; ++j)
        projectedMean += double(at<T>(dy, element(j))) * at<T>(gamma, {j}) * at<T>(x, element(j)) * rstd / features;
      for (int64_t j = 0; j < features; ++j) {
        const double upstream = at<T>(dy, element(j)), normalized = at<T>(x, element(j)) * rstd;
        gammaSums[j] += upstream * normalized;
        at<T>(dx, element(j)) = static_cast<T>((upstream * at<T>(gamma, {j}) - normalized * projectedMean) * rstd);
      }
    });
    storeSums<T>(call.outputs[1], gammaSums);
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
