// Orders the ops of each entry so that memory is free early and collectives have time to run.
//
// The program's own order stands, but for this:
//  - an op that frees at least as much as it takes runs as soon as it can, above all updates and reductions of
//    gradients; so do the scalars that these wait for
//  - what waits for a collective gets out of the way of the next collective, which then runs meanwhile
//  - values made from nothing (constants) are made when they are first needed
//  - nobody reads a variable after the op that overwrites it

#include <set>

#include "llvm/ADT/DenseSet.h"
#include "passes/passes.h"
#include "passes/schedule/place_updates.h"
#include "passes/schedule/shard_table.h"

namespace cleave {
#define GEN_PASS_DEF_ORDEROPSPASS
#include "passes/passes.h.inc"

namespace {

constexpr int64_t kNegligible = 1024;  // bytes

bool movesBytes(mlir::Operation *op) {
  auto collective = mlir::dyn_cast<CollectiveOpInterface>(op);
  return collective && collective.movesBytes() && groupSize(collective) > 1;
}

class Orderer {
 public:
  Orderer(mlir::func::FuncOp entry, const OverwriteOrder &overwrites, ShardTable &table)
      : block_(entry.getBody().front()) {
    for (auto [before, after] : overwrites) overwriters_.insert(after);
    for (mlir::Operation &op : block_.without_terminator()) {
      indexOf_[&op] = nodes_.size();
      nodes_.emplace_back().op = &op;
    }
    for (Node &node : nodes_) addOp(node, table);
    for (mlir::Value returned : block_.getTerminator()->getOperands()) values_[valueOf(returned, table)].isKept = true;
    for (auto [before, after] : overwrites) link(indexOf_[before], indexOf_[after]);
  }

  std::vector<mlir::Operation *> run() {
    for (size_t n = 0; n < nodes_.size(); ++n)
      if (nodes_[n].waits == 0 && !nodes_[n].isLazy) becomeReady(n);
    while (!ready_.empty() || !held_.empty()) {
      if (ready_.empty()) {
        releaseHeld();
      } else {
        emit(eager_.empty() ? *ready_.begin() : eager_.begin()->second);
      }
    }
    for (size_t n = 0; n < nodes_.size(); ++n)  // constants that are only returned
      if (!nodes_[n].isEmitted) emit(n);
    return std::move(order_);
  }

 private:
  struct Node {
    mlir::Operation *op;
    llvm::SmallVector<size_t, 4> lazyBefore, after;
    llvm::SmallVector<int, 4> reads;  // values, each once
    int64_t makes = 0;                // bytes
    int waits = 0;                    // ops that have to run before, lazy ones left out
    bool isLazy = false, isReady = false, isEmitted = false;
    int64_t collective = -1;  // its number, once it runs
  };
  // Bytes that views share.
  struct Value {
    int64_t bytes = 0;
    llvm::SmallVector<size_t, 2> readers;
    int readersLeft = 0;
    bool isKept = false;  // until the end
    int writer = -1;
  };

  int valueOf(mlir::Value shown, ShardTable &table) {
    const mlir::Value root = shownBy(shown);
    const auto [known, isNew] = valueIds_.try_emplace(root, int(values_.size()));
    if (isNew) {
      Value &value = values_.emplace_back();
      value.bytes = table.mostBytes(root.getType());
      if (mlir::Operation *op = root.getDefiningOp()) value.writer = int(indexOf_[op]);
    }
    return known->second;
  }

  void link(size_t before, size_t after) {
    nodes_[before].after.push_back(after);
    if (nodes_[before].isLazy) {
      nodes_[after].lazyBefore.push_back(before);
    } else {
      ++nodes_[after].waits;
    }
  }

  void addOp(Node &node, ShardTable &table) {
    const size_t index = indexOf_[node.op];
    const auto isLazy = [&](mlir::Value operand) {
      return operand.getDefiningOp() && nodes_[indexOf_[operand.getDefiningOp()]].isLazy;
    };
    node.isLazy = !overwriters_.contains(node.op) && llvm::all_of(node.op->getOperands(), isLazy);
    for (mlir::Value operand : node.op->getOperands())
      if (mlir::Operation *op = operand.getDefiningOp()) link(indexOf_[op], index);
    if (isView(node.op)) return;
    for (mlir::Value operand : node.op->getOperands()) {
      const int value = valueOf(operand, table);
      if (llvm::is_contained(node.reads, value)) continue;
      node.reads.push_back(value);
      values_[value].readers.push_back(index);
      ++values_[value].readersLeft;
    }
    for (mlir::Value result : node.op->getResults()) node.makes += values_[valueOf(result, table)].bytes;
  }

  void becomeReady(size_t n) {
    nodes_[n].isReady = true;
    ready_.insert(n);
    consider(n);
  }

  // Lets a ready op run at once if memory does not grow by it.
  void consider(size_t n) {
    const Node &node = nodes_[n];
    int64_t frees = 0;
    bool isWaiting = false;
    for (int value : node.reads) {
      if (values_[value].readersLeft == 1 && !values_[value].isKept) frees += values_[value].bytes;
      if (values_[value].writer >= 0) isWaiting |= nodes_[values_[value].writer].collective == collectives_;
    }
    if (node.makes > frees + kNegligible) return;
    if (isWaiting && collectives_ > 0) {
      held_.push_back(n);
      if (node.after.empty()) ready_.erase(n);  // nobody waits for it
    } else {
      addEager(n);
    }
  }

  // What waited for a collective may run.
  void releaseHeld() {
    for (size_t held : held_) {
      if (nodes_[held].isEmitted) continue;
      ready_.insert(held);
      addEager(held);
    }
    held_.clear();
  }

  // Collectives first: they run meanwhile.
  void addEager(size_t n) { eager_.insert({!movesBytes(nodes_[n].op), n}); }

  void emit(size_t n) {
    Node &node = nodes_[n];
    if (node.isEmitted) return;
    node.isEmitted = true;
    for (size_t before : node.lazyBefore) emit(before);
    order_.push_back(node.op);
    ready_.erase(n);
    eager_.erase({!movesBytes(node.op), n});
    if (movesBytes(node.op)) {
      node.collective = ++collectives_;
      releaseHeld();
    }
    for (int value : node.reads)
      if (--values_[value].readersLeft == 1)
        for (size_t reader : values_[value].readers)
          if (nodes_[reader].isReady && !nodes_[reader].isEmitted) consider(reader);
    if (node.isLazy) return;
    for (size_t after : node.after)
      if (--nodes_[after].waits == 0) becomeReady(after);
  }

  mlir::Block &block_;
  llvm::DenseSet<mlir::Operation *> overwriters_;
  std::vector<Node> nodes_;
  std::vector<Value> values_;
  llvm::DenseMap<mlir::Operation *, size_t> indexOf_;
  llvm::DenseMap<mlir::Value, int> valueIds_;
  std::set<size_t> ready_;
  std::set<std::pair<bool, size_t>> eager_;  // collectives first
  std::vector<size_t> held_;
  std::vector<mlir::Operation *> order_;
  int64_t collectives_ = 0;
};

struct OrderOpsPass : impl::OrderOpsPassBase<OrderOpsPass> {
  void runOnOperation() final {
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    if (failed(variables)) return signalPassFailure();
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) {
      const OverwriteOrder overwrites = placeUpdates(entry, *variables);
      mlir::Operation *terminator = entry.getBody().front().getTerminator();
      for (mlir::Operation *op : Orderer(entry, overwrites, *table).run()) op->moveBefore(terminator);
    }
  }
};

}  // namespace
}  // namespace cleave
