// A tensor in the host's memory that owns its bytes.

#ifndef CLEAVE_RUNTIME_HOST_TENSOR_H
#define CLEAVE_RUNTIME_HOST_TENSOR_H

#include <cstdint>
#include <vector>

#include "kernels/api/tensor_view.h"

namespace cleave {

// Row-major, zeros at first.
class HostTensor {
 public:
  HostTensor() = default;
  HostTensor(DType dtype, std::vector<int64_t> dims) : dtype_(dtype), dims_(std::move(dims)) {
    int64_t elements = 1;
    for (int64_t size : dims_) elements *= size;
    words_.resize((elements * bytesOf(dtype_) + 7) / 8);
  }

  DType dtype() const { return dtype_; }
  const std::vector<int64_t> &dims() const { return dims_; }
  TensorView view() { return TensorView::contiguous(words_.data(), dtype_, dims_); }
  int64_t elements() const {
    int64_t count = 1;
    for (int64_t size : dims_) count *= size;
    return count;
  }

  template <typename T>
  T *as() {
    return reinterpret_cast<T *>(words_.data());
  }
  template <typename T>
  const T *as() const {
    return reinterpret_cast<const T *>(words_.data());
  }

 private:
  DType dtype_ = DType::kF32;
  std::vector<int64_t> dims_;
  std::vector<uint64_t> words_;  // aligned for every element type
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_HOST_TENSOR_H
