// Keeps a plan within the bytes that a device may use: values of the forward pass are computed again in the backward
// pass instead of being kept.
//
//   h = matmul x, w; y = gelu h; ...; dw = outer y, dz     -->     ...; y.again = gelu h; dw = outer y.again, dz
//
// What planning needs beyond what is live at a time (gaps, transfers under way) is made up for by a lower target.

#include "passes/figures.h"
#include "passes/passes.h"
#include "passes/schedule/apply_schedule.h"
#include "passes/schedule/entry_layout.h"
#include "passes/schedule/rematerialize.h"

namespace cleave {
#define GEN_PASS_DEF_RECOMPUTEPASS
#include "passes/passes.h.inc"

namespace {

constexpr int kMostAttempts = 16;
// The target sinks by at least such a part of the budget each time.
constexpr int64_t kSmallest = 100;

class EntryRecompute {
 public:
  EntryRecompute(mlir::func::FuncOp entry, const ModuleVariables &variables, ShardTable &table, int64_t budget)
      : entry_(entry), variables_(variables), table_(table), budget_(budget) {}

  mlir::LogicalResult run(const Machine &machine) {
    auto before = planned(machine);
    if (failed(before)) return mlir::failure();
    if (before->arenaBytes <= budget_) return mlir::success();
    auto facts = EntryFacts::of(entry_, variables_, machine, table_);
    if (failed(facts)) return mlir::failure();
    Rematerializer again(entry_, *facts);
    ClassMemory memory = *before;
    for (int attempt = 0; attempt < kMostAttempts && memory.arenaBytes > budget_; ++attempt) {
      const int64_t missing = std::max(memory.arenaBytes - budget_, attempt == 0 ? 0 : budget_ / kSmallest);
      const int64_t target = again.peakBytes() - missing;
      const bool isReached =
          again.reach(target, /*mayCommunicate=*/false) || again.reach(target, /*mayCommunicate=*/true);
      auto after = planned(machine);
      if (failed(after)) return mlir::failure();
      memory = *after;
      if (!isReached) break;
    }
    if (memory.arenaBytes > budget_) return reportMissing(memory);
    auto remark = mlir::emitRemark(entry_.getLoc());
    remark << "recompute of '" << entry_.getName() << "': " << again.copies() << " ops run again, "
           << inMilliseconds(again.seconds()) << ", for " << inMegabytes(memory.arenaBytes) << " instead of "
           << inMegabytes(before->arenaBytes);
    if (again.collectives() > 0)
      remark << "; " << again.collectives() << " of them collectives, without which it does not fit";
    return mlir::success();
  }

 private:
  // With transfers that wait for their turn, as they will.
  mlir::FailureOr<ClassMemory> planned(const Machine &machine) {
    const OpGraph graph(entry_, placeUpdates(entry_, variables_), table_);
    applySchedule(entry_, graph, inOrder(graph, timesOf(graph, table_, machine)));
    return memoryOfEntry(entry_, variables_, table_);
  }

  mlir::LogicalResult reportMissing(const ClassMemory &memory) {
    int64_t parameters = 0, optimizer = 0;
    for (const ModuleVariable &variable : variables_.all())
      (variable.isState ? optimizer : parameters) +=
          table_.shardsOf(variable.type)[size_t(memory.ranks[0])].elements() * elementBytes(variable.type);
    return entry_.emitError("requires a plan of at most ")
           << inMegabytes(budget_) << " a device (--memory), got " << inMegabytes(memory.arenaBytes) << " for '"
           << entry_.getName() << "' with all recompute that helps: " << inMegabytes(memory.arenaBytes - budget_)
           << " are missing; when most is held, that is parameters " << inMegabytes(parameters) << ", optimizer "
           << inMegabytes(optimizer) << ", gradients " << inMegabytes(memory.gradients) << ", activations "
           << inMegabytes(memory.activations);
  }

  mlir::func::FuncOp entry_;
  const ModuleVariables &variables_;
  ShardTable &table_;
  const int64_t budget_;
};

struct RecomputePass : impl::RecomputePassBase<RecomputePass> {
  void runOnOperation() final {
    const std::optional<int64_t> budget = memoryBudgetOf(getOperation());
    if (!budget) return;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(variables) || failed(machine)) return signalPassFailure();
    for (mlir::func::FuncOp entry : entriesOf(getOperation()))
      if (failed(EntryRecompute(entry, *variables, *table, *budget).run(*machine))) return signalPassFailure();
  }
};

}  // namespace
}  // namespace cleave
