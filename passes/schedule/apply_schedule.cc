#include "passes/schedule/apply_schedule.h"

#include <map>

namespace cleave {

std::vector<NodeTime> timesOf(const OpGraph &graph, ShardTable &table, const Machine &machine) {
  std::map<llvm::SmallVector<int64_t>, size_t> links;  // by the axes that a transfer runs along
  std::vector<NodeTime> times;
  for (const OpGraph::Node &node : graph.nodes) {
    NodeTime &time = times.emplace_back();
    if (isView(node.op)) continue;
    if (movesBytes(node.op)) {
      const TransferCost cost = transferCost(node.op, table, machine);
      const auto axes = mlir::cast<CollectiveOpInterface>(node.op).alongAxes();
      const auto link = links.insert({llvm::SmallVector<int64_t>(axes.begin(), axes.end()), links.size()}).first;
      time = {cost.work, cost.wire, int(link->second)};
      continue;
    }
    time.work = slowestSeconds(node.op, table, machine);
  }
  return times;
}

void applySchedule(mlir::func::FuncOp entry, const OpGraph &graph, const Schedule &schedule) {
  mlir::Operation *terminator = entry.getBody().front().getTerminator();
  for (size_t node : schedule.order) {
    graph.nodes[node].op->moveBefore(terminator);
    graph.nodes[node].op->removeAttr(kAfter);
  }
  mlir::Builder b(entry.getContext());
  for (auto [node, before] : schedule.after)
    graph.nodes[node].op->setAttr(kAfter, b.getStringAttr(nameOf(graph.nodes[before].op)));
}

}  // namespace cleave
