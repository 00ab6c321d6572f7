#include "passes/emit/estimate.h"

#include <algorithm>
#include <map>

#include "passes/cost/op_cost.h"
#include "passes/cost/step_bound.h"
#include "passes/emit/explain_overlap.h"

namespace cleave {
namespace {

using OpClass = plan::Explanation::Estimate::OpClass;

// Tasks by kernel, averaged over ranks.
std::vector<OpClass> classesOf(const ScheduledEntry &step, const PredictedStep &predicted,
                               const std::vector<ClassMemory> &ranks, size_t devices) {
  std::map<std::string, OpClass> byKernel;
  for (size_t t = 0; t < predicted.tasks; ++t) {
    const std::string kernel = kernelOf(step.program.tasks[t].op);
    OpClass &held = byKernel[kernel];
    held.set_kernel(kernel);
    held.set_moves(step.collectiveOf[t] >= 0);
    held.set_count(held.count() + 1);
    for (size_t c = 0; c < ranks.size(); ++c) {
      const PredictedStep::Task &cost = predicted.costs[c * predicted.tasks + t];
      const double weight = double(ranks[c].ranks.size()) / double(devices);
      held.set_flops(held.flops() + weight * cost.work.flops);
      held.set_bytes(held.bytes() + weight * cost.work.bytes);
      held.set_seconds(held.seconds() + weight * cost.seconds);
    }
  }
  std::vector<OpClass> classes;
  for (const auto &[kernel, held] : byKernel) classes.push_back(held);
  std::stable_sort(classes.begin(), classes.end(),
                   [](const auto &a, const auto &b) { return a.seconds() > b.seconds(); });
  return classes;
}

}  // namespace

mlir::LogicalResult explainTimes(const ScheduledEntry &step, const std::vector<ClassMemory> &classes, ShardTable &table,
                                 const Machine &machine, plan::Explanation &to) {
  RankClasses ranks;
  for (const ClassMemory &memory : classes) ranks.push_back(memory.ranks);
  const PredictedStep predicted = predictStep(step, ranks, table, machine);
  const absl::StatusOr<StepTimes> times = timesOf(predicted.graph);
  if (!times.ok()) return step.function->emitError() << std::string(times.status().message());
  plan::Explanation::Estimate &estimate = *to.mutable_estimate();
  estimate.set_cluster(machine.name());
  estimate.set_step(times->seconds);
  estimate.set_compute(times->compute);
  estimate.set_communication(times->communication);
  estimate.set_exposed(times->exposed);
  estimate.set_late(times->late);
  estimate.set_bound(leastSeconds(predicted.unordered));
  for (const OpClass &held : classesOf(step, predicted, classes, table.ranks())) *estimate.add_classes() = held;
  mlir::func::FuncOp function = step.function;
  const auto split = function->getParentOfType<mlir::ModuleOp>()->getAttrOfType<mlir::BoolAttr>(kSplit);
  explainOverlap({step, predicted, *times, /*isOrdered=*/split && split.getValue()}, table, to);
  return mlir::success();
}

}  // namespace cleave
