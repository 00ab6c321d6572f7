// Verifiers of ops that say where values lie, and of regions.

#include "ir/cleave.h"

namespace cleave {
namespace {

mlir::RankedTensorType tensorOf(mlir::Type type) { return mlir::cast<mlir::RankedTensorType>(type); }

// Type of one of `count` slices, or null if they can't be equal.
mlir::Type sliceType(mlir::Type type, const AxisPlacement &mode, int64_t count) {
  auto tensor = tensorOf(type);
  if (!mode.isSplit()) return type;
  if (mode.dim >= tensor.getRank() || tensor.getDimSize(mode.dim) % count != 0) return {};
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  shape[mode.dim] /= count;
  return mlir::RankedTensorType::get(shape, tensor.getElementType(), tensor.getEncoding());
}

mlir::LogicalResult verifyModes(ChunkedOp op, llvm::StringRef what, llvm::ArrayRef<AxisPlacement> modes, mlir::TypeRange whole,
                                mlir::TypeRange inside) {
  if (modes.size() != whole.size() || inside.size() != whole.size())
    return op.emitOpError("requires a mode for each ") << what << " and as many values in its region, got " << modes.size() << ", "
                                                       << whole.size() << " and " << inside.size();
  for (auto [i, mode] : llvm::enumerate(modes)) {
    mlir::Type slice = sliceType(whole[i], mode, op.getCount());
    if (!slice)
      return op.emitOpError("requires a count that divides the split dimension, got ")
             << op.getCount() << " for " << what << " " << i << " of type " << whole[i];
    if (slice != inside[i])
      return op.emitOpError("requires ") << slice << " in its region for " << what << " " << i << ", got " << inside[i];
  }
  return mlir::success();
}

}  // namespace

mlir::LogicalResult ReshardOp::verify() {
  if (unplaced(getInput().getType()) != unplaced(getType()))
    return emitOpError("requires one shape and element type, got ") << getInput().getType() << " and " << getType();
  if (!placementOf(getInput()) || !placementOf(getResult())) return emitOpError("requires placements on its operand and its result");
  return mlir::success(succeeded(verifyPlacement(*this, getInput().getType())) && succeeded(verifyPlacement(*this, getType())));
}

mlir::LogicalResult PinOp::verify() {
  if (getAxes().size() != getPlacements().getAxes().size())
    return emitOpError("requires a placement for each axis, got ") << getPlacements().getAxes().size() << " for " << getAxes().size();
  for (const AxisPlacement &axis : getPlacements().getAxes())
    if (axis.isSplit() && axis.dim >= getType().getRank())
      return emitOpError("requires split dimension below ") << getType().getRank() << ", got " << axis.dim;
  return mlir::success();
}

// The combiner of what is partial along a collective's axes.
static std::optional<Combiner> combinerAlong(PlacementAttr from, llvm::ArrayRef<int64_t> axes) {
  for (int64_t axis : axes)
    if (from.getAxes()[axis].isPartial()) return from.getAxes()[axis].combiner;
  return std::nullopt;
}

mlir::LogicalResult BucketOp::verify() {
  const mlir::Type first = getInputs().front().getType();
  const auto combiner = combinerAlong(placementOf(first), getAxes());
  for (mlir::Type type : getInputs().getTypes()) {
    if (mlir::getElementTypeOrSelf(type) != mlir::getElementTypeOrSelf(first))
      return emitOpError("requires one element type for all of its values, got ") << first << " and " << type;
    if (combinerAlong(placementOf(type), getAxes()) != combiner)
      return emitOpError("requires one combiner for all of its values, got ") << first << " and " << type;
  }
  return mlir::success();
}

mlir::LogicalResult WaitOp::verify() {
  if (getTransfers().empty()) return emitOpError("requires a started collective, got none");
  mlir::Operation *start = this->start();
  auto collective = mlir::dyn_cast_or_null<CollectiveOpInterface>(start);
  if (!collective || !collective.movesBytes())
    return emitOpError("requires the results of a collective that moves bytes, got ") << getTransfers().front();
  if (getTransfers() != mlir::ValueRange(start->getResults()))
    return emitOpError("requires all results of one collective, in their order, got ")
           << getTransfers().size() << " operands for " << start->getNumResults() << " results of " << start->getName();
  for (mlir::Value transfer : getTransfers())
    if (!transfer.hasOneUse())
      return emitOpError("requires to be alone in reading what a started collective brings, got other users of ")
             << start->getName();
  return mlir::success();
}

mlir::LogicalResult GradientOp::verifyRegions() {
  mlir::Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("requires region arguments of its inputs' types");
  auto yield = mlir::dyn_cast<YieldOp>(block.back());
  if (!yield || yield.getValues().empty()) return emitOpError("requires a region that yields a scalar first");
  if (tensorOf(yield.getValues()[0].getType()).getRank() != 0)
    return emitOpError("requires a scalar as the first value, got ") << yield.getValues()[0].getType();
  llvm::SmallVector<mlir::Type> expected(yield.getValues().getTypes());
  for (int64_t input : getWrt()) {
    if (input < 0 || input >= int64_t(getInputs().size()))
      return emitOpError("requires inputs below ") << getInputs().size() << " in 'wrt', got " << input;
    expected.push_back(getInputs()[input].getType());
  }
  if (mlir::TypeRange(expected) != mlir::TypeRange(getResultTypes()))
    return emitOpError("requires results of the yielded types and then of the types of the inputs in 'wrt'");
  return mlir::success();
}

mlir::LogicalResult ChunkedOp::verifyRegions() {
  if (getCount() < 1) return emitOpError("requires a count of at least 1, got ") << getCount();
  mlir::Block &block = getBody().front();
  auto yield = mlir::dyn_cast<YieldOp>(block.back());
  if (!yield) return emitOpError("requires a region that ends in cleave.yield");
  for (const AxisPlacement &mode : getOperandModes().getAxes())
    if (mode.isPartial()) return emitOpError("requires operands that are S or B, got ") << mode;
  for (const AxisPlacement &mode : getResultModes().getAxes())
    if (mode.isBroadcast()) return emitOpError("requires results that are S or P, got ") << mode;
  if (failed(verifyModes(*this, "operand", getOperandModes().getAxes(), getInputs().getTypes(), block.getArgumentTypes())))
    return mlir::failure();
  return verifyModes(*this, "result", getResultModes().getAxes(), getResultTypes(), yield.getValues().getTypes());
}

}  // namespace cleave
