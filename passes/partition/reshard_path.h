// The cheapest way from one placement to another.

#ifndef CLEAVE_PASSES_PARTITION_RESHARD_PATH_H
#define CLEAVE_PASSES_PARTITION_RESHARD_PATH_H

#include <cstdint>
#include <vector>

#include "ir/axis_placement.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "passes/cost/machine.h"

namespace cleave {

using Axes = llvm::SmallVector<AxisPlacement, 4>;

// The collectives that a step may be; each is an op of the dialect.
enum class ReshardKind : uint8_t { AllReduce, AllGather, ReduceScatter, AllToAll, Permute, LocalSlice, KeepFirst };

// One collective: what it is, along which axes it runs (growing), and the placement behind it.
struct ReshardStep {
  ReshardKind kind;
  llvm::SmallVector<int64_t, 2> axes;
  Axes to;
};

// A value and the mesh that it lies on.
struct ReshardProblem {
  llvm::ArrayRef<int64_t> shape;
  int64_t elementBytes;
  llvm::ArrayRef<int64_t> meshSizes;
  const Machine &machine;  // of the same mesh
};

struct ReshardPath {
  std::vector<ReshardStep> steps;
  double cost = 0;  // seconds
};

// Dijkstra's shortest path over placements. Each step changes the placement along one axis, or joins several partial axes in
// one all-reduce, or moves a split from one axis to another. Among all paths it takes the cheapest of those whose largest
// intermediate is smallest, unless going through the whole value on every device costs less.
ReshardPath cheapestReshard(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> from,
                            llvm::ArrayRef<AxisPlacement> to);

// The cheapest path through full replication, which cheapestReshard never exceeds.
ReshardPath reshardThroughReplication(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> from,
                                      llvm::ArrayRef<AxisPlacement> to);

// Bytes that a device holds, by even shares.
double localBytes(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> placement);

}  // namespace cleave

#endif  // CLEAVE_PASSES_PARTITION_RESHARD_PATH_H
