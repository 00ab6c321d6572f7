#include "tests/conformance/tensor.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mlir/IR/TypeUtilities.h"

namespace cleave {
namespace {

// Calls `body` with a value of the C++ type of the elements.
template <typename Body>
void dispatch(DType dtype, Body body) {
  switch (dtype) {
    case DType::kF64: return body(double{});
    case DType::kI32: return body(int32_t{});
    case DType::kI64: return body(int64_t{});
    case DType::kBool: return body(uint8_t{});
    default: return body(float{});
  }
}

}  // namespace

Tensor Tensor::filled(DType dtype, std::vector<int64_t> shape, double value) {
  int64_t elements = 1;
  for (int64_t size : shape) elements *= size;
  return {dtype, std::move(shape), std::vector<double>(elements, value)};
}

DType dtypeOf(mlir::Type type) {
  mlir::Type element = mlir::getElementTypeOrSelf(type);
  if (element.isF64()) return DType::kF64;
  if (element.isInteger(1)) return DType::kBool;
  if (element.isInteger(32)) return DType::kI32;
  if (element.isInteger(64)) return DType::kI64;
  return DType::kF32;
}

std::vector<int64_t> shapeOf(mlir::Type type) { return mlir::cast<mlir::RankedTensorType>(type).getShape().vec(); }

void forEachIndex(absl::Span<const int64_t> extents, absl::FunctionRef<void(absl::Span<const int64_t>)> visit) {
  int64_t elements = 1;
  for (int64_t size : extents) elements *= size;
  std::vector<int64_t> index(extents.size(), 0);
  for (; elements > 0; --elements) {
    visit(index);
    for (size_t dim = index.size(); dim-- > 0 && ++index[dim] == extents[dim];) index[dim] = 0;
  }
}

int64_t flatten(absl::Span<const int64_t> index, absl::Span<const int64_t> shape) {
  int64_t flat = 0;
  for (size_t dim = 0; dim < shape.size(); ++dim) flat = flat * shape[dim] + index[dim];
  return flat;
}

std::vector<char> toBytes(const Tensor &tensor) {
  std::vector<char> bytes(tensor.values.size() * bytesOf(tensor.dtype) + 1);  // so that data() is never null
  dispatch(tensor.dtype, [&](auto zero) {
    auto *data = reinterpret_cast<decltype(zero) *>(bytes.data());
    for (size_t i = 0; i < tensor.values.size(); ++i) data[i] = decltype(zero)(tensor.values[i]);
  });
  return bytes;
}

void fromBytes(const std::vector<char> &bytes, Tensor &tensor) {
  dispatch(tensor.dtype, [&](auto zero) {
    const auto *data = reinterpret_cast<const decltype(zero) *>(bytes.data());
    for (size_t i = 0; i < tensor.values.size(); ++i) tensor.values[i] = double(data[i]);
  });
}

absl::Status expectClose(const Tensor &actual, const Tensor &expected, double tolerance) {
  if (actual.shape != expected.shape || actual.dtype != expected.dtype)
    return absl::InternalError(absl::StrCat("requires ", nameOf(expected.dtype), "[",
                                            absl::StrJoin(expected.shape, "x"), "], got ", nameOf(actual.dtype), "[",
                                            absl::StrJoin(actual.shape, "x"), "]"));
  double scale = 1;
  for (double value : expected.values)
    if (std::isfinite(value)) scale = std::max(scale, std::abs(value));
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double a = actual.values[i], e = expected.values[i];
    if (a == e || (std::isnan(a) && std::isnan(e)) || std::abs(a - e) <= tolerance * scale) continue;
    return absl::InternalError(absl::StrCat("requires ", e, " as element ", i, ", got ", a));
  }
  return absl::OkStatus();
}

}  // namespace cleave
