#include "runtime/plan/plan_checks.h"

namespace cleave {

absl::Status checkDims(absl::string_view where, absl::Span<const int64_t> dims, DType dtype) {
  if (dims.size() > kMaxRank) return planError(where, absl::StrCat("at most ", kMaxRank, " dimensions"), dims.size());
  // The size as if no dimension were empty, so that no product of some of them overflows either.
  int64_t bytes = bytesOf(dtype);
  for (int64_t size : dims) {
    if (size < 0) return planError(where, "extents of at least 0", listOf(dims));
    if (__builtin_mul_overflow(bytes, size ? size : 1, &bytes) || bytes > kMaxTensorBytes)
      return planError(where, absl::StrCat("a tensor of at most ", kMaxTensorBytes, " bytes"), listOf(dims));
  }
  return absl::OkStatus();
}

int64_t spanOf(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides) {
  int64_t span = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dims[d] == 0) return 0;
    int64_t reach;
    if (__builtin_mul_overflow(dims[d] - 1, strides[d], &reach) || __builtin_add_overflow(span, reach, &span))
      return -1;
  }
  return span;
}

}  // namespace cleave
