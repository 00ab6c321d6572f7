// What every rank holds of values, worked out once for each type.

#ifndef CLEAVE_PASSES_SCHEDULE_SHARD_TABLE_H
#define CLEAVE_PASSES_SCHEDULE_SHARD_TABLE_H

#include <cstdint>
#include <vector>

#include "ir/cleave.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Ranks are positions in the mesh, row-major.
class ShardTable {
 public:
  // Fails, with a diagnostic, where the module has no mesh or several, or a value that does not lie on it.
  static mlir::FailureOr<ShardTable> of(mlir::ModuleOp module);

  MeshOp mesh() const { return mesh_; }
  size_t axes() const { return coordinates_[0].size(); }
  size_t ranks() const { return coordinates_.size(); }
  llvm::ArrayRef<int64_t> coordinatesOf(size_t rank) const { return coordinates_[rank]; }

  // One shard a rank; a value without a placement is whole everywhere. The list stays where it is.
  llvm::ArrayRef<Shard> shardsOf(mlir::Type type);

  // Whether the shards of all ranks have equal extents.
  bool isEven(mlir::Type type);

  // What the largest shard takes.
  int64_t mostBytes(mlir::Type type);

 private:
  explicit ShardTable(MeshOp mesh);

  MeshOp mesh_;
  std::vector<llvm::SmallVector<int64_t>> coordinates_;  // by rank
  llvm::DenseMap<mlir::Type, std::vector<Shard>> shards_;
  llvm::DenseMap<mlir::Type, bool> isEven_;
};

// Of one element in a device's memory.
int64_t elementBytes(mlir::Type type);

// Ranks whose shards of all of the module's values have equal extents, in the order of their first ranks.
using RankClasses = std::vector<llvm::SmallVector<int64_t>>;
RankClasses findRankClasses(mlir::ModuleOp module, ShardTable &table);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_SHARD_TABLE_H
