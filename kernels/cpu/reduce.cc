#include <limits>
#include <vector>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// A reduction of neighbouring dimensions: x is [outer, reduced, inner].
struct Extents {
  int64_t outer = 1, reduced = 1, inner = 1;
};

// False where dimensions that stay lie between dimensions that go.
bool findExtents(const TensorView &x, const std::vector<int64_t> &dimensions, Extents *extents) {
  std::array<bool, kMaxRank> goes{};
  for (int64_t d : dimensions) goes[d] = x.shape[d] != 1;  // a dimension of 1 may count as either
  int phase = 0;
  for (int d = 0; d < x.rank; ++d) {
    if (x.shape[d] == 1) continue;
    if (goes[d] && phase == 0) phase = 1;
    if (!goes[d] && phase == 1) phase = 2;
    if (goes[d] && phase == 2) return false;
    (phase == 0 ? extents->outer : phase == 1 ? extents->reduced : extents->inner) *= x.shape[d];
  }
  return true;
}

struct Reducer {
  float identity;
  float (*row)(const float *x, int64_t n);
  Binary *combine;
};

Reducer reducerOf(const std::string &kind) {
  const VectorKernels &loops = vectorKernels();
  const float infinity = std::numeric_limits<float>::infinity();
  if (kind == "max") return {-infinity, loops.largest, loops.maximum};
  if (kind == "min") return {infinity, loops.smallest, loops.minimum};
  return {0, loops.sum, loops.add};
}

// [reduced] -> one number: the tiles' results in their order.
float reduceAll(ThreadPool &pool, const Reducer &reducer, const float *x, int64_t n) {
  std::vector<float> parts(std::max<int64_t>(1, tilesOf(n, kGrain)), reducer.identity);
  forRanges(pool, n, kGrain,
            [&](int64_t begin, int64_t end) { parts[begin / kGrain] = reducer.row(x + begin, end - begin); });
  return reducer.row(parts.data(), parts.size());
}

// [outer, reduced] -> [outer].
void reduceRows(ThreadPool &pool, const Reducer &reducer, const float *x, const Extents &e, float *y) {
  forRanges(pool, e.outer, rowGrain(e.reduced), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) y[row] = reducer.row(x + row * e.reduced, e.reduced);
  });
}

// [outer, reduced, inner] -> [outer, inner], a block of columns at a time.
void reduceColumns(ThreadPool &pool, const Reducer &reducer, const float *x, const Extents &e, float *y) {
  const int64_t block = std::min<int64_t>(e.inner, 256), blocks = tilesOf(e.inner, block);
  forRanges(pool, e.outer * blocks, rowGrain(block * e.reduced), [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t outer = tile / blocks, column = tile % blocks * block, n = std::min(block, e.inner - column);
      float *sums = y + outer * e.inner + column;
      std::fill(sums, sums + n, reducer.identity);
      for (int64_t r = 0; r < e.reduced; ++r)
        reducer.combine(sums, x + (outer * e.reduced + r) * e.inner + column, sums, n);
    }
  });
}

// A row's running sums, from its other end if `reverse`. Sums are wider than what they are stored as.
template <typename T, typename Wide>
void runningSums(const T *x, int64_t n, bool reverse, T *y) {
  Wide sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = reverse ? n - 1 - i : i;
    sum += static_cast<Wide>(x[at]);
    y[at] = static_cast<T>(sum);
  }
}

}  // namespace

bool takesReduce(const KernelCall &call) {
  Extents extents;
  return isDenseFloat(call) && findExtents(call.inputs[0], call.attributes.getInts("dimensions"), &extents);
}

absl::Status reduce(const KernelCall &call, KernelContext &context) {
  const std::string &kind = call.attributes.getString("kind");
  const Reducer reducer = reducerOf(kind);
  const float *x = call.inputs[0].as<float>();
  float *y = call.outputs[0].as<float>();
  const int64_t results = call.outputs[0].elements();
  Extents extents;
  findExtents(call.inputs[0], call.attributes.getInts("dimensions"), &extents);
  if (call.inputs[0].elements() == 0) {
    std::fill(y, y + results, reducer.identity);
  } else if (results == 1) {
    y[0] = reduceAll(context.pool, reducer, x, extents.reduced);
  } else if (extents.inner == 1) {
    reduceRows(context.pool, reducer, x, extents, y);
  } else {
    reduceColumns(context.pool, reducer, x, extents, y);
  }
  if (kind == "mean") {
    const int64_t count = call.attributes.getInt("count");
    const float factor = count > 0 ? static_cast<float>(1.0 / static_cast<double>(count)) : 0.0f;
    forRanges(context.pool, results, kGrain,
              [&](int64_t begin, int64_t end) { vectorKernels().scale(y + begin, factor, y + begin, end - begin); });
  }
  return absl::OkStatus();
}

absl::Status cumulativeSum(const KernelCall &call, KernelContext &context) {
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  const bool reverse = call.attributes.getInt("reverse") != 0;
  const int64_t n = lastExtent(x);
  forRanges(context.pool, rowsOf(x), rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      if (x.dtype == DType::kI32) {
        runningSums<int32_t, int64_t>(x.as<int32_t>() + row * n, n, reverse, y.as<int32_t>() + row * n);
      } else {
        runningSums<float, double>(x.as<float>() + row * n, n, reverse, y.as<float>() + row * n);
      }
    }
  });
  return absl::OkStatus();
}

absl::Status expSum(const KernelCall &call, KernelContext &context) {
  const int64_t n = lastExtent(call.inputs[0]);
  const float *x = call.inputs[0].as<float>(), *shift = call.inputs[1].as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      y[row] = vectorKernels().expShifted(x + row * n, shift[row], nullptr, n);
  });
  return absl::OkStatus();
}

absl::Status sumSquares(const KernelCall &call, KernelContext &context) {
  const float *x = call.inputs[0].as<float>();
  const int64_t n = call.inputs[0].elements();
  std::vector<double> parts(tilesOf(n, kGrain));
  forRanges(context.pool, n, kGrain, [&](int64_t begin, int64_t end) {
    parts[begin / kGrain] = vectorKernels().sumSquares(x + begin, end - begin);
  });
  double sum = 0;
  for (double part : parts) sum += part;
  *call.outputs[0].as<float>() = static_cast<float>(sum);
  return absl::OkStatus();
}

absl::Status softmax(const KernelCall &call, KernelContext &context) {
  const VectorKernels &loops = vectorKernels();
  const int64_t n = lastExtent(call.inputs[0]);
  const float *x = call.inputs[0].as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, rowsOf(call.inputs[0]), rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float *out = y + row * n;
      const float sum = loops.expShifted(x + row * n, loops.largest(x + row * n, n), out, n);
      loops.scale(out, 1.0f / sum, out, n);
    }
  });
  return absl::OkStatus();
}

absl::Status softmaxGradient(const KernelCall &call, KernelContext &context) {
  const VectorKernels &loops = vectorKernels();
  const int64_t n = lastExtent(call.inputs[0]);
  const float *y = call.inputs[0].as<float>(), *dy = call.inputs[1].as<float>();
  float *dx = call.outputs[0].as<float>();
  forRanges(context.pool, rowsOf(call.inputs[0]), rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float delta = loops.dot(y + row * n, dy + row * n, n);
      loops.softmaxGradientRow(y + row * n, dy + row * n, delta, dx + row * n, n);
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
