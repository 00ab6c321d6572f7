// Orders the ops of each entry so that memory is free early and collectives have time to run.
//
// The program's own order stands, but for this:
//  - an op that frees at least as much as it takes runs as soon as it can, above all updates and reductions of
//    gradients; so do the scalars that these wait for
//  - what waits for a collective gets out of the way of the next collective, which then runs meanwhile
//  - values made from nothing (constants) are made when they are first needed
//  - nobody reads a variable after the op that overwrites it

#include <set>

#include "passes/passes.h"
#include "passes/schedule/op_graph.h"

namespace cleave {
#define GEN_PASS_DEF_ORDEROPSPASS
#include "passes/passes.h.inc"

namespace {

class Orderer {
 public:
  explicit Orderer(const OpGraph &graph) : nodes_(graph.nodes), values_(graph.values), states_(nodes_.size()) {
    for (size_t n = 0; n < nodes_.size(); ++n) states_[n].waits = nodes_[n].waits;
    for (const OpGraph::Value &value : values_) readersLeft_.push_back(int(value.readers.size()));
  }

  std::vector<mlir::Operation *> run() {
    for (size_t n = 0; n < nodes_.size(); ++n)
      if (states_[n].waits == 0 && !nodes_[n].isLazy) becomeReady(n);
    while (!ready_.empty() || !held_.empty()) {
      if (ready_.empty()) {
        releaseHeld();
      } else {
        emit(eager_.empty() ? *ready_.begin() : eager_.begin()->second);
      }
    }
    for (size_t n = 0; n < nodes_.size(); ++n)  // constants that are only returned
      if (!states_[n].isEmitted) emit(n);
    return std::move(order_);
  }

 private:
  struct State {
    int waits = 0;
    bool isReady = false, isEmitted = false;
    int64_t collective = -1;  // its number, once it runs
  };

  void becomeReady(size_t n) {
    states_[n].isReady = true;
    ready_.insert(n);
    consider(n);
  }

  // Lets a ready op run at once if memory does not grow by it.
  void consider(size_t n) {
    const OpGraph::Node &node = nodes_[n];
    int64_t frees = 0;
    bool isWaiting = false;
    for (int value : node.reads) {
      if (readersLeft_[value] == 1 && !values_[value].isKept) frees += values_[value].bytes;
      if (values_[value].writer >= 0) isWaiting |= states_[values_[value].writer].collective == collectives_;
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
      if (states_[held].isEmitted) continue;
      ready_.insert(held);
      addEager(held);
    }
    held_.clear();
  }

  // Collectives first: they run meanwhile.
  void addEager(size_t n) { eager_.insert({!movesBytes(nodes_[n].op), n}); }

  void emit(size_t n) {
    const OpGraph::Node &node = nodes_[n];
    if (states_[n].isEmitted) return;
    states_[n].isEmitted = true;
    for (size_t before : node.lazyBefore) emit(before);
    order_.push_back(node.op);
    ready_.erase(n);
    eager_.erase({!movesBytes(node.op), n});
    if (movesBytes(node.op)) {
      states_[n].collective = ++collectives_;
      releaseHeld();
    }
    for (int value : node.reads)
      if (--readersLeft_[value] == 1)
        for (size_t reader : values_[value].readers)
          if (states_[reader].isReady && !states_[reader].isEmitted) consider(reader);
    if (node.isLazy) return;
    for (size_t after : node.after)
      if (--states_[after].waits == 0) becomeReady(after);
  }

  const std::vector<OpGraph::Node> &nodes_;
  const std::vector<OpGraph::Value> &values_;
  std::vector<State> states_;     // by node
  std::vector<int> readersLeft_;  // by value
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
      const OpGraph graph(entry, placeUpdates(entry, *variables), *table);
      mlir::Operation *terminator = entry.getBody().front().getTerminator();
      for (mlir::Operation *op : Orderer(graph).run()) op->moveBefore(terminator);
    }
  }
};

}  // namespace
}  // namespace cleave
