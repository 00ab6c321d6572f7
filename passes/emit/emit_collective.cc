#include "passes/emit/emit_collective.h"

#include "passes/cost/op_cost.h"
#include "passes/emit/emit_entry.h"

namespace cleave {

void emitBox(const Shard &shard, plan::Box &to) {
  to.mutable_start()->Add(shard.start.begin(), shard.start.end());
  to.mutable_extent()->Add(shard.extent.begin(), shard.extent.end());
}

std::vector<std::string> collectiveAxes(mlir::Operation *op, MeshOp mesh) {
  std::vector<std::string> names;
  for (int64_t axis : mlir::cast<CollectiveOpInterface>(op).alongAxes()) names.push_back(mesh.axisName(axis).str());
  return names;
}

std::optional<Combiner> combinerOf(mlir::Operation *op) {
  const auto from = placementOf(op->getOperand(0)).getAxes(), to = placementOf(op->getResult(0)).getAxes();
  for (int64_t axis : mlir::cast<CollectiveOpInterface>(op).alongAxes())
    for (const AxisPlacement &placement : {from[axis], to[axis]})
      if (placement.isPartial()) return placement.combiner;
  return std::nullopt;
}

// The axes of one collective combine alike.
static mlir::LogicalResult checkCombiners(mlir::Operation *op) {
  const std::optional<Combiner> combiner = combinerOf(op);
  const auto from = placementOf(op->getOperand(0)).getAxes();
  for (int64_t axis : mlir::cast<CollectiveOpInterface>(op).alongAxes())
    if (combiner && from[axis].isPartial() && from[axis].combiner != *combiner)
      return op->emitOpError("requires one combiner along its axes, got ")
             << nameOf(*combiner) << " and " << nameOf(from[axis].combiner);
  return mlir::success();
}

// The boxes of the i-th value on the ranks of a group.
template <typename Message>
static void emitBoxes(mlir::Operation *op, unsigned i, llvm::ArrayRef<int64_t> ranks, ShardTable &table, Message &to) {
  for (int64_t rank : ranks) {
    emitBox(table.shardsOf(op->getOperand(i).getType())[rank], *to.add_inputs());
    emitBox(table.shardsOf(op->getResult(i).getType())[rank], *to.add_outputs());
  }
}

mlir::LogicalResult emitCollective(mlir::Operation *op, ShardTable &table, plan::Collective &to) {
  if (failed(checkCombiners(op))) return mlir::failure();
  auto collective = mlir::cast<CollectiveOpInterface>(op);
  const auto shapeOf = [&](unsigned i) { return mlir::cast<mlir::RankedTensorType>(op->getOperand(i).getType()).getShape(); };
  to.set_kind(collective.stepName().str());
  if (const auto combiner = combinerOf(op)) to.set_combiner(nameOf(*combiner).str());
  to.set_dtype(dtypeOf(op->getOperand(0).getType()));
  to.mutable_dims()->Add(shapeOf(0).begin(), shapeOf(0).end());
  to.set_name(nameOf(op));
  for (const std::string &axis : collectiveAxes(op, table.mesh())) to.add_axes(axis);
  to.set_bytes(collectiveBytes(op, table));
  const auto groups = groupsOf(collective, table);
  for (const auto &ranks : groups) {
    plan::Group &group = *to.add_groups();
    group.mutable_ranks()->Add(ranks.begin(), ranks.end());
    emitBoxes(op, 0, ranks, table, group);
  }
  for (unsigned i = 1; i < op->getNumOperands(); ++i) {
    plan::Segment &segment = *to.add_further();
    segment.mutable_dims()->Add(shapeOf(i).begin(), shapeOf(i).end());
    for (const auto &ranks : groups) emitBoxes(op, i, ranks, table, *segment.add_groups());
  }
  return mlir::success();
}

}  // namespace cleave
