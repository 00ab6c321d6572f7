// An entry's ops with what orders them and what they hold: what schedulers choose from.

#ifndef CLEAVE_PASSES_SCHEDULE_OP_GRAPH_H
#define CLEAVE_PASSES_SCHEDULE_OP_GRAPH_H

#include <vector>

#include "passes/schedule/place_updates.h"
#include "passes/schedule/shard_table.h"

namespace cleave {

struct OpGraph {
  struct Node {
    mlir::Operation *op;
    Stream stream = kCompute;
    llvm::SmallVector<size_t, 4> lazyBefore, after;  // nodes
    llvm::SmallVector<int, 4> reads;                 // values, each once; none for a view
    int64_t makes = 0;                               // bytes, on the rank that holds most
    int waits = 0;                                   // nodes that have to run before, lazy ones left out
    // Made from nothing (a constant, say): it runs when it is first needed.
    bool isLazy = false;
  };
  // Bytes that views share.
  struct Value {
    int64_t bytes = 0;
    llvm::SmallVector<size_t, 2> readers;
    bool isKept = false;  // until the end
    int writer = -1;
  };

  OpGraph() = default;
  // Nodes stand in the order of the block.
  OpGraph(mlir::func::FuncOp entry, const OverwriteOrder &overwrites, ShardTable &table);

  std::vector<Node> nodes;
  std::vector<Value> values;

 private:
  int valueOf(mlir::Value shown, ShardTable &table);
  // Ops that compute keep to their kTurn.
  void keepTurns();
  void link(size_t before, size_t after);
  void addOp(size_t index, bool overwrites, ShardTable &table);

  llvm::DenseMap<mlir::Operation *, size_t> indexOf_;
  llvm::DenseMap<mlir::Value, int> valueIds_;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_OP_GRAPH_H
