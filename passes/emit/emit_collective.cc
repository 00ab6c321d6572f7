#include "passes/emit/emit_collective.h"

#include "passes/cost/op_cost.h"
#include "passes/emit/emit_entry.h"

namespace cleave {

void emitBox(const Shard &shard, plan::Box &to) {
  to.mutable_start()->Add(shard.start.begin(), shard.start.end());
  to.mutable_extent()->Add(shard.extent.begin(), shard.extent.end());
}

std::string collectiveKind(mlir::Operation *op) { return op->getName().stripDialect().str(); }

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

mlir::LogicalResult emitCollective(mlir::Operation *op, ShardTable &table, plan::Collective &to) {
  const mlir::Type from = op->getOperand(0).getType(), into = op->getResult(0).getType();
  if (failed(checkCombiners(op))) return mlir::failure();
  to.set_kind(collectiveKind(op));
  if (const auto combiner = combinerOf(op)) to.set_combiner(nameOf(*combiner).str());
  to.set_dtype(dtypeOf(from));
  for (int64_t size : mlir::cast<mlir::RankedTensorType>(from).getShape()) to.add_dims(size);
  to.set_name(nameOf(op));
  for (const std::string &axis : collectiveAxes(op, table.mesh())) to.add_axes(axis);
  to.set_bytes(collectiveBytes(op, table));
  for (const auto &ranks : groupsOf(mlir::cast<CollectiveOpInterface>(op), table)) {
    plan::Group &group = *to.add_groups();
    for (int64_t rank : ranks) {
      group.add_ranks(rank);
      emitBox(table.shardsOf(from)[rank], *group.add_inputs());
      emitBox(table.shardsOf(into)[rank], *group.add_outputs());
    }
  }
  return mlir::success();
}

}  // namespace cleave
