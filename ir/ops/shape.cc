// Types, rules and local forms of ops that make, move, cut and reduce values.

#include <numeric>

#include "ir/cleave.h"
#include "llvm/ADT/StringExtras.h"

namespace cleave {
namespace {

mlir::RankedTensorType ranked(mlir::Type type) { return mlir::cast<mlir::RankedTensorType>(type); }
mlir::RankedTensorType rankedOf(mlir::Value value) { return ranked(value.getType()); }

std::string joined(llvm::ArrayRef<std::string> names) { return llvm::join(names, " "); }

// "i0", "i1", ...
std::vector<std::string> namesOf(int64_t rank) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < rank; ++i) names.push_back("i" + std::to_string(i));
  return names;
}

bool areGrowing(llvm::ArrayRef<int64_t> dimensions, int64_t rank) {
  for (auto [i, dimension] : llvm::enumerate(dimensions))
    if (dimension < 0 || dimension >= rank || (i > 0 && dimension <= dimensions[i - 1])) return false;
  return true;
}

// Dimensions [first, end) of both shapes that hold the same elements.
struct ReshapeGroup {
  int64_t fromFirst, fromEnd, toFirst, toEnd;
};

std::vector<ReshapeGroup> groupsOf(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) {
  std::vector<ReshapeGroup> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    ReshapeGroup group{int64_t(i), 0, int64_t(j), 0};
    int64_t a = from[i++], b = to[j++];
    while (a != b) {
      if (a < b && i < from.size()) a *= from[i++];
      else if (b < a && j < to.size()) b *= to[j++];
      else return groups;
    }
    group.fromEnd = i;
    group.toEnd = j;
    groups.push_back(group);
  }
  return groups;
}

// The first dimension of [first, end) that has more than one element, and how many elements lie behind one of its.
std::optional<std::pair<int64_t, int64_t>> majorOf(llvm::ArrayRef<int64_t> shape, int64_t first, int64_t end) {
  for (int64_t dim = first; dim < end; ++dim) {
    if (shape[dim] == 1) continue;
    int64_t behind = 1;
    for (int64_t other = dim + 1; other < end; ++other) behind *= shape[other];
    return std::make_pair(dim, behind);
  }
  return std::nullopt;
}

}  // namespace

//===- Types ------------------------------------------------------------------------------------===//

mlir::RankedTensorType unplaced(mlir::Type type) {
  return mlir::RankedTensorType::get(ranked(type).getShape(), ranked(type).getElementType());
}

mlir::RankedTensorType withElement(mlir::Type type, mlir::Type element) {
  return mlir::RankedTensorType::get(ranked(type).getShape(), element);
}

bool equalButForPlacement(mlir::TypeRange inferred, mlir::TypeRange actual) {
  return inferred.size() == actual.size() && llvm::all_of(llvm::zip(inferred, actual), [](auto pair) {
           auto [a, b] = pair;
           return mlir::isa<mlir::RankedTensorType>(b) && unplaced(a) == unplaced(b);
         });
}

double elementsOf(mlir::Value value) {
  double product = 1;
  for (int64_t size : rankedOf(value).getShape()) product *= double(size);
  return product;
}

mlir::LogicalResult sameElement(std::optional<mlir::Location> location, mlir::Type a, mlir::Type b) {
  if (mlir::getElementTypeOrSelf(a) == mlir::getElementTypeOrSelf(b)) return mlir::success();
  return mlir::emitOptionalError(location, "requires one element type, got ", a, " and ", b);
}

mlir::Type withoutLast(mlir::Type type) {
  auto tensor = ranked(type);
  if (tensor.getRank() < 1) return {};
  return mlir::RankedTensorType::get(tensor.getShape().drop_back(), tensor.getElementType());
}

mlir::Type transposedType(mlir::Type type, llvm::ArrayRef<int64_t> permutation) {
  auto tensor = ranked(type);
  if (int64_t(permutation.size()) != tensor.getRank()) return {};
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<bool> isUsed(permutation.size(), false);
  for (int64_t from : permutation) {
    if (from < 0 || from >= tensor.getRank() || isUsed[from]) return {};
    isUsed[from] = true;
    shape.push_back(tensor.getDimSize(from));
  }
  return mlir::RankedTensorType::get(shape, tensor.getElementType());
}

mlir::Type reducedType(mlir::Type type, llvm::ArrayRef<int64_t> dimensions) {
  auto tensor = ranked(type);
  if (!areGrowing(dimensions, tensor.getRank())) return {};
  llvm::SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < tensor.getRank(); ++dim)
    if (!llvm::is_contained(dimensions, dim)) shape.push_back(tensor.getDimSize(dim));
  return mlir::RankedTensorType::get(shape, tensor.getElementType());
}

mlir::Type concatType(mlir::TypeRange types, int64_t dimension) {
  if (types.empty()) return {};
  auto first = ranked(types[0]);
  if (dimension < 0 || dimension >= first.getRank()) return {};
  llvm::SmallVector<int64_t> shape(first.getShape());
  shape[dimension] = 0;
  for (mlir::Type type : types) {
    auto part = ranked(type);
    if (part.getRank() != first.getRank() || part.getElementType() != first.getElementType()) return {};
    for (int64_t dim = 0; dim < part.getRank(); ++dim)
      if (dim != dimension && part.getDimSize(dim) != shape[dim]) return {};
    shape[dimension] += part.getDimSize(dimension);
  }
  return mlir::RankedTensorType::get(shape, first.getElementType());
}

//===- Values -----------------------------------------------------------------------------------===//

mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double value) {
  auto tensor = unplaced(type);
  mlir::Type element = tensor.getElementType();
  mlir::Attribute scalar = mlir::isa<mlir::FloatType>(element)
                               ? mlir::Attribute(b.getFloatAttr(element, value))
                               : mlir::Attribute(b.getIntegerAttr(element, int64_t(value)));
  return ConstantOp::create(b, loc, tensor, mlir::DenseElementsAttr::get(tensor, scalar));
}

mlir::Value alongLast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value rows, mlir::Value like) {
  llvm::SmallVector<int64_t> dimensions(rankedOf(rows).getRank());
  std::iota(dimensions.begin(), dimensions.end(), 0);
  return BroadcastOp::create(b, loc, withElement(like.getType(), rankedOf(rows).getElementType()), rows, dimensions);
}

mlir::Value sliceLike(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, mlir::Type part, int64_t dimension,
                      int64_t start) {
  auto whole = rankedOf(value);
  llvm::SmallVector<int64_t> starts(whole.getRank(), 0), limits(whole.getShape()), steps(whole.getRank(), 1);
  llvm::SmallVector<int64_t> shape(whole.getShape());
  shape[dimension] = ranked(part).getDimSize(dimension);
  starts[dimension] = start;
  limits[dimension] = start + shape[dimension];
  auto type = mlir::RankedTensorType::get(shape, whole.getElementType());
  return SliceOp::create(b, loc, type, value, starts, limits, steps);
}

llvm::SmallVector<int64_t> otherDimensions(mlir::Value value, llvm::ArrayRef<int64_t> dimensions) {
  llvm::SmallVector<int64_t> others;
  for (int64_t dim = 0; dim < rankedOf(value).getRank(); ++dim)
    if (!llvm::is_contained(dimensions, dim)) others.push_back(dim);
  return others;
}

//===- Rules ------------------------------------------------------------------------------------===//

std::string broadcastRule(mlir::Value input, mlir::Value result, llvm::ArrayRef<int64_t> dimensions) {
  const auto names = namesOf(rankedOf(result).getRank());
  std::vector<std::string> used;
  for (int64_t dimension : dimensions)
    if (dimension >= 0 && dimension < int64_t(names.size())) used.push_back(names[dimension]);
  return " " + joined(used) + " -> " + joined(names);
}

std::string wholeRule(mlir::Value input, mlir::Value result) {
  std::vector<std::string> from, to;
  for (int64_t i = 0; i < rankedOf(input).getRank(); ++i) from.push_back("[x" + std::to_string(i) + "]");
  for (int64_t i = 0; i < rankedOf(result).getRank(); ++i) to.push_back("[y" + std::to_string(i) + "]");
  return " " + joined(from) + " -> " + joined(to);
}

std::string transposeRule(mlir::Value input, llvm::ArrayRef<int64_t> permutation) {
  const auto names = namesOf(rankedOf(input).getRank());
  std::vector<std::string> to;
  for (int64_t from : permutation)
    if (from >= 0 && from < int64_t(names.size())) to.push_back(names[from]);
  return " " + joined(names) + " -> " + joined(to);
}

std::string resizeRule(mlir::Value input, mlir::Value result) {
  auto from = rankedOf(input), to = rankedOf(result);
  std::vector<std::string> fromNames = namesOf(from.getRank()), toNames = namesOf(to.getRank());
  for (int64_t dim = 0; dim < std::min(from.getRank(), to.getRank()); ++dim) {
    if (from.getDimSize(dim) == to.getDimSize(dim)) continue;
    fromNames[dim] = "[x" + std::to_string(dim) + "]";
    toNames[dim] = "[y" + std::to_string(dim) + "]";
  }
  return " " + joined(fromNames) + " -> " + joined(toNames);
}

std::string concatRule(mlir::Value result, int64_t dimension) {
  auto names = namesOf(rankedOf(result).getRank());
  std::vector<std::string> parts = names;
  if (dimension >= 0 && dimension < int64_t(names.size())) {
    names[dimension] = "[*]";
    parts[dimension] = "[*]";
  }
  return " " + joined(parts) + " -> " + joined(names);
}

std::string reduceRule(mlir::Value input, llvm::ArrayRef<int64_t> dimensions) {
  const auto names = namesOf(rankedOf(input).getRank());
  std::vector<std::string> kept;
  for (int64_t dim = 0; dim < int64_t(names.size()); ++dim)
    if (!llvm::is_contained(dimensions, dim)) kept.push_back(names[dim]);
  return " " + joined(names) + " -> " + joined(kept);
}

void addReshapeStrategies(mlir::RankedTensorType from, mlir::RankedTensorType to, ShardingRule &rule) {
  if (from.getNumElements() != to.getNumElements() || from.getNumElements() == 0) return;
  for (const ReshapeGroup &group : groupsOf(from.getShape(), to.getShape())) {
    const auto source = majorOf(from.getShape(), group.fromFirst, group.fromEnd);
    const auto target = majorOf(to.getShape(), group.toFirst, group.toEnd);
    if (!source || !target) continue;
    // The smallest block that is whole rows on both sides.
    const int64_t block = std::lcm(source->second, target->second);
    const int64_t fromUnit = block / source->second, toUnit = block / target->second;
    if (fromUnit > from.getDimSize(source->first)) continue;
    Strategy strategy;
    strategy.operands = {AxisPlacement::split(source->first, fromUnit)};
    strategy.results = {AxisPlacement::split(target->first, toUnit)};
    rule.addStrategy(std::move(strategy));
  }
}

void addConvertStrategies(mlir::RankedTensorType from, mlir::RankedTensorType to, ShardingRule &rule) {
  auto addPartial = [&](Combiner combiner) {
    Strategy strategy;
    strategy.operands = {AxisPlacement::partial(combiner)};
    strategy.results = {AxisPlacement::partial(combiner)};
    rule.addStrategy(std::move(strategy));
  };
  if (from.getElementType().isInteger(1) || to.getElementType().isInteger(1)) return;
  // Dropping the fraction of a term is not dropping that of the sum.
  if (mlir::isa<mlir::FloatType>(to.getElementType())) addPartial(Combiner::Sum);
  addPartial(Combiner::Max);
  addPartial(Combiner::Min);
}

void addLinearReduce(llvm::StringRef kind, ShardingRule &rule) {
  const Combiner combiner = kind == "max" ? Combiner::Max : kind == "min" ? Combiner::Min : Combiner::Sum;
  Strategy strategy;
  strategy.operands = {AxisPlacement::partial(combiner)};
  strategy.results = {AxisPlacement::partial(combiner)};
  rule.addStrategy(std::move(strategy));
}

//===- Gradients and local forms ----------------------------------------------------------------===//

mlir::Value reduceGradient(mlir::OpBuilder &b, ReduceOp op, mlir::Value dResult) {
  mlir::Location loc = op.getLoc();
  auto type = unplaced(op.getInput().getType());
  const auto kept = otherDimensions(op.getInput(), op.getDimensions());
  auto spread = [&](mlir::Value value) -> mlir::Value { return BroadcastOp::create(b, loc, type, value, kept); };
  if (op.getKind() == "sum" || type.getNumElements() == 0) return spread(dResult);
  if (op.getKind() == "mean") {
    double count = 1;
    for (int64_t dimension : op.getDimensions()) count *= double(type.getDimSize(dimension));
    return spread(ScaleOp::create(b, loc, dResult, b.getF64FloatAttr(1 / std::max(count, 1.0))));  // nothing has no mean
  }
  mlir::Value isExtreme = CompareOp::create(b, loc, op.getInput(), spread(op.getResult()), "eq");
  mlir::Value mask = ConvertOp::create(b, loc, type, isExtreme);
  mlir::Value ties = ReduceOp::create(b, loc, mask, "sum", op.getDimensions());
  return MulOp::create(b, loc, spread(DivOp::create(b, loc, dResult, ties)), mask);
}

void setLocalConstant(mlir::ElementsAttr value, const Shard &shard, KernelAttributes &attributes) {
  auto toDouble = [](mlir::Attribute element) {
    if (auto number = mlir::dyn_cast<mlir::FloatAttr>(element)) return number.getValueAsDouble();
    const llvm::APInt integer = mlir::cast<mlir::IntegerAttr>(element).getValue();
    return integer.getBitWidth() == 1 ? double(integer.getZExtValue()) : double(integer.getSExtValue());
  };
  std::vector<double> values;
  if (value.isSplat()) {
    values.push_back(toDouble(value.getSplatValue<mlir::Attribute>()));
  } else {
    // Row-major over the shard: an odometer of local indices.
    const auto elements = value.getValues<mlir::Attribute>();
    llvm::SmallVector<int64_t> index(shard.extent.size(), 0);
    for (int64_t n = shard.elements(); n > 0; --n) {
      int64_t flat = 0;
      for (size_t dim = 0; dim < index.size(); ++dim) flat = flat * shard.global[dim] + shard.start[dim] + index[dim];
      values.push_back(toDouble(elements[flat]));
      for (size_t dim = index.size(); dim-- > 0 && ++index[dim] == shard.extent[dim];) index[dim] = 0;
    }
  }
  attributes.set("values", llvm::ArrayRef<double>(values));
}

void setIndexRange(const Shard &shard, int64_t dimension, KernelAttributes &attributes) {
  const size_t dim = dimension < 0 ? shard.global.size() + dimension : dimension;
  attributes.set("index_offset", shard.start[dim]);
  attributes.set("index_size", shard.global[dim]);
}

void setRowRange(const Shard &table, KernelAttributes &attributes) {
  attributes.set("row_offset", table.start[0]);
  attributes.set("rows", table.global[0]);
}

//===- Verifiers --------------------------------------------------------------------------------===//

mlir::LogicalResult ConstantOp::verify() {
  auto type = mlir::dyn_cast<mlir::RankedTensorType>(getValue().getShapedType());
  if (!mlir::isa<mlir::DenseIntOrFPElementsAttr>(getValue())) return emitOpError("requires a dense value of numbers");
  if (!type || unplaced(type) != unplaced(getType()))
    return emitOpError("requires a value of its result's type, got ") << getValue().getType() << " for " << getType();
  return mlir::success();
}

mlir::LogicalResult IotaOp::verify() {
  const int64_t dimension = getDimension(), rank = getType().getRank();
  if (dimension < 0 || dimension >= rank) return emitOpError("requires dimension below ") << rank << ", got " << dimension;
  return mlir::success();
}

mlir::LogicalResult BroadcastOp::verify() {
  const int64_t rank = getType().getRank();
  if (int64_t(getDimensions().size()) != getInput().getType().getRank() || !areGrowing(getDimensions(), rank))
    return emitOpError("requires 'dimensions' to give each operand dimension a growing result dimension below ") << rank;
  if (getInput().getType().getElementType() != getType().getElementType())
    return emitOpError("requires one element type, got ") << getInput().getType() << " and " << getType();
  return mlir::success();
}

mlir::LogicalResult ReshapeOp::verify() {
  if (getInput().getType().getNumElements() != getType().getNumElements() ||
      getInput().getType().getElementType() != getType().getElementType())
    return emitOpError("requires as many elements of one type, got ") << getInput().getType() << " and " << getType();
  return mlir::success();
}

mlir::LogicalResult SliceOp::verify() {
  auto from = getInput().getType(), to = getType();
  const size_t rank = from.getRank();
  if (getStarts().size() != rank || getLimits().size() != rank || getSteps().size() != rank || size_t(to.getRank()) != rank)
    return emitOpError("requires a start, a limit and a step for each of ") << rank << " dimensions";
  for (size_t dim = 0; dim < rank; ++dim) {
    const int64_t start = getStarts()[dim], limit = getLimits()[dim], step = getSteps()[dim];
    if (start < 0 || limit < start || limit > from.getDimSize(dim) || step < 1)
      return emitOpError("requires 0 <= start <= limit <= ")
             << from.getDimSize(dim) << " and a step of at least 1 in dimension " << dim << ", got " << start << ", " << limit
             << " and " << step;
    const int64_t size = limit == start ? 0 : (limit - start - 1) / step + 1;
    if (to.getDimSize(dim) != size)
      return emitOpError("requires ") << size << " elements in dimension " << dim << " of its result, got " << to;
  }
  if (from.getElementType() != to.getElementType()) return emitOpError("requires one element type, got ") << from << " and " << to;
  return mlir::success();
}

mlir::LogicalResult PadOp::verify() {
  auto from = getInput().getType(), to = getType();
  const size_t rank = from.getRank();
  if (getLow().size() != rank || getHigh().size() != rank || size_t(to.getRank()) != rank)
    return emitOpError("requires a low and a high padding for each of ") << rank << " dimensions";
  for (size_t dim = 0; dim < rank; ++dim) {
    const int64_t low = getLow()[dim], high = getHigh()[dim];
    if (low < 0 || high < 0 || low > to.getDimSize(dim) || high > to.getDimSize(dim) - low ||
        to.getDimSize(dim) - low - high != from.getDimSize(dim))
      return emitOpError("requires paddings of at least 0 that fill dimension ")
             << dim << " of its result, got " << low << " and " << high << " for " << from << " and " << to;
  }
  if (from.getElementType() != to.getElementType()) return emitOpError("requires one element type, got ") << from << " and " << to;
  return mlir::success();
}

}  // namespace cleave
