#include "passes/schedule/apply_schedule.h"

namespace cleave {

std::vector<NodeTime> timesOf(const OpGraph &graph, ShardTable &table, const Machine &machine) {
  std::vector<NodeTime> times;
  for (const OpGraph::Node &node : graph.nodes) {
    NodeTime &time = times.emplace_back();
    if (isView(node.op)) continue;
    if (movesBytes(node.op)) {
      const TransferCost cost = transferCost(node.op, table, machine);
      const auto axes = mlir::cast<CollectiveOpInterface>(node.op).alongAxes();
      time = {cost.work, cost.wire, {axes.begin(), axes.end()}};  // a link for each axis
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
