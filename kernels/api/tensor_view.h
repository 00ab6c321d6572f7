// A tensor in memory that somebody else owns.

#ifndef CLEAVE_KERNELS_API_TENSOR_VIEW_H
#define CLEAVE_KERNELS_API_TENSOR_VIEW_H

#include <array>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace cleave {

// Element types. A bool is one byte, 0 or 1.
enum class DType : uint8_t { kF32, kF64, kI32, kI64, kBool, kBF16, kF16 };

int64_t bytesOf(DType dtype);          // of one element
const char *nameOf(DType dtype);       // "f32", "f64", "i32", "i64", "i1", "bf16", "f16"

inline constexpr int kMaxRank = 8;

// Where a tensor lies: `data` is its first element; strides count elements. Does not own the memory. A scalar has rank 0.
struct TensorView {
  void *data = nullptr;
  DType dtype = DType::kF32;
  int rank = 0;
  std::array<int64_t, kMaxRank> shape{};
  std::array<int64_t, kMaxRank> strides{};

  // Row-major and without gaps.
  static TensorView contiguous(void *data, DType dtype, absl::Span<const int64_t> shape);

  template <typename T>
  T *as() const {
    return static_cast<T *>(data);
  }
  absl::Span<const int64_t> dims() const { return absl::MakeConstSpan(shape.data(), rank); }
  int64_t elements() const;  // 1 for a scalar; 0 if a dimension is empty
  int64_t bytes() const { return elements() * bytesOf(dtype); }
  bool isContiguous() const;
  std::string str() const;  // "4x16xf32"
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_TENSOR_VIEW_H
