#include "kernels/api/tensor_view.h"

#include "absl/strings/str_cat.h"

namespace cleave {

int64_t bytesOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64: return 8;
    case DType::kF32:
    case DType::kI32: return 4;
    case DType::kBF16:
    case DType::kF16: return 2;
    case DType::kBool: return 1;
  }
  return 1;
}

const char *nameOf(DType dtype) {
  switch (dtype) {
    case DType::kF32: return "f32";
    case DType::kF64: return "f64";
    case DType::kI32: return "i32";
    case DType::kI64: return "i64";
    case DType::kBool: return "i1";
    case DType::kBF16: return "bf16";
    case DType::kF16: return "f16";
  }
  return "unknown";
}

TensorView TensorView::contiguous(void *data, DType dtype, absl::Span<const int64_t> shape) {
  TensorView view;
  view.data = data;
  view.dtype = dtype;
  view.rank = static_cast<int>(shape.size() < kMaxRank ? shape.size() : kMaxRank);
  int64_t stride = 1;
  for (int d = view.rank - 1; d >= 0; --d) {
    view.shape[d] = shape[d];
    view.strides[d] = stride;
    stride *= shape[d];
  }
  return view;
}

int64_t TensorView::elements() const {
  int64_t count = 1;
  for (int64_t size : dims()) count *= size;
  return count;
}

bool TensorView::isContiguous() const {
  int64_t expected = 1;
  for (int d = rank - 1; d >= 0; --d) {
    if (shape[d] == 0) return true;
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

std::string TensorView::str() const {
  std::string text;
  for (int64_t size : dims()) absl::StrAppend(&text, size, "x");
  absl::StrAppend(&text, nameOf(dtype));
  return text;
}

}  // namespace cleave
