// Meshes, and who holds what.

#include "ir/cleave.h"

namespace cleave {

llvm::StringRef MeshOp::kindOf(llvm::StringRef name, bool isFirst) {
  if (name == "data" || name == "model") return name;
  return isFirst ? "data" : "model";
}

llvm::StringRef MeshOp::axisName(size_t axis) { return mlir::cast<mlir::StringAttr>(getNames()[axis]).getValue(); }

bool MeshOp::isData(size_t axis) { return mlir::cast<mlir::StringAttr>(getKinds()[axis]).getValue() == "data"; }

int64_t MeshOp::deviceCount() {
  int64_t count = 1;
  for (int64_t size : getSizes()) count *= size;
  return count;
}

llvm::SmallVector<int64_t> MeshOp::coordinatesOf(int64_t device) {
  llvm::SmallVector<int64_t> coordinates(getSizes().size());
  for (size_t axis = coordinates.size(); axis-- > 0; device /= getSizes()[axis]) coordinates[axis] = device % getSizes()[axis];
  return coordinates;
}

mlir::LogicalResult MeshOp::verify() {
  constexpr int64_t kMaxDevices = 1 << 20;
  if (getSizes().empty()) return emitOpError("requires at least one axis");
  if (getNames().size() != getSizes().size() || getKinds().size() != getSizes().size())
    return emitOpError("requires a name, a kind and a size for each axis");
  int64_t devices = 1;
  for (size_t axis = 0; axis < getSizes().size(); ++axis) {
    const llvm::StringRef kind = mlir::cast<mlir::StringAttr>(getKinds()[axis]).getValue();
    if (kind != "data" && kind != "model")
      return emitOpError("requires kind data or model, got '") << kind << "' of axis '" << axisName(axis) << "'";
    for (size_t other = 0; other < axis; ++other)
      if (axisName(other) == axisName(axis)) return emitOpError("requires different axis names, got '") << axisName(axis) << "' twice";
    const int64_t size = getSizes()[axis];
    if (size < 1 || devices > kMaxDevices / size)
      return emitOpError("requires sizes of at least 1 and at most ") << kMaxDevices << " devices, got " << size << " for axis '"
                                                                       << axisName(axis) << "'";
    devices *= size;
  }
  return mlir::success();
}

PlacementAttr placementOf(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor ? mlir::dyn_cast_or_null<PlacementAttr>(tensor.getEncoding()) : PlacementAttr();
}

mlir::RankedTensorType placed(mlir::Type type, PlacementAttr placement) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  return mlir::RankedTensorType::get(tensor.getShape(), tensor.getElementType(), placement);
}

Strategy strategyAlong(size_t axis, mlir::Operation *op) {
  Strategy strategy;
  for (mlir::Value operand : op->getOperands()) strategy.operands.push_back(placementOf(operand).getAxes()[axis]);
  for (mlir::Value result : op->getResults()) strategy.results.push_back(placementOf(result).getAxes()[axis]);
  return strategy;
}

MeshOp meshOf(mlir::Operation *from, PlacementAttr placement) {
  return mlir::SymbolTable::lookupNearestSymbolFrom<MeshOp>(from, placement.getMesh());
}

llvm::SmallVector<size_t> axesSplitting(unsigned dim, llvm::ArrayRef<AxisPlacement> placement) {
  llvm::SmallVector<size_t> axes;
  for (bool minor : {false, true})
    for (size_t axis = 0; axis < placement.size(); ++axis)
      if (placement[axis].isSplit() && placement[axis].dim == dim && placement[axis].minor == minor) axes.push_back(axis);
  return axes;
}

Shard shardOf(llvm::ArrayRef<int64_t> global, llvm::ArrayRef<AxisPlacement> placement, llvm::ArrayRef<int64_t> sizes,
              llvm::ArrayRef<int64_t> coordinates) {
  Shard shard;
  shard.global.assign(global.begin(), global.end());
  for (unsigned dim = 0; dim < global.size(); ++dim) {
    int64_t index = 0, shares = 1, unit = 1;
    for (size_t axis : axesSplitting(dim, placement)) {
      index = index * sizes[axis] + coordinates[axis];
      shares *= sizes[axis];
      unit = placement[axis].unit;
    }
    const int64_t units = global[dim] / unit;
    const int64_t begin = index * units / shares * unit, end = (index + 1) * units / shares * unit;
    shard.start.push_back(begin);
    shard.extent.push_back(end - begin);
  }
  return shard;
}

void copyMarks(mlir::Operation *from, mlir::Operation *to) {
  for (llvm::StringRef mark : {CleaveDialect::kName, CleaveDialect::kLayer, CleaveDialect::kPhase, CleaveDialect::kReason})
    if (mlir::Attribute value = from->getAttr(mark)) to->setAttr(mark, value);
}

}  // namespace cleave
