#include "python_bindings/arrays.h"

#include <nanobind/stl/string.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "python_bindings/status_error.h"

namespace cleave::python {
namespace {

namespace nb = nanobind;

struct DTypeRow {
  DType dtype;
  nb::dlpack::dtype_code code;
  uint8_t bits;
};

constexpr DTypeRow kDTypes[] = {
    {DType::kF32, nb::dlpack::dtype_code::Float, 32}, {DType::kF64, nb::dlpack::dtype_code::Float, 64},
    {DType::kI32, nb::dlpack::dtype_code::Int, 32},   {DType::kI64, nb::dlpack::dtype_code::Int, 64},
    {DType::kBool, nb::dlpack::dtype_code::Bool, 8},
};

[[noreturn]] void refuse(const std::string &message) { throw StatusError(absl::InvalidArgumentError(message)); }

std::optional<DType> dtypeOf(nb::dlpack::dtype dtype) {
  for (const DTypeRow &row : kDTypes)
    if (uint8_t(row.code) == dtype.code && row.bits == dtype.bits && dtype.lanes == 1) return row.dtype;
  return std::nullopt;
}

nb::dlpack::dtype dlpackOf(DType dtype) {
  for (const DTypeRow &row : kDTypes)
    if (row.dtype == dtype) return {uint8_t(row.code), row.bits, 1};
  refuse(absl::StrCat("requires a dtype that NumPy has, got ", nameOf(dtype)));
}

}  // namespace

TensorView viewOf(const AnyArray &array, const std::string &name) {
  const std::optional<DType> dtype = dtypeOf(array.dtype());
  if (!dtype)
    refuse(absl::StrCat("\"", name, "\": requires float32, float64, int32, int64 or bool, got ",
                        int(array.dtype().bits), " bits of dtype code ", int(array.dtype().code)));
  if (array.ndim() > size_t(kMaxRank))
    refuse(absl::StrCat("\"", name, "\": requires at most ", kMaxRank, " dimensions, got ", array.ndim()));
  TensorView view;
  view.data = const_cast<void *>(static_cast<const void *>(array.data()));
  view.dtype = *dtype;
  view.rank = int(array.ndim());
  for (size_t d = 0; d < array.ndim(); ++d) {
    view.shape[d] = int64_t(array.shape(d));
    view.strides[d] = array.stride(d);
  }
  return view;
}

ArrayDict::ArrayDict(nb::dict dict) {
  for (auto [key, value] : dict) {
    if (!nb::isinstance<nb::str>(key)) refuse("batch: requires names as keys, got something else");
    const std::string name = nb::cast<std::string>(key);
    AnyArray array;
    if (!nb::try_cast(value, array) || !array.is_valid())
      refuse(absl::StrCat("\"", name, "\": requires an array of a CPU (NumPy or DLPack), got ",
                          nb::cast<std::string>(nb::str(value.type()))));
    views[name] = viewOf(array, name);
    owners.push_back(std::move(array));
  }
}

nb::object arrayOf(HostTensor tensor) {
  auto *owned = new HostTensor(std::move(tensor));
  nb::capsule owner(owned, [](void *held) noexcept { delete static_cast<HostTensor *>(held); });
  const TensorView view = owned->view();
  std::vector<size_t> shape(view.dims().begin(), view.dims().end());
  return nb::cast(nb::ndarray<nb::numpy>(view.data, shape.size(), shape.data(), owner, nullptr, dlpackOf(view.dtype)));
}

}  // namespace cleave::python
