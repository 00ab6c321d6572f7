// Orders the ops of each entry so that collectives run while something else is computed.
//
//   y = matmul; z = all_reduce y; g = outer; w = add z    -->    all_reduce starts behind its matmul, add waits behind outer
//
// A list schedule by what ops and transfers are predicted to take, critical path first, in no more memory than the order
// before and a tenth.

#include <map>

#include "llvm/Support/Format.h"
#include "passes/cost/op_cost.h"
#include "passes/passes.h"
#include "passes/schedule/list_schedule.h"

namespace cleave {
#define GEN_PASS_DEF_OVERLAPOPSPASS
#include "passes/passes.h.inc"

namespace {

constexpr double kMoreMemory = 1.1;   // than the order before
constexpr double kWorthwhile = 0.99;  // of the time before

class Overlap {
 public:
  Overlap(const Machine &machine, ShardTable &table) : machine_(machine), table_(table) {}

  void apply(mlir::func::FuncOp entry, const ModuleVariables &variables, bool isForced) {
    const OpGraph graph(entry, placeUpdates(entry, variables), table_);
    if (llvm::none_of(graph.nodes, [](const OpGraph::Node &node) { return movesBytes(node.op); })) return;
    const std::vector<NodeTime> times = timesOf(graph);
    const double before = secondsInOrder(graph, times);
    const ListSchedule schedule = listSchedule(graph, times, int64_t(kMoreMemory * double(peakInOrder(graph))));
    const bool pays = schedule.seconds < kWorthwhile * before;
    llvm::SmallString<64> text;
    llvm::raw_svector_ostream(text) << llvm::format("%.3f ms instead of %.3f", schedule.seconds * 1e3, before * 1e3);
    mlir::emitRemark(entry.getLoc()) << "overlap of '" << entry.getName() << "': " << text
                                     << (pays || isForced ? "" : ": too little, left as it is");
    if (pays || isForced) reorder(entry, graph, schedule);
    double compute = 0;
    for (const auto &[node, time] : llvm::zip(graph.nodes, times)) compute += movesBytes(node.op) ? 0 : time.work;
    entry->setAttr(kPredicted, mlir::Builder(entry.getContext())
                                   .getDenseF64ArrayAttr({pays || isForced ? schedule.seconds : before, compute}));
  }

 private:
  // The slowest rank's: the others wait for it.
  std::vector<NodeTime> timesOf(const OpGraph &graph) {
    std::vector<NodeTime> times;
    for (const OpGraph::Node &node : graph.nodes) {
      NodeTime &time = times.emplace_back();
      if (isView(node.op)) continue;
      if (movesBytes(node.op)) {
        const TransferCost cost = transferCost(node.op, table_, machine_);
        time = {cost.work, cost.wire, linkOf(node.op)};
        continue;
      }
      time.work = slowestSeconds(node.op, table_, machine_);
    }
    return times;
  }

  int linkOf(mlir::Operation *collective) {
    const auto axes = mlir::cast<CollectiveOpInterface>(collective).alongAxes();
    const llvm::SmallVector<int64_t> key(axes.begin(), axes.end());
    return int(links_.insert({key, links_.size()}).first->second);
  }

  static void reorder(mlir::func::FuncOp entry, const OpGraph &graph, const ListSchedule &schedule) {
    mlir::Operation *terminator = entry.getBody().front().getTerminator();
    for (size_t node : schedule.order) graph.nodes[node].op->moveBefore(terminator);
    mlir::Builder b(entry.getContext());
    for (auto [node, before] : schedule.after)
      graph.nodes[node].op->setAttr(kAfter, b.getStringAttr(nameOf(graph.nodes[before].op)));
  }

  const Machine &machine_;
  ShardTable &table_;
  std::map<llvm::SmallVector<int64_t>, size_t> links_;  // by the axes that a transfer runs along
};

struct OverlapOpsPass : impl::OverlapOpsPassBase<OverlapOpsPass> {
  void runOnOperation() final {
    const auto overlap = getOperation()->getAttrOfType<mlir::ArrayAttr>(kOverlap);
    const auto asks = [&](llvm::StringRef name) {
      return overlap && llvm::is_contained(overlap.getAsValueRange<mlir::StringAttr>(), name);
    };
    if (overlap && !asks("split")) return;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(variables) || failed(machine)) return signalPassFailure();
    Overlap pass(*machine, *table);
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) pass.apply(entry, *variables, /*isForced=*/asks("split"));
  }
};

}  // namespace
}  // namespace cleave
