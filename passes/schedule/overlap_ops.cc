// Orders the ops of each entry so that collectives run while something else is computed.
//
//   y = matmul; z = all_reduce y; g = outer; w = add z    -->    all_reduce starts behind its matmul, add waits behind
//   outer
//
// The best list schedule by what ops and transfers are predicted to take, in no more memory than the order before and a
// tenth (or by as much more as it is faster), nor than the module's budget, where it has one.

#include "passes/figures.h"
#include "passes/passes.h"
#include "passes/schedule/apply_schedule.h"
#include "passes/schedule/best_schedule.h"
#include "passes/schedule/entry_layout.h"

namespace cleave {
#define GEN_PASS_DEF_OVERLAPOPSPASS
#include "passes/passes.h.inc"

namespace {

constexpr double kWorthwhile = 0.99;  // of the time before
constexpr double kNoticeable = 0.995;
// Schedules are made, and compared, for links that are a little slower than they are: what is hidden then stays hidden
// where a transfer is late.
constexpr double kSlowLinks = 1.1;

enum class Mode { kForbidden, kWherePays, kForced };

class Overlap {
 public:
  Overlap(const Machine &machine, ShardTable &table, Mode mode, std::optional<int64_t> budget)
      : machine_(machine), table_(table), mode_(mode), budget_(budget) {}

  // Fails as buildEntryProgram does.
  mlir::LogicalResult run(mlir::func::FuncOp entry, const ModuleVariables &variables) {
    const OpGraph graph(entry, placeUpdates(entry, variables), table_);
    const std::vector<NodeTime> times = onSlowLinks(timesOf(graph, table_, machine_));
    const Schedule plain = inOrder(graph, times);
    applySchedule(entry, graph, plain);
    setPredicted(entry, times, plain);
    const bool communicates = llvm::any_of(graph.nodes, [](const OpGraph::Node &node) { return movesBytes(node.op); });
    if (mode_ == Mode::kForbidden || !communicates) return mlir::success();
    const auto caps = capsOf(entry, graph, variables);
    if (failed(caps)) return mlir::failure();
    Schedule schedule;
    bool fits = false;
    for (size_t i = 0; i < caps->size() && !fits; ++i) {
      schedule = bestSchedule(graph, times, (*caps)[i]);
      applySchedule(entry, graph, schedule);
      const auto isWithin = fitsBudget(entry, variables);
      if (failed(isWithin)) return mlir::failure();
      fits = *isWithin;
    }
    if (const double speedUp = plain.seconds / schedule.seconds; !budget_ && speedUp > kMoreMemory) {
      giveRoom(graph, times, speedUp, schedule);
      applySchedule(entry, graph, schedule);
    }
    const bool isTaken = fits && (schedule.seconds < kWorthwhile * plain.seconds || mode_ == Mode::kForced);
    mlir::emitRemark(entry.getLoc()) << "overlap of '" << entry.getName() << "': " << inMilliseconds(schedule.seconds)
                                     << " instead of " << inMilliseconds(plain.seconds)
                                     << (isTaken ? ""
                                         : fits  ? ": too little, left as it is"
                                                 : ": more memory than there is, left as it is");
    if (!isTaken) applySchedule(entry, graph, plain);
    setPredicted(entry, times, isTaken ? schedule : plain);
    return mlir::success();
  }

 private:
  static std::vector<NodeTime> onSlowLinks(std::vector<NodeTime> times) {
    for (NodeTime &time : times) time.wire *= kSlowLinks;
    return times;
  }

  // What list schedules may hold, the largest first: a tenth more than the order before, as far as the budget leaves so
  // much.
  mlir::FailureOr<llvm::SmallVector<int64_t, 3>> capsOf(mlir::func::FuncOp entry, const OpGraph &graph,
                                                        const ModuleVariables &variables) {
    const int64_t peak = peakInOrder(graph), most = int64_t(kMoreMemory * double(peak));
    if (!budget_) return llvm::SmallVector<int64_t, 3>{most};
    const auto memory = memoryOfEntry(entry, variables, table_);
    if (failed(memory)) return mlir::failure();
    const int64_t room = std::max<int64_t>(*budget_ - memory->arenaBytes, 0);
    return llvm::SmallVector<int64_t, 3>{std::min(most, peak + room), std::min(most, peak + room / 2), peak};
  }

  // Where nothing else says what there is, more memory for as much more speed.
  static void giveRoom(const OpGraph &graph, const std::vector<NodeTime> &times, double speedUp, Schedule &schedule) {
    Schedule roomy = bestSchedule(graph, times, int64_t(speedUp * double(peakInOrder(graph))));
    if (roomy.seconds < kNoticeable * schedule.seconds) schedule = std::move(roomy);
  }

  mlir::FailureOr<bool> fitsBudget(mlir::func::FuncOp entry, const ModuleVariables &variables) {
    if (!budget_) return true;
    const auto memory = memoryOfEntry(entry, variables, table_);
    if (failed(memory)) return mlir::failure();
    return memory->arenaBytes <= *budget_;
  }

  static void setPredicted(mlir::func::FuncOp entry, const std::vector<NodeTime> &times, const Schedule &schedule) {
    double wire = 0;
    for (const NodeTime &time : times) wire += time.wire;
    entry->setAttr(kPredicted, mlir::Builder(entry.getContext()).getDenseF64ArrayAttr({schedule.seconds, wire}));
  }

  const Machine &machine_;
  ShardTable &table_;
  const Mode mode_;
  const std::optional<int64_t> budget_;
};

struct OverlapOpsPass : impl::OverlapOpsPassBase<OverlapOpsPass> {
  void runOnOperation() final {
    const bool isSaid = getOperation()->hasAttr(kOverlap);
    const auto chosen = getOperation()->getAttrOfType<mlir::BoolAttr>(kSplit);
    const bool isForced = forcesOverlap(getOperation(), "split") || forcesOverlap(getOperation(), "prefetch") ||
                          (!isSaid && chosen && chosen.getValue());
    const Mode mode = isForced ? Mode::kForced : isSaid || chosen ? Mode::kForbidden : Mode::kWherePays;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(variables) || failed(machine)) return signalPassFailure();
    Overlap pass(*machine, *table, mode, memoryBudgetOf(getOperation()));
    for (mlir::func::FuncOp entry : entriesOf(getOperation()))
      if (failed(pass.run(entry, *variables))) return signalPassFailure();
  }
};

}  // namespace
}  // namespace cleave
