// Tensors piece by piece, so that no whole one need be in memory a second time.

#ifndef CLEAVE_RUNTIME_WEIGHTS_SLABS_H
#define CLEAVE_RUNTIME_WEIGHTS_SLABS_H

#include <algorithm>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kernels/api/box.h"
#include "kernels/api/tensor_view.h"

namespace cleave {

// Takes or fills a part of a variable: `values` has the variable's dtype, the part's extents and any strides, and is
// lent for the call.
using VisitPart =
    absl::FunctionRef<absl::Status(absl::string_view variable, const Box &part, const TensorView &values)>;

inline constexpr int64_t kSlabElements = int64_t{1} << 20;

// Calls `use` with boxes that cut a tensor along its first dimension, from front to back: row-major, they follow each
// other without a gap. Each has at most kSlabElements elements, or one row. A tensor without elements has no slabs.
inline absl::Status forEachSlab(absl::Span<const int64_t> shape, absl::FunctionRef<absl::Status(const Box &slab)> use) {
  Box slab = wholeBox(shape);
  if (slab.elements() == 0) return absl::OkStatus();
  if (shape.empty()) return use(slab);
  const int64_t rows = std::max<int64_t>(1, kSlabElements / (slab.elements() / shape[0]));
  for (int64_t first = 0; first < shape[0]; first += rows) {
    slab.start[0] = first;
    slab.extent[0] = std::min(rows, shape[0] - first);
    if (absl::Status status = use(slab); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_SLABS_H
