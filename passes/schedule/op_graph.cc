#include "passes/schedule/op_graph.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"

namespace cleave {

OpGraph::OpGraph(mlir::func::FuncOp entry, const OverwriteOrder &overwrites, ShardTable &table) {
  mlir::Block &block = entry.getBody().front();
  llvm::DenseSet<mlir::Operation *> overwriters;
  for (auto [before, after] : overwrites) overwriters.insert(after);
  for (mlir::Operation &op : block.without_terminator()) {
    indexOf_[&op] = nodes.size();
    nodes.emplace_back().op = &op;
    nodes.back().stream = streamOf(&op);
  }
  for (size_t n = 0; n < nodes.size(); ++n) addOp(n, overwriters.contains(nodes[n].op), table);
  for (mlir::Value returned : block.getTerminator()->getOperands()) values[valueOf(returned, table)].isKept = true;
  for (auto [before, after] : overwrites) link(indexOf_[before], indexOf_[after]);
  keepTurns();
}

int OpGraph::valueOf(mlir::Value shown, ShardTable &table) {
  const mlir::Value root = shownBy(shown);
  const auto [known, isNew] = valueIds_.try_emplace(root, int(values.size()));
  if (isNew) {
    Value &value = values.emplace_back();
    value.bytes = table.mostBytes(root.getType());
    if (mlir::Operation *op = root.getDefiningOp()) value.writer = int(indexOf_[op]);
  }
  return known->second;
}

void OpGraph::keepTurns() {
  llvm::StringMap<size_t> named;
  for (size_t n = 0; n < nodes.size(); ++n) {
    auto turn = nodes[n].op->getAttrOfType<mlir::StringAttr>(kTurn);
    if (const auto before = turn ? named.find(turn.getValue()) : named.end(); before != named.end())
      link(before->second, n);
    named[nameOf(nodes[n].op)] = n;
  }
}

void OpGraph::link(size_t before, size_t after) {
  nodes[before].after.push_back(after);
  if (nodes[before].isLazy) {
    nodes[after].lazyBefore.push_back(before);
  } else {
    ++nodes[after].waits;
  }
}

void OpGraph::addOp(size_t index, bool overwrites, ShardTable &table) {
  Node &node = nodes[index];
  const auto isLazy = [&](mlir::Value operand) {
    return operand.getDefiningOp() && nodes[indexOf_[operand.getDefiningOp()]].isLazy;
  };
  const bool hasTurn = node.op->hasAttr(kTurn);
  node.isLazy = !overwrites && !hasTurn && llvm::all_of(node.op->getOperands(), isLazy);
  for (mlir::Value operand : node.op->getOperands())
    if (mlir::Operation *op = operand.getDefiningOp()) link(indexOf_[op], index);
  if (isView(node.op)) return;
  for (mlir::Value operand : node.op->getOperands()) {
    const int value = valueOf(operand, table);
    if (llvm::is_contained(node.reads, value)) continue;
    node.reads.push_back(value);
    values[value].readers.push_back(index);
  }
  for (mlir::Value result : node.op->getResults()) node.makes += values[valueOf(result, table)].bytes;
}

}  // namespace cleave
