#include <algorithm>
#include <limits>

#include "kernels/cpu/families.h"
#include "kernels/cpu/strided_copy.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

TensorView moved(TensorView view, int64_t elements) {
  view.data = view.as<char>() + elements * bytesOf(view.dtype);
  return view;
}

// `view` with every element the one at `value`.
TensorView splat(TensorView view, void *value) {
  view.data = value;
  view.strides = {};
  return view;
}

// Writes start, start + 1, ... along a dimension of `extent`, each of them `inner` times over, to elements
// [begin, end) of `y`.
template <typename T>
void count(int64_t start, int64_t extent, int64_t inner, int64_t begin, int64_t end, T *y) {
  for (int64_t i = begin; i < end;) {
    const int64_t number = i / inner % extent;
    if (inner == 1) {
      const int64_t last = std::min(end, i + extent - number), first = start + number - i;
      for (; i < last; ++i) y[i] = static_cast<T>(first + i);
    } else {
      const int64_t last = std::min(end, (i / inner + 1) * inner);
      std::fill(y + i, y + last, static_cast<T>(start + number));
      i = last;
    }
  }
}

bool sameShape(const TensorView &a, const TensorView &b) { return a.dims() == b.dims(); }

}  // namespace

bool takesAny(const KernelCall &) { return true; }

bool takesConstant(const KernelCall &call) {
  return call.outputs[0].dtype == DType::kF32 && call.attributes.getDoubles("values").size() == 1;
}

absl::Status constant(const KernelCall &call, KernelContext &context) {
  float value = static_cast<float>(call.attributes.getDoubles("values")[0]);
  copyStrided(context.pool, call.outputs[0], splat(call.outputs[0], &value));
  return absl::OkStatus();
}

absl::Status iota(const KernelCall &call, KernelContext &context) {
  const TensorView &out = call.outputs[0];
  const int64_t dimension = call.attributes.getInt("dimension"), start = call.attributes.getInt("start");
  int64_t inner = 1;
  for (int64_t d = dimension + 1; d < out.rank; ++d) inner *= out.shape[d];
  forRanges(context.pool, out.elements(), kGrain, [&](int64_t begin, int64_t end) {
    if (out.dtype == DType::kI32) {
      count(start, out.shape[dimension], inner, begin, end, out.as<int32_t>());
    } else {
      count(start, out.shape[dimension], inner, begin, end, out.as<float>());
    }
  });
  return absl::OkStatus();
}

absl::Status broadcast(const KernelCall &call, KernelContext &context) {
  const std::vector<int64_t> &dimensions = call.attributes.getInts("dimensions");
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  TensorView from = splat(out, in.data);
  for (int d = 0; d < in.rank; ++d) from.strides[dimensions[d]] = in.strides[d];
  copyStrided(context.pool, out, from);
  return absl::OkStatus();
}

bool takesCopy(const KernelCall &call) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  return sameShape(in, out) || (in.isContiguous() && out.isContiguous());
}

absl::Status copy(const KernelCall &call, KernelContext &context) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  if (in.data == out.data && in.isContiguous() && out.isContiguous()) return absl::OkStatus();
  if (sameShape(in, out)) {
    copyStrided(context.pool, out, in);
  } else {
    copyStrided(context.pool, TensorView::contiguous(out.data, out.dtype, {out.elements()}),
                TensorView::contiguous(in.data, in.dtype, {in.elements()}));
  }
  return absl::OkStatus();
}

absl::Status keep(const KernelCall &call, KernelContext &context) {
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  const std::string &combiner = call.attributes.getString("combiner");
  const float infinity = std::numeric_limits<float>::infinity();
  float identity = combiner == "sum" ? 0 : combiner == "max" ? -infinity : infinity;
  if (call.attributes.getInt("keep") == 0) {
    copyStrided(context.pool, out, splat(out, &identity));
  } else if (in.data != out.data) {
    copyStrided(context.pool, out, in);
  }
  return absl::OkStatus();
}

absl::Status transpose(const KernelCall &call, KernelContext &context) {
  const std::vector<int64_t> &permutation = call.attributes.getInts("permutation");
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  TensorView from = in;
  for (int d = 0; d < out.rank; ++d) {
    from.shape[d] = in.shape[permutation[d]];
    from.strides[d] = in.strides[permutation[d]];
  }
  copyStrided(context.pool, out, from);
  return absl::OkStatus();
}

absl::Status slice(const KernelCall &call, KernelContext &context) {
  const auto &starts = call.attributes.getInts("starts"), &steps = call.attributes.getInts("steps");
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  if (out.elements() == 0) return absl::OkStatus();
  TensorView from = in;
  int64_t start = 0;
  for (int d = 0; d < out.rank; ++d) {
    start += starts[d] * in.strides[d];
    from.shape[d] = out.shape[d];
    from.strides[d] = out.shape[d] > 1 ? in.strides[d] * steps[d] : 0;
  }
  copyStrided(context.pool, out, moved(from, start));
  return absl::OkStatus();
}

absl::Status pad(const KernelCall &call, KernelContext &context) {
  const std::vector<int64_t> &low = call.attributes.getInts("low");
  const TensorView &in = call.inputs[0], &out = call.outputs[0];
  uint64_t zero = 0;
  copyStrided(context.pool, out, splat(out, &zero));
  if (in.elements() == 0) return absl::OkStatus();
  TensorView inside = out;
  int64_t start = 0;
  for (int d = 0; d < out.rank; ++d) {
    start += low[d] * out.strides[d];
    inside.shape[d] = in.shape[d];
  }
  copyStrided(context.pool, moved(inside, start), in);
  return absl::OkStatus();
}

absl::Status concat(const KernelCall &call, KernelContext &context) {
  const int dimension = static_cast<int>(call.attributes.getInt("dimension"));
  const TensorView &out = call.outputs[0];
  int64_t start = 0;
  for (const TensorView &in : call.inputs) {
    if (in.elements() > 0) {
      TensorView part = out;
      part.shape[dimension] = in.shape[dimension];
      copyStrided(context.pool, moved(part, start * out.strides[dimension]), in);
    }
    start += in.shape[dimension];
  }
  return absl::OkStatus();
}

}  // namespace cleave::cpu
