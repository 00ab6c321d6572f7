#include "kernels/checks/call_check.h"

#include <cstdlib>
#include <limits>

#include "absl/strings/str_join.h"

namespace cleave {
namespace {

constexpr int64_t kMaxReach = int64_t{1} << 56;  // elements between the first and the last along one dimension

std::string textOf(const Shape &shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

}  // namespace

Shape leadingOf(const TensorView &view) {
  Shape shape = shapeOf(view);
  if (!shape.empty()) shape.pop_back();
  return shape;
}

bool isFloat(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF64; }
bool isInteger(DType dtype) { return dtype == DType::kI32 || dtype == DType::kI64; }
bool isNumber(DType dtype) { return isFloat(dtype) || isInteger(dtype); }

CallCheck::CallCheck(const KernelCall &call) : call_(call) {
  for (size_t i = 0; i < call.inputs.size() && ok(); ++i) checkView("input", i, call.inputs[i], /*written=*/false);
  for (size_t i = 0; i < call.outputs.size() && ok(); ++i) checkView("output", i, call.outputs[i], /*written=*/true);
}

void CallCheck::fail(absl::string_view rule, absl::string_view seen) {
  if (ok()) status_ = absl::InvalidArgumentError(absl::StrCat("requires ", rule, ", got ", seen));
}

void CallCheck::checkView(const char *kind, size_t number, const TensorView &view, bool written) {
  const std::string name = absl::StrCat(kind, " ", number);
  if (view.rank < 0 || view.rank > kMaxRank)
    return fail(absl::StrCat(name, " of a rank from 0 to ", kMaxRank), absl::StrCat(view.rank));
  if (view.dtype > DType::kF16) return fail(absl::StrCat(name, " of a known dtype"), absl::StrCat(int(view.dtype)));
  int64_t elements = 1;
  for (int d = 0; d < view.rank; ++d) {
    const int64_t size = view.shape[d], stride = view.strides[d];
    if (size < 0) return fail(absl::StrCat(name, " without negative extents"), textOf(shapeOf(view)));
    if (size > kMaxElements / elements)
      return fail(absl::StrCat(name, " of at most 2^48 elements"), textOf(shapeOf(view)));
    elements *= size > 1 ? size : 1;
    if (stride < -kMaxReach || stride > kMaxReach || (size > 1 && std::abs(stride) > kMaxReach / size))
      return fail(absl::StrCat(name, " with strides that 64 bits can index"), absl::StrCat("stride ", stride));
  }
  if (!written || view.elements() == 0) return;
  for (int d = 0; d < view.rank; ++d)
    if (view.shape[d] > 1 && view.strides[d] == 0)
      return fail(absl::StrCat(name, " whose elements lie apart, as it is written"), "stride 0");
}

bool CallCheck::inputCount(size_t low, size_t high) {
  return require(call_.inputs.size() >= low && call_.inputs.size() <= high,
                 low == high ? absl::StrCat(low, " inputs") : absl::StrCat("from ", low, " to ", high, " inputs"),
                 call_.inputs.size());
}

bool CallCheck::outputCount(size_t count) {
  return require(call_.outputs.size() == count, absl::StrCat(count, " outputs"), call_.outputs.size());
}

std::vector<int> CallCheck::segments(size_t operands, size_t required) {
  std::vector<int> present(operands, 0);
  if (!call_.attributes.has("segments")) {
    for (size_t i = 0; i < operands; ++i) present[i] = i < call_.inputs.size();
    require(inputs() >= required && inputs() <= operands, "'segments' to match the inputs", inputs());
    return present;
  }
  const std::vector<int64_t> given = integerList("segments", operands, 0, 1);
  if (!ok()) return present;
  size_t sum = 0;
  for (size_t i = 0; i < operands; ++i) {
    require(i >= required || given[i] == 1, absl::StrCat("operand ", i, " to be there"), "'segments' without it");
    present[i] = static_cast<int>(given[i]);
    sum += present[i];
  }
  require(sum == inputs(), "'segments' to add up to the number of inputs", absl::StrCat(sum, " and ", inputs()));
  return ok() ? present : std::vector<int>(operands, 0);
}

void CallCheck::dtype(absl::string_view name, const TensorView &view, DType wanted) {
  require(view.dtype == wanted, absl::StrCat(name, " of dtype ", nameOf(wanted)), nameOf(view.dtype));
}

void CallCheck::floats(absl::string_view name, const TensorView &view) {
  require(isFloat(view.dtype), absl::StrCat(name, " of dtype f32 or f64"), nameOf(view.dtype));
}

void CallCheck::numbers(absl::string_view name, const TensorView &view) {
  require(isNumber(view.dtype), absl::StrCat(name, " of dtype f32, f64, i32 or i64"), nameOf(view.dtype));
}

void CallCheck::integers(absl::string_view name, const TensorView &view) {
  require(isInteger(view.dtype), absl::StrCat(name, " of dtype i32 or i64"), nameOf(view.dtype));
}

void CallCheck::rank(absl::string_view name, const TensorView &view, int low, int high) {
  require(view.rank >= low && view.rank <= high,
          low == high ? absl::StrCat(name, " of rank ", low) : absl::StrCat(name, " of rank ", low, " to ", high),
          view.rank);
}

void CallCheck::shape(absl::string_view name, const TensorView &view, const Shape &wanted) {
  if (ok() && view.dims() != absl::MakeConstSpan(wanted))
    fail(absl::StrCat(name, " of shape ", textOf(wanted)), textOf(shapeOf(view)));
}

void CallCheck::like(absl::string_view name, const TensorView &view, const TensorView &other) {
  dtype(name, view, other.dtype);
  if (ok()) shape(name, view, shapeOf(other));
}

void CallCheck::randomKey(absl::string_view name, const TensorView &view) {
  dtype(name, view, DType::kI32);
  shape(name, view, {4});
}

template <typename T>
T CallCheck::within(absl::string_view name, const absl::StatusOr<T> &value, T low, T high) {
  if (!value.ok()) status_ = value.status();
  if (!ok()) return 0;
  return require(*value >= low && *value <= high, absl::StrCat("'", name, "' from ", low, " to ", high), *value)
             ? *value
             : 0;
}

int64_t CallCheck::integer(absl::string_view name, int64_t low, int64_t high) {
  return ok() ? within(name, call_.attributes.findInt(name), low, high) : 0;
}

int64_t CallCheck::integerOr(absl::string_view name, int64_t otherwise, int64_t low, int64_t high) {
  return call_.attributes.has(name) ? integer(name, low, high) : otherwise;
}

double CallCheck::number(absl::string_view name, double low, double high) {
  return ok() ? within(name, call_.attributes.findDouble(name), low, high) : 0;
}

double CallCheck::numberOr(absl::string_view name, double otherwise, double low, double high) {
  return call_.attributes.has(name) ? number(name, low, high) : otherwise;
}

double CallCheck::finite(absl::string_view name) {
  return number(name, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

std::vector<int64_t> CallCheck::integerList(absl::string_view name, size_t size, int64_t low, int64_t high) {
  if (!ok()) return {};
  const auto values = call_.attributes.findInts(name);
  if (!values.ok()) {
    status_ = values.status();
    return {};
  }
  require(values->size() == size, absl::StrCat("'", name, "' to have ", size, " entries"), values->size());
  for (int64_t value : *values)
    require(value >= low && value <= high, absl::StrCat("'", name, "' to have entries from ", low, " to ", high),
            value);
  return ok() ? *values : std::vector<int64_t>();
}

std::vector<double> CallCheck::numberList(absl::string_view name) {
  if (!ok()) return {};
  const auto values = call_.attributes.findDoubles(name);
  if (!values.ok()) status_ = values.status();
  return values.ok() ? *values : std::vector<double>();
}

std::string CallCheck::choice(absl::string_view name, std::initializer_list<const char *> choices) {
  if (!ok()) return "";
  const auto value = call_.attributes.findString(name);
  if (!value.ok()) {
    status_ = value.status();
    return "";
  }
  for (const char *choice : choices)
    if (*value == choice) return *value;
  fail(absl::StrCat("'", name, "' to be one of ", absl::StrJoin(choices, ", ")), absl::StrCat("'", *value, "'"));
  return "";
}

void checkPart(CallCheck &check, const Shape &shape, const Shape &offset, const Shape &part, absl::string_view name) {
  if (!check.ok()) return;
  if (!check.require(shape.size() == part.size() && offset.size() == part.size(),
                     absl::StrCat(name, "'s whole shape and offset to have its rank, ", part.size()),
                     absl::StrCat(shape.size(), " and ", offset.size())))
    return;
  int64_t elements = 1;
  for (size_t d = 0; d < part.size(); ++d) {
    if (!check.require(shape[d] >= 0 && shape[d] <= kMaxElements / elements,
                       absl::StrCat(name, "'s whole shape to have at most 2^48 elements"), textOf(shape)))
      return;
    elements *= shape[d] > 1 ? shape[d] : 1;
    check.require(offset[d] >= 0 && offset[d] <= shape[d] && part[d] <= shape[d] - offset[d],
                  absl::StrCat(name, " to lie inside its whole shape ", textOf(shape)),
                  absl::StrCat(textOf(part), " at ", textOf(offset)));
  }
}

}  // namespace cleave
