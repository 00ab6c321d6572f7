#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// What a reduction of T accumulates in; sums of integers wrap around.
template <typename T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <typename T>
T reduceOne(const TensorView &in, const Index &start, const std::vector<int64_t> &dimensions, absl::string_view kind,
            double count) {
  std::vector<int64_t> extents;
  for (int64_t d : dimensions) extents.push_back(in.shape[d]);
  using Limits = std::numeric_limits<T>;
  T low = Limits::has_infinity ? Limits::infinity() : Limits::max();
  T high = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  Wide<T> sum = 0;
  forEachIndex(extents, [&](const Index &i) {
    Index from = start;
    for (size_t d = 0; d < dimensions.size(); ++d) from[dimensions[d]] = i[d];
    const T value = at<T>(in, from);
    sum += static_cast<Wide<T>>(value);
    low = value != value || value < low ? value : low;
    high = value != value || value > high ? value : high;
  });
  if (kind == "max") return high;
  if (kind == "min") return low;
  if (kind == "sum") return static_cast<T>(sum);
  return count == 0 ? T(0) : static_cast<T>(sum / static_cast<Wide<T>>(count));
}

template <typename T>
double largest(const TensorView &x, const Index &row) {
  double high = -HUGE_VAL;
  for (int64_t j = 0; j < lastDim(x); ++j) high = std::max<double>(high, at<T>(x, with(row, x.rank - 1, j)));
  return high;
}

}  // namespace

absl::Status reduce(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const std::vector<int64_t> &dimensions = call.attributes.getInts("dimensions");
  const std::string &kind = call.attributes.getString("kind");
  const double count = static_cast<double>(call.attributes.getInt("count"));
  std::vector<int> kept;
  for (int d = 0; d < in.rank; ++d)
    if (std::count(dimensions.begin(), dimensions.end(), d) == 0) kept.push_back(d);
  withNumber(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      Index start{};
      for (size_t d = 0; d < kept.size(); ++d) start[kept[d]] = i[d];
      at<T>(out, i) = reduceOne<T>(in, start, dimensions, kind, count);
    });
  });
  return absl::OkStatus();
}

absl::Status expSum(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &shift = call.inputs[1], &out = call.outputs[0];
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      double sum = 0;
      for (int64_t j = 0; j < lastDim(x); ++j)
        sum += std::exp(double(at<T>(x, with(i, x.rank - 1, j))) - double(at<T>(shift, i)));
      at<T>(out, i) = static_cast<T>(sum);
    });
  });
  return absl::OkStatus();
}

absl::Status sumSquares(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0];
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    double sum = 0;
    forEachIndex(x.dims(), [&](const Index &i) { sum += double(at<T>(x, i)) * double(at<T>(x, i)); });
    at<T>(call.outputs[0], {}) = static_cast<T>(sum);
  });
  return absl::OkStatus();
}

absl::Status softmax(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  withFloat(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      const double high = largest<T>(x, row);
      double sum = 0;
      for (int64_t j = 0; j < lastDim(x); ++j) sum += std::exp(at<T>(x, with(row, x.rank - 1, j)) - high);
      for (int64_t j = 0; j < lastDim(x); ++j) {
        const Index i = with(row, x.rank - 1, j);
        at<T>(y, i) = static_cast<T>(std::exp(at<T>(x, i) - high) / sum);
      }
    });
  });
  return absl::OkStatus();
}

absl::Status softmaxGradient(const KernelCall &call, KernelContext &) {
  const TensorView &y = call.inputs[0], &dy = call.inputs[1], &dx = call.outputs[0];
  withFloat(y.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(y), [&](const Index &row) {
      double dot = 0;
      for (int64_t j = 0; j < lastDim(y); ++j) {
        const Index i = with(row, y.rank - 1, j);
        dot += double(at<T>(y, i)) * double(at<T>(dy, i));
      }
      for (int64_t j = 0; j < lastDim(y); ++j) {
        const Index i = with(row, y.rank - 1, j);
        at<T>(dx, i) = static_cast<T>(at<T>(y, i) * (at<T>(dy, i) - dot));
      }
    });
  });
  return absl::OkStatus();
}

absl::Status cumulativeSum(const KernelCall &call, KernelContext &) {
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  const bool reverse = call.attributes.getInt("reverse") != 0;
  withNumber(x.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(leadingDims(x), [&](const Index &row) {
      Wide<T> sum = 0;
      for (int64_t n = 0; n < lastDim(x); ++n) {
        const Index i = with(row, x.rank - 1, reverse ? lastDim(x) - 1 - n : n);
        sum += static_cast<Wide<T>>(at<T>(x, i));
        at<T>(y, i) = static_cast<T>(sum);
      }
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
