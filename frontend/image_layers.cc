#include "frontend/image_layers.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

RowsAndColumns windowsOf(Value x, const RowsAndColumns &kernel, const WindowSpec &spec) {
  RowsAndColumns counts;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t padded = shapeOf(x)[2 + i] + 2 * spec.padding[i];
    counts[i] = (padded - spec.dilation[i] * (kernel[i] - 1) - 1) / spec.stride[i] + 1;
  }
  return counts;
}

// `x` with `padding` elements of that value on each side of rows and columns.
Value padded(ModelBuilder &model, Value x, const RowsAndColumns &padding, double value) {
  const Shape sides = {0, 0, padding[0], padding[1]};
  if (value == 0) return model.pad("padded", x, sides, sides);
  for (size_t i = 0; i < 2; ++i) {
    if (padding[i] == 0 || !x) continue;
    Shape shape = shapeOf(x);
    shape[2 + i] = padding[i];
    const Value side = model.fill("side", shape, ElementType::kFloat32, value);
    x = model.concat("padded", {side, x, side}, int64_t(2 + i));
  }
  return x;
}

// The elements of all windows: [batch, channels, elements of a window, windows].
Value windowElements(ModelBuilder &model, Value x, const RowsAndColumns &kernel, const WindowSpec &spec,
                     double padding) {
  const RowsAndColumns counts = windowsOf(x, kernel, spec);
  x = padded(model, x, spec.padding, padding);
  if (!x) return {};
  const Shape sizes = shapeOf(x);
  std::vector<Value> elements;
  for (int64_t row = 0; row < kernel[0]; ++row) {
    for (int64_t column = 0; column < kernel[1]; ++column) {
      const int64_t top = row * spec.dilation[0], left = column * spec.dilation[1];
      const Value element = model.slice("element", x, {0, 0, top, left},
                                        {sizes[0], sizes[1], top + (counts[0] - 1) * spec.stride[0] + 1,
                                         left + (counts[1] - 1) * spec.stride[1] + 1},
                                        {1, 1, spec.stride[0], spec.stride[1]});
      elements.push_back(model.reshape("element", element, {sizes[0], sizes[1], 1, counts[0] * counts[1]}));
    }
  }
  return elements.size() == 1 ? elements[0] : model.concat("windows", elements, 2);
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

// [batch, windows, out], of elements [batch, channels, elements of a window, windows].
Value ungrouped(ModelBuilder &model, Value elements, Value weight, Value bias) {
  const Shape sizes = shapeOf(elements), filter = shapeOf(weight);
  const int64_t terms = sizes[1] * sizes[2];
  const Value columns = model.reshape("columns", elements, {sizes[0], terms, sizes[3]});
  const Value rows = model.transpose("rows", columns, {0, 2, 1});
  return model.matmul("product", rows, model.reshape("filters", weight, {filter[0], terms}), /*isTransposed=*/true,
                      bias);
}

// The same with a matrix a group; the bias is added behind.
Value grouped(ModelBuilder &model, Value elements, Value weight, Value bias, int64_t groups) {
  const Shape sizes = shapeOf(elements), filter = shapeOf(weight);
  const int64_t batch = sizes[0], windows = sizes[3], out = filter[0], terms = filter[1] * sizes[2];
  const Value columns = model.reshape("columns", elements, {batch, groups, terms, windows});
  const Value rows = model.transpose("rows", columns, {1, 0, 3, 2});
  const Value filters = model.reshape("filters", weight, {groups, out / groups, terms});
  const Value product = model.matmul("product", model.reshape("rows", rows, {groups, batch * windows, terms}), filters,
                                     /*isTransposed=*/true);
  const Value apart = model.reshape("product", product, {groups, batch, windows, out / groups});
  const Value together = model.reshape("product", model.transpose("product", apart, {1, 2, 0, 3}),
                                       {batch, windows, out});
  return bias ? model.add("biased", together, model.broadcast("bias", bias, {batch, windows, out}, {2})) : together;
}

Value pool(ModelBuilder &model, absl::string_view name, Value x, const RowsAndColumns &kernel, const WindowSpec &spec,
           const char *kind, double padding) {
  const RowsAndColumns counts = windowsOf(x, kernel, spec);
  Value reduced;
  {
    Scope scope(model, name);
    reduced = model.reduce(kind, windowElements(model, x, kernel, spec, padding), kind, {2});
  }
  return model.reshape(name, reduced, {shapeOf(x)[0], shapeOf(x)[1], counts[0], counts[1]});
}

}  // namespace

Value convolution(ModelBuilder &model, absl::string_view name, Value x, Value weight, Value bias,
                  const WindowSpec &spec, int64_t groups) {
  if (!model.status().ok() || !checkConvolution(model, name, x, weight, bias, spec, groups)) return {};
  const Shape filter = shapeOf(weight);
  const RowsAndColumns kernel = {filter[2], filter[3]}, counts = windowsOf(x, kernel, spec);
  Value channels;
  {
    Scope scope(model, name);
    const Value elements = windowElements(model, x, kernel, spec, 0);
    if (!elements) return {};
    const Value product = groups == 1 ? ungrouped(model, elements, weight, bias)
                                      : grouped(model, elements, weight, bias, groups);
    channels = model.transpose("channels", product, {0, 2, 1});
  }
  return model.reshape(name, channels, {shapeOf(x)[0], filter[0], counts[0], counts[1]});
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
  return pool(model, name, x, kernel, spec, "max", std::numeric_limits<float>::lowest());
}

Value averagePool(ModelBuilder &model, absl::string_view name, Value x, const RowsAndColumns &kernel,
                  const WindowSpec &spec) {
  if (!model.status().ok() || !checkWindows(model, name, x, kernel, spec)) return {};
  return pool(model, name, x, kernel, spec, "mean", 0);
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
