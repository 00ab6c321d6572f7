// How reference kernels walk over views: by index, whatever the strides.

#ifndef CLEAVE_KERNELS_REFERENCE_ELEMENT_H
#define CLEAVE_KERNELS_REFERENCE_ELEMENT_H

#include <array>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/api/registry.h"

namespace cleave {

using Index = std::array<int64_t, kMaxRank>;

// Calls body(index) for each index of `dims`, the last one fastest; once for a scalar.
template <typename Body>
void forEachIndex(absl::Span<const int64_t> dims, Body &&body) {
  for (int64_t size : dims)
    if (size == 0) return;
  Index index{};
  while (true) {
    body(static_cast<const Index &>(index));
    int d = static_cast<int>(dims.size()) - 1;
    while (d >= 0 && ++index[d] == dims[d]) index[d--] = 0;
    if (d < 0) return;
  }
}

// The extents without the last `count`.
inline absl::Span<const int64_t> leadingDims(const TensorView &view, int count = 1) {
  return view.dims().subspan(0, view.rank - count);
}

inline int64_t lastDim(const TensorView &view) { return view.shape[view.rank - 1]; }

// Where an index lies, in elements; only its first `rank` entries count.
inline int64_t offsetOf(const TensorView &view, const Index &index) {
  int64_t offset = 0;
  for (int d = 0; d < view.rank; ++d) offset += index[d] * view.strides[d];
  return offset;
}

template <typename T>
T &at(const TensorView &view, const Index &index) {
  return view.as<T>()[offsetOf(view, index)];
}

// `index` with entry d set.
inline Index with(Index index, int d, int64_t value) {
  index[d] = value;
  return index;
}

// An entry of any numeric dtype.
inline double numberAt(const TensorView &view, const Index &index = {}) {
  switch (view.dtype) {
    case DType::kF32: return at<float>(view, index);
    case DType::kF64: return at<double>(view, index);
    case DType::kI32: return at<int32_t>(view, index);
    case DType::kI64: return static_cast<double>(at<int64_t>(view, index));
    case DType::kBool: return at<uint8_t>(view, index) != 0;
    default: return 0;
  }
}
inline int64_t integerAt(const TensorView &view, const Index &index) {
  switch (view.dtype) {
    case DType::kI32: return at<int32_t>(view, index);
    case DType::kI64: return at<int64_t>(view, index);
    default: return at<uint8_t>(view, index) != 0;
  }
}

inline void copyElement(const TensorView &to, const Index &toIndex, const TensorView &from, const Index &fromIndex) {
  const int64_t size = bytesOf(to.dtype);
  std::memmove(to.as<char>() + offsetOf(to, toIndex) * size, from.as<char>() + offsetOf(from, fromIndex) * size, size);
}

// Calls body(T()) with the C++ type of a dtype that `check` has allowed.
template <typename Body>
auto withFloat(DType dtype, Body &&body) {
  return dtype == DType::kF64 ? body(double()) : body(float());
}
template <typename Body>
auto withNumber(DType dtype, Body &&body) {
  switch (dtype) {
    case DType::kF64: return body(double());
    case DType::kI32: return body(int32_t());
    case DType::kI64: return body(int64_t());
    default: return body(float());
  }
}
template <typename Body>
auto withNumberOrBool(DType dtype, Body &&body) {
  return dtype == DType::kBool ? body(uint8_t()) : withNumber(dtype, body);
}

// "requires <rule>, got <seen> at [i, j]".
inline absl::Status outOfBounds(absl::string_view what, int64_t size, int64_t seen, const Index &index, int rank) {
  return absl::OutOfRangeError(absl::StrCat("requires ", what, " from 0 to ", size - 1, ", got ", seen, " at [",
                                            absl::StrJoin(index.begin(), index.begin() + rank, ", "), "]"));
}

}  // namespace cleave

#endif  // CLEAVE_KERNELS_REFERENCE_ELEMENT_H
