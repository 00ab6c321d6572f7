// Types, strategies and generic forms of convolutions and pooling.

#include <array>
#include <limits>

#include "ir/cleave.h"

namespace cleave {
namespace {

using Location = std::optional<mlir::Location>;
using Sizes = llvm::ArrayRef<int64_t>;
using mlir::Value;

// More is a mistake; products of three fit 64 bits.
constexpr int64_t kMaxSize = int64_t{1} << 20;

mlir::RankedTensorType imageType(mlir::Type type) {
  auto image = mlir::cast<mlir::RankedTensorType>(type);
  return image.getRank() == 4 ? image : mlir::RankedTensorType();
}

mlir::LogicalResult checkPair(Location location, llvm::StringRef name, Sizes values, int64_t least) {
  if (values.size() == 2 && llvm::all_of(values, [&](int64_t v) { return v >= least && v <= kMaxSize; }))
    return mlir::success();
  std::string seen;
  for (int64_t value : values) seen += (seen.empty() ? "" : ", ") + std::to_string(value);
  return mlir::emitOptionalError(location, "requires two numbers from ", least, " to ", kMaxSize, " as ", name,
                                 ", got ", seen.empty() ? "none" : seen);
}

// How many windows there are, over rows and over columns.
mlir::FailureOr<std::array<int64_t, 2>> countWindows(Location location, Sizes image, Sizes window,
                                                     const WindowSteps &steps) {
  if (failed(checkPair(location, "strides", steps.strides, 1)) ||
      failed(checkPair(location, "padding", steps.padding, 0)) ||
      failed(checkPair(location, "dilation", steps.dilation, 1)) || failed(checkPair(location, "window", window, 1)))
    return mlir::failure();
  std::array<int64_t, 2> counts;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t padded = image[i] + 2 * steps.padding[i], reach = steps.dilation[i] * (window[i] - 1) + 1;
    if (reach > padded)
      return mlir::emitOptionalError(location, "requires windows that fit ", padded, i == 0 ? " rows" : " columns",
                                     " with their padding, got windows of ", reach);
    counts[i] = (padded - reach) / steps.strides[i] + 1;
  }
  return counts;
}

mlir::Type withSizes(mlir::RankedTensorType like, std::array<int64_t, 4> sizes) {
  return mlir::RankedTensorType::get(sizes, like.getElementType());
}

// `made`, which the forward op gives, if it has the sizes of `seen`.
mlir::LogicalResult sameSizes(Location location, llvm::StringRef what, mlir::Type made, mlir::Type seen) {
  if (!made) return mlir::failure();
  auto expected = mlir::cast<mlir::RankedTensorType>(made), type = mlir::cast<mlir::RankedTensorType>(seen);
  if (expected.getShape() == type.getShape() && expected.getElementType() == type.getElementType())
    return mlir::success();
  return mlir::emitOptionalError(location, "requires ", what, " of type ", expected, ", got ", unplaced(type));
}

mlir::Type needImages(Location location) {
  (void)mlir::emitOptionalError(location, "requires operands of rank 4");
  return {};
}

// A filter for each element of a window, which takes it: [channels * elements, 1, rows, columns], in groups of one
// channel.
Value elementFilters(mlir::OpBuilder &b, mlir::Location loc, mlir::RankedTensorType image, Sizes window) {
  const int64_t elements = window[0] * window[1], channels = image.getDimSize(1);
  auto type = mlir::RankedTensorType::get({channels * elements, 1, window[0], window[1]}, image.getElementType());
  const mlir::Attribute zero = b.getFloatAttr(image.getElementType(), 0);
  const mlir::Attribute one = b.getFloatAttr(image.getElementType(), 1);
  llvm::SmallVector<mlir::Attribute> values(size_t(channels * elements * elements), zero);
  for (int64_t filter = 0; filter < channels * elements; ++filter)
    values[size_t(filter * elements + filter % elements)] = one;
  return ConstantOp::create(b, loc, type, mlir::DenseElementsAttr::get(type, values));
}

// A pooling in generic ops: the elements of each window in a dimension of their own, [batch, channels, elements, y, x].
template <typename PoolOp>
class WindowElements {
 public:
  WindowElements(mlir::OpBuilder &b, PoolOp op)
      : b_(b), loc_(op.getLoc()), op_(op), image_(unplaced(op.getInput().getType())),
        filters_(elementFilters(b, op.getLoc(), image_, op.getWindow())) {}

  // Of an image like the op's input; 0 in the padding.
  Value of(Value image) {
    auto taken = ConvolutionOp::create(b_, loc_, image, filters_, /*bias=*/Value(), op_.getStrides(), op_.getPadding(),
                                       op_.getDilation(), image_.getDimSize(1));
    return ReshapeOp::create(b_, loc_, typeLike(taken.getType(), /*isApart=*/true), taken);
  }
  // Which elements are the image's.
  Value inside() {
    Value ones = of(splat(b_, loc_, image_, 1));
    return CompareOp::create(b_, loc_, ones, splat(b_, loc_, ones.getType(), 1), "eq");
  }
  // The largest of each window.
  Value largest() {
    Value elements = of(op_.getInput());
    Value lowest = splat(b_, loc_, elements.getType(), -std::numeric_limits<double>::infinity());
    return ReduceOp::create(b_, loc_, SelectOp::create(b_, loc_, inside(), elements, lowest), "max", {2});
  }
  // A value of each window, for each of its elements.
  Value spread(Value value) {
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    llvm::SmallVector<int64_t> shape(type.getShape());
    shape.insert(shape.begin() + 2, op_.getWindow()[0] * op_.getWindow()[1]);
    auto spread = mlir::RankedTensorType::get(shape, type.getElementType());
    return BroadcastOp::create(b_, loc_, spread, value, {0, 1, 3, 4});
  }
  // The image whose elements are the sums of what windows hold for them.
  Value sum(Value elements) {
    Value taken = ReshapeOp::create(b_, loc_, typeLike(elements.getType(), /*isApart=*/false), elements);
    return ConvolutionInputGradientOp::create(b_, loc_, taken, filters_, op_.getStrides(), op_.getPadding(),
                                              op_.getDilation(), image_.getDimSize(1), rowsAndColumns(op_.getInput()));
  }

 private:
  // [n, channels * elements, y, x] and [n, channels, elements, y, x].
  mlir::Type typeLike(mlir::Type from, bool isApart) const {
    auto type = mlir::cast<mlir::RankedTensorType>(from);
    const int64_t elements = op_.getWindow()[0] * op_.getWindow()[1], channels = image_.getDimSize(1);
    llvm::SmallVector<int64_t> shape = {type.getDimSize(0)};
    if (isApart) shape.append({channels, elements});
    else shape.push_back(channels * elements);
    shape.append(type.getShape().take_back(2).begin(), type.getShape().end());
    return mlir::RankedTensorType::get(shape, type.getElementType());
  }

  mlir::OpBuilder &b_;
  const mlir::Location loc_;
  mutable PoolOp op_;
  const mlir::RankedTensorType image_;
  const Value filters_;
};

}  // namespace

llvm::SmallVector<int64_t, 2> rowsAndColumns(Value value) {
  return llvm::SmallVector<int64_t, 2>(mlir::cast<mlir::RankedTensorType>(value.getType()).getShape().take_back(2));
}

mlir::Type convolutionType(Location location, mlir::Type input, mlir::Type weight, const WindowSteps &steps,
                           int64_t groups) {
  auto image = imageType(input), filters = imageType(weight);
  if (!image || !filters) return needImages(location);
  const int64_t channels = image.getDimSize(1), out = filters.getDimSize(0);
  if (groups < 1 || channels % groups != 0 || out % groups != 0) {
    (void)mlir::emitOptionalError(location, "requires groups that divide ", channels, " and ", out, " channels, got ",
                                  groups);
    return {};
  }
  if (filters.getDimSize(1) != channels / groups) {
    (void)mlir::emitOptionalError(location, "requires a weight for ", channels / groups, " input channels, got ",
                                  filters.getDimSize(1));
    return {};
  }
  const auto counts = countWindows(location, image.getShape().take_back(2), filters.getShape().take_back(2), steps);
  if (failed(counts)) return {};
  return withSizes(image, {image.getDimSize(0), out, (*counts)[0], (*counts)[1]});
}

mlir::Type convolutionInputType(Location location, mlir::Type dResult, mlir::Type weight, const WindowSteps &steps,
                                int64_t groups, Sizes image) {
  auto results = imageType(dResult), filters = imageType(weight);
  if (!results || !filters) return needImages(location);
  if (failed(checkPair(location, "image", image, 1))) return {};
  if (groups < 1 || groups > kMaxSize) {
    (void)mlir::emitOptionalError(location, "requires groups from 1 to ", kMaxSize, ", got ", groups);
    return {};
  }
  const mlir::Type input =
      withSizes(results, {results.getDimSize(0), filters.getDimSize(1) * groups, image[0], image[1]});
  const mlir::Type made = convolutionType(location, input, weight, steps, groups);
  return succeeded(sameSizes(location, "a gradient", made, dResult)) ? input : mlir::Type();
}

mlir::Type convolutionWeightType(Location location, mlir::Type input, mlir::Type dResult, const WindowSteps &steps,
                                 int64_t groups, Sizes window) {
  auto image = imageType(input), results = imageType(dResult);
  if (!image || !results) return needImages(location);
  if (failed(checkPair(location, "window", window, 1))) return {};
  const mlir::Type weight = withSizes(
      image, {results.getDimSize(1), groups < 1 ? 0 : image.getDimSize(1) / groups, window[0], window[1]});
  const mlir::Type made = convolutionType(location, input, weight, steps, groups);
  return succeeded(sameSizes(location, "a gradient", made, dResult)) ? weight : mlir::Type();
}

mlir::Type poolType(Location location, mlir::Type input, const WindowSteps &steps, Sizes window) {
  auto image = imageType(input);
  if (!image) return needImages(location);
  const auto counts = countWindows(location, image.getShape().take_back(2), window, steps);
  if (failed(counts)) return {};
  return withSizes(image, {image.getDimSize(0), image.getDimSize(1), (*counts)[0], (*counts)[1]});
}

mlir::Type maxPoolType(Location location, mlir::Type input, const WindowSteps &steps, Sizes window) {
  const mlir::Type type = poolType(location, input, steps, window);
  for (size_t i = 0; type && i < 2; ++i) {
    if (2 * steps.padding[i] <= window[i]) continue;
    (void)mlir::emitOptionalError(location, "requires a padding of at most half the window ", window[i], ", got ",
                                  steps.padding[i]);
    return {};
  }
  return type;
}

mlir::Type maxPoolGradientType(Location location, mlir::Type input, mlir::Type result, mlir::Type dResult,
                               const WindowSteps &steps, Sizes window) {
  const mlir::Type made = maxPoolType(location, input, steps, window);
  if (failed(sameSizes(location, "a result", made, result)) || failed(sameSizes(location, "a gradient", made, dResult)))
    return {};
  return unplaced(input);
}

mlir::Type averagePoolInputType(Location location, mlir::Type dResult, const WindowSteps &steps, Sizes window,
                                Sizes image) {
  auto results = imageType(dResult);
  if (!results) return needImages(location);
  if (failed(checkPair(location, "image", image, 1))) return {};
  const mlir::Type input = withSizes(results, {results.getDimSize(0), results.getDimSize(1), image[0], image[1]});
  const mlir::Type made = poolType(location, input, steps, window);
  return succeeded(sameSizes(location, "a gradient", made, dResult)) ? input : mlir::Type();
}

void addGroupStrategy(mlir::Operation *op, int64_t groups, Sizes operandDims, int64_t resultDim, ShardingRule &rule) {
  if (groups == 1) return;
  const auto sharesOfGroups = [&](Value value, int64_t dim) {
    const int64_t size = mlir::cast<mlir::RankedTensorType>(value.getType()).getDimSize(dim);
    return AxisPlacement::split(dim, std::max<int64_t>(1, size / groups));
  };
  Strategy strategy;
  for (auto [operand, dim] : llvm::zip(op->getOperands(), operandDims))
    strategy.operands.push_back(sharesOfGroups(operand, dim));
  strategy.results = {sharesOfGroups(op->getResult(0), resultDim)};
  rule.addStrategy(std::move(strategy));
}

double convolutionFlops(Value result, Value weight) {
  auto filters = mlir::cast<mlir::RankedTensorType>(weight.getType());
  return 2 * elementsOf(result) * double(filters.getDimSize(1) * filters.getDimSize(2) * filters.getDimSize(3));
}

double poolFlops(Value result, Sizes window) { return elementsOf(result) * double(window[0] * window[1]); }

Value decomposeMaxPool(mlir::OpBuilder &b, MaxPoolOp op) { return WindowElements<MaxPoolOp>(b, op).largest(); }

// Where an element is the largest: its share of the window's gradient.
Value decomposeMaxPoolGradient(mlir::OpBuilder &b, MaxPoolGradientOp op) {
  mlir::Location loc = op.getLoc();
  WindowElements<MaxPoolGradientOp> windows(b, op);
  Value elements = windows.of(op.getInput());
  Value isLargest = LogicalAndOp::create(
      b, loc, CompareOp::create(b, loc, elements, windows.spread(op.getResult()), "eq"), windows.inside());
  Value mask = ConvertOp::create(b, loc, elements.getType(), isLargest);
  Value ties = ReduceOp::create(b, loc, mask, "sum", {2});
  Value sharers = MaximumOp::create(b, loc, ties, splat(b, loc, ties.getType(), 1));  // none where the largest is NaN
  return windows.sum(MulOp::create(b, loc, windows.spread(DivOp::create(b, loc, op.getDResult(), sharers)), mask));
}

}  // namespace cleave
