// One verifier for all ops, and one for all collectives: the rule, then what was seen.

#include "ir/cleave.h"
#include "llvm/ADT/StringMap.h"

namespace cleave {
namespace {

constexpr int64_t kMaxRank = 8;
constexpr int64_t kMaxElements = int64_t{1} << 42;

// Whatever asks for an op's rule may count its elements.
mlir::LogicalResult verifyExtents(mlir::Operation *op, mlir::Type type) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  if (tensor.getRank() > kMaxRank)
    return op->emitOpError("requires ranks of at most ") << kMaxRank << ", got " << type;
  int64_t elements = 1;
  for (int64_t size : tensor.getShape()) {
    if (size != 0 && elements > kMaxElements / size) return op->emitOpError("requires fewer elements than 2^42, got ") << type;
    elements *= size;
  }
  return mlir::success();
}

mlir::LogicalResult verifyShapes(mlir::Operation *op, const ShardingRule &rule) {
  llvm::StringMap<int64_t> sizes;
  auto check = [&](llvm::ArrayRef<std::string> indices, mlir::Type type) -> mlir::LogicalResult {
    auto shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
    if (shape.size() != indices.size())
      return op->emitOpError("requires rank ") << indices.size() << " by its rule '" << rule.text() << "', got " << type;
    for (auto [index, size] : llvm::zip(indices, shape)) {
      auto [known, isNew] = sizes.try_emplace(index, size);
      if (!isNew && known->second != size)
        return op->emitOpError("requires one size for '")
               << index << "' in '" << rule.text() << "', got " << known->second << " and " << size;
    }
    return mlir::success();
  };
  for (auto [indices, operand] : llvm::zip(rule.operandIndices(), op->getOperands()))
    if (failed(check(indices, operand.getType()))) return mlir::failure();
  for (auto [indices, result] : llvm::zip(rule.resultIndices(), op->getResults()))
    if (failed(check(indices, result.getType()))) return mlir::failure();
  return mlir::success();
}

// Kernels compute in one float type, unless the op is there to mix them.
mlir::LogicalResult verifyElements(mlir::Operation *op) {
  if (mlir::cast<TensorOpInterface>(op).mixesElementTypes()) return mlir::success();
  mlir::Type first;
  auto check = [&](mlir::Type type) -> mlir::LogicalResult {
    if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(type))) return mlir::success();
    if (!first) first = type;
    if (mlir::getElementTypeOrSelf(first) == mlir::getElementTypeOrSelf(type)) return mlir::success();
    return op->emitOpError("requires one element type for all of its floats, got ") << first << " and " << type;
  };
  return mlir::success(llvm::all_of(op->getOperandTypes(), [&](mlir::Type type) { return succeeded(check(type)); }) &&
                       llvm::all_of(op->getResultTypes(), [&](mlir::Type type) { return succeeded(check(type)); }));
}

mlir::LogicalResult verifyCombiners(mlir::Operation *op, mlir::Type type, PlacementAttr placement) {
  std::optional<Combiner> first;
  for (const AxisPlacement &axis : placement.getAxes()) {
    if (!axis.isPartial()) continue;
    if (mlir::getElementTypeOrSelf(type).isInteger(1)) return op->emitOpError("requires numbers where a value is partial, got ") << type;
    if (first && *first != axis.combiner)
      return op->emitOpError("requires one combiner for all axes along which a value is partial, got ")
             << nameOf(*first) << " and " << nameOf(axis.combiner) << " in " << type;
    first = axis.combiner;
  }
  return mlir::success();
}

}  // namespace

// Units divide dimensions, and all axes that split one dimension count it in the same unit.
mlir::LogicalResult verifyPlacement(mlir::Operation *op, mlir::Type type) {
  PlacementAttr placement = placementOf(type);
  if (!placement) return mlir::success();
  auto shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
  llvm::SmallVector<int64_t, kMaxRank> units(shape.size(), 0);
  for (const AxisPlacement &axis : placement.getAxes()) {
    if (!axis.isSplit()) continue;
    if (axis.dim >= shape.size())
      return op->emitOpError("requires split dimension below ") << shape.size() << ", got " << axis.dim << " in " << type;
    if (shape[axis.dim] % axis.unit != 0)
      return op->emitOpError("requires a unit that divides the dimension, got ") << axis.unit << " in " << type;
    if (units[axis.dim] != 0 && units[axis.dim] != axis.unit)
      return op->emitOpError("requires one unit for all axes that split a dimension, got ")
             << units[axis.dim] << " and " << axis.unit << " in " << type;
    units[axis.dim] = axis.unit;
  }
  return verifyCombiners(op, type, placement);
}

namespace {

// All values carry a placement on one mesh, or none does.
mlir::FailureOr<PlacementAttr> verifyOneMesh(mlir::Operation *op) {
  PlacementAttr first;
  bool isFirst = true;
  llvm::SmallVector<mlir::Value> values(op->getOperands());
  values.append(op->result_begin(), op->result_end());
  for (mlir::Value value : values) {
    PlacementAttr placement = placementOf(value);
    if (isFirst) first = placement;
    isFirst = false;
    if (!placement != !first) return op->emitOpError("requires a placement on all of its values or on none");
    if (!placement) continue;
    if (placement.getMesh() != first.getMesh())
      return op->emitOpError("requires one mesh, got ") << first.getMesh() << " and " << placement.getMesh();
    if (placement.getAxes().size() != first.getAxes().size())
      return op->emitOpError("requires one placement for each mesh axis, got ") << first << " and " << placement;
    if (failed(verifyPlacement(op, value.getType()))) return mlir::failure();
  }
  return first;
}

mlir::LogicalResult verifyStrategies(mlir::Operation *op, const ShardingRule &rule) {
  auto placement = verifyOneMesh(op);
  if (failed(placement)) return mlir::failure();
  llvm::SmallVector<Strategy> all;
  for (size_t axis = 0; *placement && axis < placement->getAxes().size(); ++axis) {
    const Strategy used = all.emplace_back(strategyAlong(axis, op));
    if (rule.match(used)) continue;
    const bool hasPartial = llvm::any_of(used.operands, [](const AxisPlacement &p) { return p.isPartial(); });
    if (hasPartial)
      return op->emitOpError("requires partial operands only where it is linear in them, got ")
             << used.str() << " on axis " << axis << " of " << placement->getMesh() << " with rule '" << rule.text() << "'";
    return op->emitOpError("requires placements that its rule '")
           << rule.text() << "' allows, got " << used.str() << " on axis " << axis << " of " << placement->getMesh();
  }
  if (auto conflict = findConflict(all))
    return op->emitOpError("requires the axis that splits more of its values to be the major one, got ")
           << all[conflict->first].str() << " on axis " << conflict->first << " and " << all[conflict->second].str() << " on axis "
           << conflict->second << " of " << placement->getMesh();
  return mlir::success();
}

// A truth value has no terms.
bool areNumbersWherePartial(mlir::Operation *op, const Strategy &strategy) {
  auto fits = [](mlir::Value value, const AxisPlacement &placement) {
    return !placement.isPartial() || !mlir::getElementTypeOrSelf(value).isInteger(1);
  };
  return llvm::all_of_zip(op->getOperands(), strategy.operands, fits) && llvm::all_of_zip(op->getResults(), strategy.results, fits);
}

// The axis is the last of those that split its dimension.
bool isMinorMost(size_t axis, llvm::ArrayRef<AxisPlacement> placement) {
  return !placement[axis].isSplit() || axesSplitting(placement[axis].dim, placement).back() == axis;
}

// Each device finds what it is to hold on devices that differ from it along the op's axes alone. Along the others, shares are
// told apart by the same digits of their index before and after: up to the last such digit the axes that split a dimension
// match one by one, where one of the op's axes may stand for another of its size.
bool staysInGroup(CollectiveOpInterface op, unsigned rank, llvm::ArrayRef<AxisPlacement> from, llvm::ArrayRef<AxisPlacement> to) {
  MeshOp mesh = meshOf(op, placementOf(op->getOperand(0)));
  auto isAlong = [&](size_t axis) { return llvm::is_contained(op.alongAxes(), int64_t(axis)); };
  auto isLike = [&](size_t a, size_t b) {
    if (!isAlong(a) || !isAlong(b)) return a == b;
    return a == b || !mesh || std::max(a, b) >= mesh.getSizes().size() || mesh.getSizes()[a] == mesh.getSizes()[b];
  };
  for (unsigned dim = 0; dim < rank; ++dim) {
    auto before = axesSplitting(dim, from), after = axesSplitting(dim, to);
    while (!before.empty() && isAlong(before.back())) before.pop_back();
    while (!after.empty() && isAlong(after.back())) after.pop_back();
    if (before.size() != after.size() || !llvm::all_of_zip(before, after, isLike)) return false;
  }
  return true;
}

mlir::LogicalResult verifyAxes(CollectiveOpInterface op, PlacementAttr from) {
  const size_t count = from.getAxes().size();
  llvm::ArrayRef<int64_t> axes = op.alongAxes();
  if (axes.empty() || (axes.size() > 1 && !op.joinsAxes()))
    return op->emitOpError("requires ") << (op.joinsAxes() ? "at least one axis" : "one axis") << ", got " << axes.size();
  for (auto [i, axis] : llvm::enumerate(axes))
    if (axis < 0 || axis >= int64_t(count) || (i > 0 && axis <= axes[i - 1]))
      return op->emitOpError("requires growing axes below ") << count << ", got " << axis;
  return mlir::success();
}

}  // namespace

ShardingRule makeRule(mlir::Operation *op, llvm::StringRef text, llvm::ArrayRef<unsigned> operandCounts,
                      llvm::ArrayRef<unsigned> resultCounts, const Linearity &linearity, Combiner combiner) {
  auto ranksOf = [](auto values) {
    llvm::SmallVector<int64_t> ranks;
    for (mlir::Value value : values) ranks.push_back(mlir::cast<mlir::RankedTensorType>(value.getType()).getRank());
    return ranks;
  };
  ShardingRule rule(text, operandCounts, ranksOf(op->getOperands()), resultCounts, ranksOf(op->getResults()), linearity,
                    combiner);
  rule.keepStrategies([&](const Strategy &strategy) { return areNumbersWherePartial(op, strategy); });
  return rule;
}

mlir::LogicalResult verifyRule(mlir::Operation *op) {
  for (mlir::Type type : op->getOperandTypes())
    if (failed(verifyExtents(op, type))) return mlir::failure();
  for (mlir::Type type : op->getResultTypes())
    if (failed(verifyExtents(op, type))) return mlir::failure();
  const ShardingRule rule = mlir::cast<TensorOpInterface>(op).shardingRule();
  return mlir::success(succeeded(verifyShapes(op, rule)) && succeeded(verifyElements(op)) && succeeded(verifyStrategies(op, rule)));
}

static mlir::LogicalResult verifyStep(CollectiveOpInterface op, unsigned rank, PlacementAttr from, PlacementAttr to) {
  for (size_t axis = 0; axis < from.getAxes().size(); ++axis) {
    const AxisPlacement &before = from.getAxes()[axis], &after = to.getAxes()[axis];
    const bool isAlong = llvm::is_contained(op.alongAxes(), int64_t(axis));
    if (!isAlong && before != after)
      return op->emitOpError("requires the placement along axis ")
             << axis << " to stay, since it does not run along it, got " << from << " and " << to;
    if (isAlong && !op.allows(before, after))
      return op->emitOpError("can't turn ") << from << " into " << to << " along axis " << axis;
    if (isAlong && !op.joinsAxes() && !(isMinorMost(axis, from.getAxes()) && isMinorMost(axis, to.getAxes())))
      return op->emitOpError("requires axis ")
             << axis << " to be the last of those that split its dimension, got " << from << " and " << to;
  }
  if (!staysInGroup(op, rank, from.getAxes(), to.getAxes()))
    return op->emitOpError("requires shares that lie on devices along its axes, got ") << from << " and " << to;
  return mlir::success();
}

mlir::LogicalResult verifyCollective(mlir::Operation *operation) {
  auto op = mlir::cast<CollectiveOpInterface>(operation);
  if (op->getNumOperands() == 0 || op->getNumOperands() != op->getNumResults())
    return op->emitOpError("requires a result for each operand, and at least one, got ")
           << op->getNumResults() << " for " << op->getNumOperands();
  for (auto [operand, result] : llvm::zip(op->getOperands(), op->getResults())) {
    if (unplaced(operand.getType()) != unplaced(result.getType()))
      return op->emitOpError("requires one shape and element type, got ") << operand.getType() << " and " << result.getType();
    if (!placementOf(operand) || !placementOf(result))
      return op->emitOpError("requires placements on its operand and its result");
  }
  if (failed(verifyOneMesh(op)) || failed(verifyAxes(op, placementOf(op->getOperand(0))))) return mlir::failure();
  for (auto [operand, result] : llvm::zip(op->getOperands(), op->getResults()))
    if (failed(verifyStep(op, mlir::cast<mlir::RankedTensorType>(operand.getType()).getRank(), placementOf(operand), placementOf(result))))
      return mlir::failure();
  return mlir::success();
}

}  // namespace cleave
