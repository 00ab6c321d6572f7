#include "tests/conformance/placements.h"

namespace cleave {
namespace {

// Units divide the dimensions that they count, are one for all axes that split a dimension, and terms have one
// combiner.
bool fits(mlir::RankedTensorType type, llvm::ArrayRef<AxisPlacement> axes) {
  llvm::SmallVector<int64_t> units(type.getRank(), 0);
  std::optional<Combiner> combiner;
  for (const AxisPlacement &axis : axes) {
    if (axis.isPartial()) {
      if (combiner && *combiner != axis.combiner) return false;
      combiner = axis.combiner;
    }
    if (!axis.isSplit()) continue;
    if (type.getDimSize(axis.dim) % axis.unit != 0 || (units[axis.dim] != 0 && units[axis.dim] != axis.unit))
      return false;
    units[axis.dim] = axis.unit;
  }
  return true;
}

bool hasSplit(const Strategy &strategy) {
  auto isSplit = [](const AxisPlacement &axis) { return axis.isSplit(); };
  return llvm::any_of(strategy.operands, isSplit) || llvm::any_of(strategy.results, isSplit);
}

std::vector<Strategy> instances(TensorOpInterface op, bool hasSeveralAxes) {
  std::vector<Strategy> all;
  const ShardingRule rule = op.shardingRule();
  for (const Strategy &pattern : rule.strategies()) {
    all.push_back(pattern);
    if (!hasSplit(pattern)) continue;
    all.push_back(instantiate(pattern, /*unit=*/2, /*minor=*/false));
    if (!hasSeveralAxes) continue;
    all.push_back(instantiate(pattern, /*unit=*/1, /*minor=*/true));
    all.push_back(instantiate(pattern, /*unit=*/2, /*minor=*/true));
  }
  return all;
}

std::vector<AxisPlacement> axesOfOperand(const OpPlacement &placement, size_t i) {
  std::vector<AxisPlacement> axes;
  for (const Strategy &strategy : placement) axes.push_back(strategy.operands[i]);
  return axes;
}

std::vector<AxisPlacement> axesOfResult(const OpPlacement &placement, size_t i) {
  std::vector<AxisPlacement> axes;
  for (const Strategy &strategy : placement) axes.push_back(strategy.results[i]);
  return axes;
}

bool fits(mlir::Operation *op, const OpPlacement &placement) {
  if (findConflict(placement)) return false;
  for (auto [i, type] : llvm::enumerate(op->getOperandTypes()))
    if (!fits(mlir::cast<mlir::RankedTensorType>(type), axesOfOperand(placement, i))) return false;
  for (auto [i, type] : llvm::enumerate(op->getResultTypes()))
    if (!fits(mlir::cast<mlir::RankedTensorType>(type), axesOfResult(placement, i))) return false;
  return true;
}

PlacementAttr attributeOf(llvm::ArrayRef<AxisPlacement> axes, mlir::MLIRContext *context) {
  return PlacementAttr::get(context, mlir::FlatSymbolRefAttr::get(context, "mesh"), axes);
}

}  // namespace

std::vector<OpPlacement> legalPlacements(TensorOpInterface op, Sizes mesh) {
  const std::vector<Strategy> choices = instances(op, mesh.size() > 1);
  std::vector<OpPlacement> placements{{}};
  for (size_t axis = 0; axis < mesh.size(); ++axis) {
    std::vector<OpPlacement> longer;
    for (const OpPlacement &placement : placements)
      for (const Strategy &choice : choices) {
        longer.push_back(placement);
        longer.back().push_back(choice);
      }
    placements = std::move(longer);
  }
  llvm::erase_if(placements, [&](const OpPlacement &placement) { return !fits(op, placement); });
  return placements;
}

OpPlacement randomPlacement(TensorOpInterface op, Sizes mesh, std::mt19937 &random) {
  const std::vector<Strategy> choices = instances(op, mesh.size() > 1);
  for (int tries = 0; tries < 100; ++tries) {
    OpPlacement placement;
    for (size_t axis = 0; axis < mesh.size(); ++axis) placement.push_back(choices[random() % choices.size()]);
    if (fits(op, placement)) return placement;
  }
  return OpPlacement(mesh.size(), choices[0]);  // whole
}

// Terms of one kind become terms of another by way of the whole value.
PlacementAttr wholeBetween(PlacementAttr from, PlacementAttr to) {
  llvm::SmallVector<AxisPlacement> axes(from.getAxes());
  bool isNeeded = false;
  for (auto [axis, after] : llvm::zip(axes, to.getAxes())) {
    if (!axis.isPartial() || axis == after) continue;
    isNeeded |= after.isPartial();
    axis = AxisPlacement::broadcast();
  }
  return isNeeded ? PlacementAttr::get(from.getContext(), from.getMesh(), axes) : PlacementAttr();
}

mlir::Value reshard(mlir::OpBuilder &b, mlir::Value value, PlacementAttr to) {
  PlacementAttr from = placementOf(value);
  if (from == to) return value;
  if (PlacementAttr between = wholeBetween(from, to)) value = reshard(b, value, between);
  return ReshardOp::create(b, value.getLoc(), placed(value.getType(), to), value);
}

std::vector<std::vector<AxisPlacement>> valuePlacements(mlir::RankedTensorType type, Sizes mesh) {
  std::vector<AxisPlacement> choices{AxisPlacement::broadcast()};
  for (int64_t dim = 0; dim < type.getRank(); ++dim) choices.push_back(AxisPlacement::split(dim));
  if (!type.getElementType().isInteger(1)) choices.push_back(AxisPlacement::partial(Combiner::Sum));
  std::vector<std::vector<AxisPlacement>> all{{}};
  for (size_t axis = 0; axis < mesh.size(); ++axis) {
    std::vector<std::vector<AxisPlacement>> longer;
    for (const auto &axes : all)
      for (const AxisPlacement &choice : choices) {
        longer.push_back(axes);
        longer.back().push_back(choice);
      }
    all = std::move(longer);
  }
  return all;
}

PlacementAttr operandPlacement(const OpPlacement &placement, size_t operand, mlir::MLIRContext *context) {
  return attributeOf(axesOfOperand(placement, operand), context);
}

PlacementAttr resultPlacement(const OpPlacement &placement, size_t result, mlir::MLIRContext *context) {
  return attributeOf(axesOfResult(placement, result), context);
}

void placeAtRandom(mlir::func::FuncOp function, Sizes mesh, std::mt19937 &random, mlir::Operation *fixed,
                   const OpPlacement &placement) {
  mlir::MLIRContext *context = function.getContext();
  auto choose = [&](const auto &choices) -> const auto & { return choices[random() % choices.size()]; };
  // Ops are asked before any of their values is placed.
  llvm::SmallVector<mlir::Operation *> ops;
  for (mlir::Operation &op : function.getBody().front().without_terminator()) ops.push_back(&op);
  std::vector<OpPlacement> chosen;
  for (mlir::Operation *op : ops)
    chosen.push_back(op == fixed ? placement : randomPlacement(mlir::cast<TensorOpInterface>(op), mesh, random));
  for (mlir::BlockArgument argument : function.getArguments()) {
    const auto all = valuePlacements(mlir::cast<mlir::RankedTensorType>(argument.getType()), mesh);
    argument.setType(placed(argument.getType(), attributeOf(choose(all), context)));
  }
  for (auto [op, how] : llvm::zip(ops, chosen)) {
    mlir::OpBuilder b(op);
    for (mlir::OpOperand &operand : op->getOpOperands())
      operand.set(reshard(b, operand.get(), operandPlacement(how, operand.getOperandNumber(), context)));
    for (mlir::OpResult result : op->getResults())
      result.setType(placed(result.getType(), resultPlacement(how, result.getResultNumber(), context)));
  }
  mlir::Operation *end = function.getBody().front().getTerminator();
  function.setType(
      mlir::FunctionType::get(context, function.getBody().front().getArgumentTypes(), end->getOperandTypes()));
}

}  // namespace cleave
