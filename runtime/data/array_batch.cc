#include "runtime/data/array_batch.h"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/data/derived_inputs.h"
#include "runtime/data/row_source.h"

namespace cleave {
namespace {

using program::DataInput;
using program::Entry;
using program::Port;

constexpr const char *kBatch = "batch";  // what messages call the arrays

std::string shapeText(absl::Span<const int64_t> dims) { return absl::StrJoin(dims, "x"); }

// Calls `visit(index in row-major order, address)` for each element of a view; stops when it gives false.
template <typename Visit>
bool forEach(const TensorView &view, Visit visit) {
  const int64_t elements = view.elements(), bytes = bytesOf(view.dtype);
  if (view.isContiguous()) {
    for (int64_t i = 0; i < elements; ++i)
      if (!visit(i, static_cast<const char *>(view.data) + i * bytes)) return false;
    return true;
  }
  std::array<int64_t, kMaxRank> at{};
  for (int64_t i = 0; i < elements; ++i) {
    int64_t offset = 0;
    for (int d = 0; d < view.rank; ++d) offset += at[size_t(d)] * view.strides[size_t(d)];
    if (!visit(i, static_cast<const char *>(view.data) + offset * bytes)) return false;
    for (int d = view.rank - 1; d >= 0 && ++at[size_t(d)] == view.shape[size_t(d)]; --d) at[size_t(d)] = 0;
  }
  return true;
}

bool isFloating(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }

int64_t integerAt(const char *at, DType dtype) {
  if (dtype == DType::kI32) return *reinterpret_cast<const int32_t *>(at);
  if (dtype == DType::kI64) return *reinterpret_cast<const int64_t *>(at);
  return *reinterpret_cast<const uint8_t *>(at);
}

TensorView rowOf(const TensorView &array, int64_t row) {
  TensorView view = array;
  view.data = static_cast<char *>(array.data) + row * array.strides[0] * bytesOf(array.dtype);
  view.shape[0] = 1;
  return view;
}

class ArraySource final : public RowSource {
 public:
  ArraySource(const Arrays &arrays, int64_t rows) : arrays_(arrays), rows_(rows) {}

  int64_t rows() const final { return rows_; }
  std::vector<std::string> columns() const final {
    std::vector<std::string> names;
    for (const auto &[name, unused] : arrays_) names.push_back(name);
    return names;
  }
  bool has(const std::string &column) const final { return arrays_.count(column) != 0; }
  int64_t width(const std::string &column) const final { return arrays_.at(column).elements() / rows_; }

  absl::Status readIntegers(const std::string &column, int64_t row, absl::Span<int64_t> out) const final {
    const TensorView &array = arrays_.at(column);
    if (isFloating(array.dtype)) return wrongKind(column, "integers", array.dtype);
    forEach(rowOf(array, row),
            [&](int64_t i, const char *at) { return out[size_t(i)] = integerAt(at, array.dtype), true; });
    return absl::OkStatus();
  }

  absl::Status readFloats(const std::string &column, int64_t row, absl::Span<float> out) const final {
    const TensorView &array = arrays_.at(column);
    if (!isFloating(array.dtype)) return wrongKind(column, "floats", array.dtype);
    forEach(rowOf(array, row), [&](int64_t i, const char *at) {
      out[size_t(i)] = array.dtype == DType::kF32 ? *reinterpret_cast<const float *>(at)
                                                  : float(*reinterpret_cast<const double *>(at));
      return true;
    });
    return absl::OkStatus();
  }

  std::string where(const std::string &column, int64_t row, int64_t index) const final {
    return absl::StrCat(kBatch, " at \"", column, "\" row ", row, " position ", index);
  }
  void release() const final {}

 private:
  absl::Status wrongKind(const std::string &column, const char *required, DType seen) const {
    return absl::InvalidArgumentError(
        absl::StrCat(kBatch, ": requires ", required, " in \"", column, "\", got ", nameOf(seen)));
  }

  const Arrays &arrays_;
  int64_t rows_;
};

// The shape that a caller sees: microbatches, which lie first in the port, are parts of one batch.
std::vector<int64_t> expectedShape(const Port &port, int64_t batch, int64_t microbatches) {
  std::vector<int64_t> dims = port.type.dims;
  if (microbatches > 1 && dims.size() > 1 && dims[0] == microbatches && dims[0] * dims[1] == batch) {
    dims.erase(dims.begin());
    dims[0] = batch;
  }
  return dims;
}

absl::Status checkShape(const std::string &name, const TensorView &array, const std::vector<int64_t> &expected) {
  if (array.dims() == absl::MakeConstSpan(expected)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(kBatch, ": requires \"", name, "\" of shape ", shapeText(expected),
                                                 ", got ", shapeText(array.dims())));
}

// An array as a view of the port's type.
TensorView asPort(const TensorView &array, const Port &port) {
  if (array.rank == int(port.type.dims.size())) return array;
  TensorView view = array;  // the first dimension by microbatches
  view.rank = array.rank + 1;
  for (int d = view.rank - 1; d > 1; --d) {
    view.shape[size_t(d)] = array.shape[size_t(d - 1)];
    view.strides[size_t(d)] = array.strides[size_t(d - 1)];
  }
  view.shape[0] = port.type.dims[0];
  view.shape[1] = port.type.dims[1];
  view.strides[1] = array.strides[0];
  view.strides[0] = array.strides[0] * view.shape[1];
  return view;
}

absl::Status checkValues(const DataInput &input, const TensorView &array) {
  if (isFloating(array.dtype)) return absl::OkStatus();
  const ValueRange range = rangeOf(input, array.dtype);
  const int64_t width = array.rank == 0 ? 1 : array.elements() / array.shape[0];
  absl::Status status;
  forEach(array, [&](int64_t i, const char *at) {
    const int64_t value = integerAt(at, array.dtype);
    if (range.holds(value)) return true;
    status = absl::OutOfRangeError(absl::StrCat(kBatch, " at \"", input.source, "\" row ", i / width, " position ",
                                                i % width, ": requires a value ", range.str(), ", got ", value));
    return false;
  });
  return status;
}

absl::Status checkNames(const Arrays &arrays, const std::vector<const Port *> &ports, const LoadedPlan &plan) {
  std::vector<std::string> sources;
  for (const Port *port : ports)
    for (const std::string &name : {inputOf(*port, plan.family).source, port->name})
      if (std::find(sources.begin(), sources.end(), name) == sources.end()) sources.push_back(name);
  for (const auto &[name, unused] : arrays)
    if (std::find(sources.begin(), sources.end(), name) == sources.end())
      return absl::InvalidArgumentError(
          absl::StrCat(kBatch, ": requires arrays out of ", absl::StrJoin(sources, ", "), ", got \"", name, "\""));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::map<std::string, TensorView>> inputsFrom(const Arrays &arrays, const LoadedPlan &plan,
                                                             const Entry &entry, Batch &made) {
  std::vector<const Port *> ports;
  std::vector<DataPort> others;
  for (const Port &port : entry.inputs)
    if (!isHostPort(port.name)) ports.push_back(&port);
  if (absl::Status status = checkNames(arrays, ports, plan); !status.ok()) return status;
  const bool isOfTraining = entry.name == "step" || entry.name == "evaluate";
  std::map<std::string, TensorView> inputs;
  int64_t batch = plan.training.batch;
  const int64_t microbatches = entry.name == "step" ? plan.training.microbatches : 1;
  for (const Port *port : ports) {
    DataInput input = inputOf(*port, plan.family);
    if (isDerived(input) && arrays.count(port->name) != 0) {  // given as it is
      input.source = port->name;
      input.otherwise = "required";
    }
    if (!isOfTraining) batch = port->type.dims.empty() ? 1 : port->type.dims[0];
    const auto array = arrays.find(input.source);
    if (array != arrays.end())
      if (absl::Status status = checkShape(input.source, array->second, expectedShape(*port, batch, microbatches));
          !status.ok())
        return status;
    if (array == arrays.end() || isDerived(input) || array->second.dtype != port->type.dtype) {
      others.push_back({input, port});
      continue;
    }
    if (absl::Status status = checkValues(input, array->second); !status.ok()) return status;
    inputs[port->name] = asPort(array->second, *port);
  }
  if (others.empty()) return inputs;
  auto reader = BatchReader::over(std::make_unique<ArraySource>(arrays, batch), kBatch, plan, others);
  if (!reader.ok()) return reader.status();
  std::vector<int64_t> rows(static_cast<size_t>(batch));
  std::iota(rows.begin(), rows.end(), 0);
  auto rest = reader->read(rows, batch);
  if (!rest.ok()) return rest.status();
  made = *std::move(rest);
  for (auto &[name, tensor] : made) inputs[name] = tensor.view();
  return inputs;
}

}  // namespace cleave
