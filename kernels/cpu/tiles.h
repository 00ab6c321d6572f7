// How kernels cut their work: into tiles that follow from the shapes alone.

#ifndef CLEAVE_KERNELS_CPU_TILES_H
#define CLEAVE_KERNELS_CPU_TILES_H

#include <algorithm>

#include "kernels/api/registry.h"

namespace cleave {

inline constexpr int64_t kGrain = 1 << 15;  // floats in a tile: it stays in the second-level cache

inline int64_t tilesOf(int64_t n, int64_t grain) { return (n + grain - 1) / grain; }

// Calls body(begin, end) for stretches of `grain` that cover [0, n).
template <typename Body>
void forRanges(ThreadPool &pool, int64_t n, int64_t grain, Body body) {
  pool.parallelFor(tilesOf(n, grain), [&](int64_t tile, int) { body(tile * grain, std::min(n, (tile + 1) * grain)); });
}

// As many rows of `rowElements` as make a tile.
inline int64_t rowGrain(int64_t rowElements) {
  return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, rowElements));
}

inline int64_t lastExtent(const TensorView &view) { return view.shape[view.rank - 1]; }

// The product of all extents but the last.
inline int64_t rowsOf(const TensorView &view) {
  int64_t rows = 1;
  for (int d = 0; d + 1 < view.rank; ++d) rows *= view.shape[d];
  return rows;
}

// All views without gaps, floats f32 and integers i32.
inline bool isDense(const KernelCall &call) {
  auto fits = [](const TensorView &view) {
    return view.isContiguous() &&
           (view.dtype == DType::kF32 || view.dtype == DType::kI32 || view.dtype == DType::kBool);
  };
  return std::all_of(call.inputs.begin(), call.inputs.end(), fits) &&
         std::all_of(call.outputs.begin(), call.outputs.end(), fits);
}

// Dense, and the first output f32.
inline bool isDenseFloat(const KernelCall &call) { return call.outputs[0].dtype == DType::kF32 && isDense(call); }

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_TILES_H
