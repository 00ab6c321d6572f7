#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

void setZero(const TensorView &view) {
  const int64_t size = bytesOf(view.dtype);
  forEachIndex(view.dims(), [&](const Index &i) { std::memset(view.as<char>() + offsetOf(view, i) * size, 0, size); });
}

template <typename T>
T identityOf(absl::string_view combiner) {
  using Limits = std::numeric_limits<T>;
  if (combiner == "sum") return 0;
  if (combiner == "max") return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

}  // namespace

absl::Status constant(const KernelCall &call, KernelContext &) {
  const TensorView &out = call.outputs[0];
  const std::vector<double> &values = call.attributes.getDoubles("values");
  size_t next = 0;
  withNumberOrBool(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const double value = values.size() == 1 ? values[0] : values[next++];
      if constexpr (std::is_floating_point_v<T>) {
        at<T>(out, i) = static_cast<T>(value);
      } else {
        const double low = static_cast<double>(std::numeric_limits<T>::min());
        const double high = static_cast<double>(std::numeric_limits<T>::max());
        at<T>(out, i) = value <= low     ? std::numeric_limits<T>::min()
                        : value >= high  ? std::numeric_limits<T>::max()
                        : value == value ? static_cast<T>(value)
                                         : T(0);
        if (out.dtype == DType::kBool) at<T>(out, i) = value != 0;
      }
    });
  });
  return absl::OkStatus();
}

absl::Status iota(const KernelCall &call, KernelContext &) {
  const TensorView &out = call.outputs[0];
  const int64_t dimension = call.attributes.getInt("dimension"), start = call.attributes.getInt("start");
  withNumber(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) { at<T>(out, i) = static_cast<T>(start + i[dimension]); });
  });
  return absl::OkStatus();
}

absl::Status broadcast(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const std::vector<int64_t> &dimensions = call.attributes.getInts("dimensions");
  forEachIndex(out.dims(), [&](const Index &i) {
    Index from{};
    for (int d = 0; d < in.rank; ++d) from[d] = i[dimensions[d]];
    copyElement(out, i, in, from);
  });
  return absl::OkStatus();
}

absl::Status copy(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  forEachIndex(out.dims(), [&, next = int64_t{0}](const Index &i) mutable {
    Index from{};
    int64_t rest = next++;
    for (int d = in.rank - 1; d >= 0; --d) {
      from[d] = rest % in.shape[d];
      rest /= in.shape[d];
    }
    copyElement(out, i, in, from);
  });
  return absl::OkStatus();
}

absl::Status keep(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const bool keeps = call.attributes.getInt("keep") != 0;
  const std::string &combiner = call.attributes.getString("combiner");
  withNumberOrBool(out.dtype, [&](auto type) {
    using T = decltype(type);
    T identity = identityOf<T>(combiner);
    if (out.dtype == DType::kBool) identity = combiner == "min";
    forEachIndex(out.dims(), [&](const Index &i) { at<T>(out, i) = keeps ? at<T>(in, i) : identity; });
  });
  return absl::OkStatus();
}

absl::Status transpose(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const std::vector<int64_t> &permutation = call.attributes.getInts("permutation");
  forEachIndex(out.dims(), [&](const Index &i) {
    Index from{};
    for (int d = 0; d < out.rank; ++d) from[permutation[d]] = i[d];
    copyElement(out, i, in, from);
  });
  return absl::OkStatus();
}

absl::Status slice(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const auto &starts = call.attributes.getInts("starts"), &steps = call.attributes.getInts("steps");
  forEachIndex(out.dims(), [&](const Index &i) {
    Index from{};
    for (int d = 0; d < out.rank; ++d) from[d] = starts[d] + i[d] * steps[d];
    copyElement(out, i, in, from);
  });
  return absl::OkStatus();
}

absl::Status pad(const KernelCall &call, KernelContext &) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const std::vector<int64_t> &low = call.attributes.getInts("low");
  setZero(out);
  forEachIndex(in.dims(), [&](const Index &i) {
    Index to = i;
    for (int d = 0; d < out.rank; ++d) to[d] += low[d];
    copyElement(out, to, in, i);
  });
  return absl::OkStatus();
}

absl::Status concat(const KernelCall &call, KernelContext &) {
  const int dimension = static_cast<int>(call.attributes.getInt("dimension"));
  int64_t start = 0;
  for (const TensorView &in : call.inputs) {
    forEachIndex(in.dims(), [&](const Index &i) {
      copyElement(call.outputs[0], with(i, dimension, start + i[dimension]), in, i);
    });
    start += in.shape[dimension];
  }
  return absl::OkStatus();
}

}  // namespace cleave::reference
