#include "passes/emit/emit_plan.h"

#include "passes/cost/op_cost.h"
#include "passes/emit/attribute_message.h"
#include "passes/emit/emit_entry.h"
#include "passes/emit/estimate.h"
#include "passes/emit/explain.h"
#include "passes/training_options.h"

namespace cleave {
namespace {

void emitMesh(MeshOp mesh, plan::Plan &to) {
  for (auto [axis, size] : llvm::enumerate(mesh.getSizes())) {
    plan::MeshAxis &held = *to.add_mesh();
    held.set_name(mesh.axisName(axis).str());
    held.set_kind(mesh.isData(axis) ? "data" : "model");
    held.set_size(size);
  }
}

mlir::LogicalResult emitVariables(mlir::ModuleOp module, const ModuleVariables &variables, ShardTable &table,
                                  plan::Plan &to) {
  for (const ModuleVariable &variable : variables.all()) {
    if (const PlacementAttr placement = placementOf(variable.type))
      for (const AxisPlacement &axis : placement.getAxes())
        if (axis.isPartial())
          return module.emitError("requires variables that are not partial, got '")
                 << variable.name << "' of type " << variable.type;
    plan::Variable &held = *to.add_variables();
    held.set_name(variable.name);
    held.set_role(variable.isState ? plan::Variable::STATE : plan::Variable::PARAMETER);
    held.set_trainable(variable.isTrainable);
    emitType(variable.type, *held.mutable_type());
    emitLayout(variable.type, table, *held.mutable_layout());
    held.set_parameter(variable.parameter);
    held.set_fill(variable.fill);
  }
  return mlir::success();
}

void emitClasses(const std::vector<ClassMemory> &classes, const ModuleVariables &variables, ShardTable &table,
                 plan::Plan &to) {
  for (const ClassMemory &memory : classes) {
    plan::RankClass &held = *to.add_classes();
    held.mutable_ranks()->Add(memory.ranks.begin(), memory.ranks.end());
    held.set_arena_bytes(memory.arenaBytes);
    for (auto [v, variable] : llvm::enumerate(variables.all())) {
      plan::Register &at = *held.add_variables();
      emitRegister(variable.type, memory.ranks[0], memory.variables[v], table, at);
      at.set_name(variable.name);
      at.set_variable(int64_t(v) + 1);
    }
  }
}

double countFlops(mlir::func::FuncOp step) {
  double flops = 0;
  for (mlir::Operation &op : step.getBody().front()) {
    auto phase = op.getAttrOfType<mlir::StringAttr>(CleaveDialect::kPhase);
    const bool isUpdate = phase && phase.getValue() == "update";
    auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
    if (!isUpdate && tensorOp && multipliesMatrices(tensorOp.shardingRule())) flops += tensorOp.flops();
  }
  return flops;
}

mlir::LogicalResult emitTraining(mlir::ModuleOp module, plan::Plan &to) {
  TrainingOptions options;
  if (auto attribute = module->getAttrOfType<mlir::DictionaryAttr>(CleaveDialect::kTraining)) {
    const auto read = TrainingOptions::fromAttribute(attribute);
    if (!read.ok()) return module.emitError() << std::string(read.status().message());
    options = *read;
  }
  plan::Training &training = *to.mutable_training();
  training.set_batch(options.batch);
  training.set_seq(options.seq);
  training.set_target_seq(options.targetSeq);
  training.set_microbatches(options.microbatches);
  training.set_optimizer(options.optimizer);
  training.set_learning_rate(options.learningRate);
  training.set_schedule(options.schedule);
  training.set_warmup(options.warmup);
  training.set_total_steps(options.totalSteps);
  training.set_min_learning_rate(options.minLearningRate);
  training.set_clips(options.clipNorm.has_value());
  return mlir::success();
}

// What a model without a description asks for: each data input under its own name.
void describeInputs(const plan::Entry &entry, plan::ModelFamily &family) {
  for (const plan::Port &port : entry.inputs()) {
    if (port.name() == "lr" || port.name() == "rng") continue;
    plan::DataInput &input = *family.add_inputs();
    input.set_name(port.name());
    input.set_source(port.name());
    input.set_otherwise("required");
  }
}

mlir::LogicalResult takeMessage(mlir::ModuleOp module, llvm::StringRef name, google::protobuf::Message &to) {
  if (auto attribute = module->getAttrOfType<mlir::DictionaryAttr>(name))
    if (absl::Status status = readMessage(attribute, to); !status.ok())
      return module.emitError() << name << ": " << std::string(status.message());
  return mlir::success();
}

mlir::LogicalResult emitFamily(mlir::ModuleOp module, plan::Plan &to) {
  if (failed(takeMessage(module, "cleave.family", *to.mutable_family()))) return mlir::failure();
  if (to.family().inputs().empty())
    for (const plan::Entry &entry : to.entries())
      if (entry.name() == "step") describeInputs(entry, *to.mutable_family());
  return mlir::success();
}

}  // namespace

mlir::FailureOr<plan::Plan> emitPlan(mlir::ModuleOp module) {
  auto table = ShardTable::of(module);
  if (failed(table)) return mlir::failure();
  const auto variables = ModuleVariables::of(module);
  if (failed(variables)) return mlir::failure();
  const auto classes = memoryOf(module, table->ranks(), variables->all().size());
  if (failed(classes)) return mlir::failure();

  const auto machine = machineOf(module, table->mesh());
  if (failed(machine)) return mlir::failure();

  plan::Plan to;
  emitMesh(table->mesh(), to);
  if (failed(takeMessage(module, kProvenance, *to.mutable_provenance()))) return mlir::failure();
  if (failed(emitVariables(module, *variables, *table, to)) || failed(emitTraining(module, to))) return mlir::failure();
  emitClasses(*classes, *variables, *table, to);
  for (mlir::func::FuncOp function : entriesOf(module)) {
    const auto entry = scheduledEntryOf(function, *variables, *classes);
    if (failed(entry) || failed(emitEntry(*entry, *classes, *table, *to.add_entries()))) return mlir::failure();
    if (function.getName() != "step") continue;
    to.mutable_training()->set_flops_per_step(countFlops(function));
    explainCollectives(*entry, *table, *to.mutable_explanation());
    if (failed(explainTimes(*entry, *classes, *table, *machine, *to.mutable_explanation()))) return mlir::failure();
  }
  explainMemory(*classes, *variables, *table, *to.mutable_explanation());
  if (failed(emitFamily(module, to)) || failed(takeValues(module, *to.mutable_explanation()))) return mlir::failure();
  return to;
}

}  // namespace cleave
