#include "passes/schedule/shard_table.h"

#include <algorithm>
#include <map>

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace cleave {

ShardTable::ShardTable(MeshOp mesh) : mesh_(mesh) {
  const int64_t devices = mesh_.deviceCount();
  for (int64_t rank = 0; rank < devices; ++rank) coordinates_.push_back(mesh_.coordinatesOf(rank));
}

namespace {

// A value that lies somewhere: of a static shape, on the axes of this mesh.
mlir::LogicalResult checkType(mlir::ModuleOp module, mlir::Type type, MeshOp mesh) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape()) return module.emitError("requires tensors of static shapes, got ") << type;
  const PlacementAttr placement = placementOf(type);
  if (!placement) return mlir::success();
  if (placement.getMesh().getValue() != mesh.getSymName() || placement.getAxes().size() != mesh.getSizes().size())
    return module.emitError("requires placements on mesh ")
           << mesh.getSymName() << " of " << mesh.getSizes().size() << " axes, got " << type;
  return mlir::success();
}

mlir::LogicalResult checkTypes(mlir::ModuleOp module, MeshOp mesh) {
  llvm::DenseSet<mlir::Type> known;
  const auto result = module.walk([&](mlir::Block *block) {
    llvm::SmallVector<mlir::Type> types(block->getArgumentTypes());
    for (mlir::Operation &op : *block) types.append(op.result_type_begin(), op.result_type_end());
    for (mlir::Type type : types)
      if (known.insert(type).second && failed(checkType(module, type, mesh))) return mlir::WalkResult::interrupt();
    return mlir::WalkResult::advance();
  });
  return mlir::failure(result.wasInterrupted());
}

}  // namespace

mlir::FailureOr<ShardTable> ShardTable::of(mlir::ModuleOp module) {
  auto meshes = module.getOps<MeshOp>();
  const auto count = std::distance(meshes.begin(), meshes.end());
  if (count != 1) return module.emitError("requires one mesh to schedule on, got ") << count;
  if (failed(checkTypes(module, *meshes.begin()))) return mlir::failure();
  return ShardTable(*meshes.begin());
}

llvm::ArrayRef<Shard> ShardTable::shardsOf(mlir::Type type) {
  const auto known = shards_.find(type);
  if (known != shards_.end()) return known->second;
  const auto shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
  const PlacementAttr placement = placementOf(type);
  const llvm::ArrayRef<AxisPlacement> axes = placement ? placement.getAxes() : llvm::ArrayRef<AxisPlacement>();
  std::vector<Shard> shards;
  shards.reserve(ranks());
  for (const auto &coordinates : coordinates_) shards.push_back(shardOf(shape, axes, mesh_.getSizes(), coordinates));
  return shards_.try_emplace(type, std::move(shards)).first->second;
}

bool ShardTable::isEven(mlir::Type type) {
  const auto known = isEven_.find(type);
  if (known != isEven_.end()) return known->second;
  const llvm::ArrayRef<Shard> shards = shardsOf(type);
  return isEven_[type] =
             llvm::all_of(shards, [&](const Shard &shard) { return shard.extent == shards.front().extent; });
}

int64_t ShardTable::mostBytes(mlir::Type type) {
  int64_t most = 0;
  for (const Shard &shard : shardsOf(type)) most = std::max(most, shard.elements());
  return most * elementBytes(type);
}

int64_t elementBytes(mlir::Type type) {
  const unsigned bits = mlir::getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  return bits == 1 ? 1 : bits / 8;
}

RankClasses findRankClasses(mlir::ModuleOp module, ShardTable &table) {
  llvm::SetVector<mlir::Type> types;
  module.walk([&](mlir::Block *block) {
    for (mlir::Value argument : block->getArguments()) types.insert(argument.getType());
    for (mlir::Operation &op : *block)
      for (mlir::Type type : op.getResultTypes()) types.insert(type);
  });
  std::vector<std::vector<int64_t>> extents(table.ranks());
  for (mlir::Type type : types) {
    for (auto [rank, shard] : llvm::enumerate(table.shardsOf(type)))
      extents[rank].insert(extents[rank].end(), shard.extent.begin(), shard.extent.end());
  }
  RankClasses classes;
  std::map<std::vector<int64_t>, size_t> classOf;
  for (size_t rank = 0; rank < extents.size(); ++rank) {
    const auto [known, isNew] = classOf.insert({extents[rank], classes.size()});
    if (isNew) classes.emplace_back();
    classes[known->second].push_back(int64_t(rank));
  }
  return classes;
}

}  // namespace cleave
