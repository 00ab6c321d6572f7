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

enum class Mode { kForbidden, kWherePays, kForced };

class Overlap {
 public:
  Overlap(const Machine &machine, ShardTable &table, Mode mode) : machine_(machine), table_(table), mode_(mode) {}

  void run(mlir::func::FuncOp entry, const ModuleVariables &variables) {
    const OpGraph graph(entry, placeUpdates(entry, variables), table_);
    if (llvm::none_of(graph.nodes, [](const OpGraph::Node &node) { return movesBytes(node.op); })) return;
    const std::vector<NodeTime> times = timesOf(graph);
    const Schedule plain = inOrder(graph, times);
    if (mode_ == Mode::kForbidden) return apply(entry, graph, times, plain);
    const Schedule schedule = listSchedule(graph, times, int64_t(kMoreMemory * double(peakInOrder(graph))));
    const bool pays = schedule.seconds < kWorthwhile * plain.seconds;
    llvm::SmallString<64> text;
    llvm::raw_svector_ostream(text) << llvm::format("%.3f ms instead of %.3f", schedule.seconds * 1e3, plain.seconds * 1e3);
    const bool isTaken = pays || mode_ == Mode::kForced;
    mlir::emitRemark(entry.getLoc()) << "overlap of '" << entry.getName() << "': " << text
                                     << (isTaken ? "" : ": too little, left as it is");
    apply(entry, graph, times, isTaken ? schedule : plain);
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

  static void apply(mlir::func::FuncOp entry, const OpGraph &graph, const std::vector<NodeTime> &times,
                    const Schedule &schedule) {
    mlir::Operation *terminator = entry.getBody().front().getTerminator();
    for (size_t node : schedule.order) graph.nodes[node].op->moveBefore(terminator);
    mlir::Builder b(entry.getContext());
    for (auto [node, before] : schedule.after)
      graph.nodes[node].op->setAttr(kAfter, b.getStringAttr(nameOf(graph.nodes[before].op)));
    double wire = 0;
    for (const NodeTime &time : times) wire += time.wire;
    entry->setAttr(kPredicted, b.getDenseF64ArrayAttr({schedule.seconds, wire}));
  }

  const Machine &machine_;
  ShardTable &table_;
  const Mode mode_;
  std::map<llvm::SmallVector<int64_t>, size_t> links_;  // by the axes that a transfer runs along
};

struct OverlapOpsPass : impl::OverlapOpsPassBase<OverlapOpsPass> {
  void runOnOperation() final {
    const auto overlap = getOperation()->getAttrOfType<mlir::ArrayAttr>(kOverlap);
    const auto asks = [&](llvm::StringRef name) {
      return overlap && llvm::is_contained(overlap.getAsValueRange<mlir::StringAttr>(), name);
    };
    const auto chosen = getOperation()->getAttrOfType<mlir::BoolAttr>(kSplit);
    const bool isForced = asks("split") || asks("prefetch") || (!overlap && chosen && chosen.getValue());
    const Mode mode = isForced ? Mode::kForced : overlap || chosen ? Mode::kForbidden : Mode::kWherePays;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(variables) || failed(machine)) return signalPassFailure();
    Overlap pass(*machine, *table, mode);
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) pass.run(entry, *variables);
  }
};

}  // namespace
}  // namespace cleave
