// Collectives of a plan: who meets, and which parts of a value they bring and take.

#ifndef CLEAVE_PASSES_EMIT_EMIT_COLLECTIVE_H
#define CLEAVE_PASSES_EMIT_EMIT_COLLECTIVE_H

#include <optional>
#include <string>
#include <vector>

#include "passes/schedule/scheduled_entry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

void emitBox(const Shard &shard, plan::Box &to);

// The names of the mesh axes that it runs along.
std::vector<std::string> collectiveAxes(mlir::Operation *op, MeshOp mesh);

// How partial terms along the axes become the value; null where nothing is partial there.
std::optional<Combiner> combinerOf(mlir::Operation *op);

mlir::LogicalResult emitCollective(mlir::Operation *op, ShardTable &table, plan::Collective &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EMIT_COLLECTIVE_H
