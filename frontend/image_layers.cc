#include "frontend/image_layers.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "ir/cleave.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

namespace cleave {
namespace {

using mlir::Value;
using Shape = std::vector<int64_t>;

// Sizes, strides and paddings beyond this are mistakes; their products fit 64 bits.
constexpr int64_t kMaxWindow = int64_t{1} << 20;

// Keeps the error; false, so that it can stand behind `||`.
bool refuse(ModelBuilder &model, absl::string_view name, const std::string &message) {
  model.fail(absl::InvalidArgumentError(absl::StrCat("\"", model.pathOf(name), "\": ", message)));
  return false;
}

bool checkOperand(ModelBuilder &model, absl::string_view name, const char *what, Value value) {
  if (!value) return refuse(model, name, absl::StrCat("requires a value as ", what, ", got a null one"));
  return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(value)) ||
         refuse(model, name, absl::StrCat("requires floats as ", what, ", got another type"));
}

bool checkSizes(ModelBuilder &model, absl::string_view name, const char *what, Value value, const Shape &shape) {
  return shapeOf(value) == shape ||
         refuse(model, name, absl::StrCat("requires ", what, " of sizes ", absl::StrJoin(shape, "x"), ", got ",
                                          absl::StrJoin(shapeOf(value), "x")));
}

bool checkRange(ModelBuilder &model, absl::string_view name, const char *what, const RowsAndColumns &values,
                int64_t least) {
  for (int64_t value : values)
    if (value < least || value > kMaxWindow)
      return refuse(model, name, absl::StrCat("requires a ", what, " of ", least, " to ", kMaxWindow, ", got ",
                                              absl::StrJoin(values, ", ")));
  return true;
}

bool checkWindows(ModelBuilder &model, absl::string_view name, Value x, const RowsAndColumns &kernel,
                  const WindowSpec &spec) {
  if (!checkOperand(model, name, "image", x)) return false;
  const Shape sizes = shapeOf(x);
  if (sizes.size() != 4)
    return refuse(model, name, absl::StrCat("requires an image [batch, channels, height, width], got ",
                                            absl::StrJoin(sizes, "x")));
  if (!checkRange(model, name, "kernel", kernel, 1) || !checkRange(model, name, "stride", spec.stride, 1) ||
      !checkRange(model, name, "padding", spec.padding, 0) || !checkRange(model, name, "dilation", spec.dilation, 1))
    return false;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t padded = sizes[2 + i] + 2 * spec.padding[i], reach = spec.dilation[i] * (kernel[i] - 1) + 1;
    if (reach > padded)
      return refuse(model, name, absl::StrCat("requires windows that fit the padded ", i == 0 ? "height " : "width ",
                                              padded, ", got windows of ", reach));
  }
  return true;
}

bool checkConvolution(ModelBuilder &model, absl::string_view name, Value x, Value weight, Value bias,
                      const WindowSpec &spec, int64_t groups) {
  if (!checkOperand(model, name, "weight", weight)) return false;
  const Shape sizes = shapeOf(weight);
  if (sizes.size() != 4)
    return refuse(model, name, absl::StrCat("requires a weight [out, in / groups, rows, columns], got ",
                                            absl::StrJoin(sizes, "x")));
  if (!checkWindows(model, name, x, {sizes[2], sizes[3]}, spec)) return false;
  const int64_t channels = shapeOf(x)[1];
  if (groups < 1 || channels % groups != 0 || sizes[0] % groups != 0)
    return refuse(model, name, absl::StrCat("requires groups that divide ", channels, " and ", sizes[0],
                                            " channels, got ", groups));
  return checkSizes(model, name, "a weight", weight, {sizes[0], channels / groups, sizes[2], sizes[3]}) &&
         (!bias || checkSizes(model, name, "a bias", bias, {sizes[0]}));
}

// Gives an op its name.
template <typename Op>
Value named(ModelBuilder &model, absl::string_view name, Op op) {
  model.mark(name, op);
  return op->getResult(0);
}

}  // namespace

Value convolution(ModelBuilder &model, absl::string_view name, Value x, Value weight, Value bias,
                  const WindowSpec &spec, int64_t groups) {
  if (!model.status().ok() || !checkConvolution(model, name, x, weight, bias, spec, groups)) return {};
  return named(model, name,
               ConvolutionOp::create(model.opBuilder(), model.location(), x, weight, bias, spec.stride, spec.padding,
                                     spec.dilation, groups));
}

Value maxPool(ModelBuilder &model, absl::string_view name, Value x, const RowsAndColumns &kernel,
              const WindowSpec &spec) {
  if (!model.status().ok() || !checkWindows(model, name, x, kernel, spec)) return {};
  for (size_t i = 0; i < 2; ++i) {
    if (2 * spec.padding[i] <= kernel[i]) continue;  // each window has an element of the image
    refuse(model, name, absl::StrCat("requires a padding of at most half the kernel ", kernel[i], ", got ",
                                     spec.padding[i]));
    return {};
  }
  return named(model, name, MaxPoolOp::create(model.opBuilder(), model.location(), x, spec.stride, spec.padding,
                                              spec.dilation, kernel));
}

Value averagePool(ModelBuilder &model, absl::string_view name, Value x, const RowsAndColumns &kernel,
                  const WindowSpec &spec) {
  if (!model.status().ok() || !checkWindows(model, name, x, kernel, spec)) return {};
  return named(model, name, AveragePoolOp::create(model.opBuilder(), model.location(), x, spec.stride, spec.padding,
                                                  spec.dilation, kernel));
}

Value groupNorm(ModelBuilder &model, absl::string_view name, Value x, int64_t groups, Value weight, Value bias,
                double epsilon) {
  if (!model.status().ok() || !checkOperand(model, name, "input", x) || !checkOperand(model, name, "weight", weight) ||
      !checkOperand(model, name, "bias", bias))
    return {};
  const Shape sizes = shapeOf(x);
  if (sizes.size() < 2) {
    refuse(model, name, absl::StrCat("requires [batch, channels, ...], got rank ", sizes.size()));
    return {};
  }
  if (groups < 1 || sizes[1] % groups != 0) {
    refuse(model, name, absl::StrCat("requires groups that divide ", sizes[1], " channels, got ", groups));
    return {};
  }
  if (!checkSizes(model, name, "a weight", weight, {sizes[1]}) || !checkSizes(model, name, "a bias", bias, {sizes[1]}))
    return {};
  int64_t features = sizes[1] / groups;
  for (size_t i = 2; i < sizes.size(); ++i) features *= sizes[i];
  Value scaled, shift;
  {
    Scope scope(model, name);
    NormSpec plain;
    plain.epsilon = epsilon;
    plain.hasParameters = false;
    const Value rows = model.reshape("groups", x, {sizes[0], groups, features});
    const Value normed = model.reshape("normed", model.layerNorm("norm", rows, plain), sizes);
    scaled = model.multiply("scaled", normed, model.broadcast("scale", weight, sizes, {1}));
    shift = model.broadcast("shift", bias, sizes, {1});
  }
  return model.add(name, scaled, shift);
}

}  // namespace cleave
