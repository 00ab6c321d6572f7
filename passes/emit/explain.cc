#include "passes/emit/explain.h"

#include "kernels/api/registry.h"
#include "llvm/ADT/StringSet.h"
#include "passes/cost/op_cost.h"
#include "passes/emit/emit_collective.h"

namespace cleave {
namespace {

llvm::StringRef markOf(mlir::Operation *op, llvm::StringRef mark) {
  auto text = op ? op->getAttrOfType<mlir::StringAttr>(mark) : mlir::StringAttr();
  return text ? text.getValue() : llvm::StringRef();
}

template <typename Message>
void setMarks(mlir::Operation *op, Message &to) {
  const llvm::StringRef phase = markOf(op, CleaveDialect::kPhase);
  to.set_phase(phase.empty() ? "forward" : phase.str());
  auto layer = op ? op->getAttrOfType<LayerAttr>(CleaveDialect::kLayer) : LayerAttr();
  if (!layer) return;
  to.set_layer_class(layer.getName().str());
  to.set_layer_instance(layer.getInstance());
}

std::string typeText(mlir::Type type) {
  const auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t size : tensor.getShape()) os << size << "x";
  os << tensor.getElementType();
  return text;
}

// Values and ops of one function.
class ValueExplainer {
 public:
  explicit ValueExplainer(plan::Explanation &to) : to_(to) {}

  void run(mlir::func::FuncOp function) {
    for (mlir::BlockArgument argument : function.getArguments()) {
      const auto reason = function.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), CleaveDialect::kReason);
      addValue(argument, nameOf(argument), "", reason ? reason.getValue() : "whole, as no op asks for a part of it",
               nullptr);
    }
    for (mlir::Operation &op : function.getBody().front().without_terminator()) addOp(&op);
  }

 private:
  void addOp(mlir::Operation *op) {
    plan::Explanation::Op &held = *to_.add_ops();
    const std::string name = unique(nameOf(op), opNames_);
    held.set_name(name);
    held.set_op(op->getName().stripDialect().str());
    setMarks(op, held);
    for (mlir::Value operand : op->getOperands()) held.add_operands(names_.lookup(operand));
    for (mlir::OpResult result : op->getResults()) {
      const std::string number = result.getResultNumber() ? ":" + std::to_string(result.getResultNumber()) : "";
      addValue(result, name + number, name, markOf(op, CleaveDialect::kReason), op);
      held.add_results(names_.lookup(result));
    }
  }

  void addValue(mlir::Value value, const std::string &name, llvm::StringRef producer, llvm::StringRef reason,
                mlir::Operation *op) {
    plan::Explanation::Value &held = *to_.add_values();
    names_[value] = unique(name, valueNames_);
    held.set_name(names_[value]);
    held.set_op(producer.str());
    held.set_type(typeText(value.getType()));
    held.set_reason(reason.str());
    setMarks(op, held);
    if (const PlacementAttr placement = placementOf(value))
      for (const AxisPlacement &axis : placement.getAxes()) {
        std::string text;
        llvm::raw_string_ostream(text) << axis;
        held.add_placement(text);
      }
  }

  static std::string unique(const std::string &name, llvm::StringSet<> &taken) {
    std::string made = name;
    for (int n = 2; !taken.insert(made).second; ++n) made = name + "_" + std::to_string(n);
    return made;
  }

  plan::Explanation &to_;
  llvm::DenseMap<mlir::Value, std::string> names_;
  llvm::StringSet<> valueNames_, opNames_;
};

plan::Explanation valuesOf(mlir::ModuleOp module) {
  plan::Explanation explanation;
  for (mlir::func::FuncOp function : entriesOf(module))
    if (function.getName() == "step") ValueExplainer(explanation).run(function);
  return explanation;
}

// What made the value that collectives hand on.
mlir::Value producedBy(mlir::Value value) {
  while (mlir::Operation *op = value.getDefiningOp()) {
    if (!mlir::isa<CollectiveOpInterface, WaitOp>(op)) break;
    value = mlir::isa<WaitOp>(op) ? viewedBy(mlir::cast<mlir::OpResult>(value))
                                  : op->getOperand(mlir::cast<mlir::OpResult>(value).getResultNumber());
  }
  return value;
}

// Why it is there: what partition says, or else what changes.
std::string whyOf(mlir::Operation *op, MeshOp mesh) {
  if (const llvm::StringRef reason = markOf(op, CleaveDialect::kReason); !reason.empty()) return reason.str();
  std::string text;
  llvm::raw_string_ostream os(text);
  const auto from = placementOf(op->getOperand(0)).getAxes(), to = placementOf(op->getResult(0)).getAxes();
  llvm::interleaveComma(mlir::cast<CollectiveOpInterface>(op).alongAxes(), os, [&](int64_t axis) {
    os << from[axis] << " -> " << to[axis] << " along " << mesh.axisName(axis);
  });
  return text;
}

}  // namespace

void rememberValues(mlir::ModuleOp module) {
  module->setAttr(kPlaced, mlir::StringAttr::get(module.getContext(), valuesOf(module).SerializeAsString()));
}

mlir::LogicalResult takeValues(mlir::ModuleOp module, plan::Explanation &to) {
  auto remembered = module->getAttrOfType<mlir::StringAttr>(kPlaced);
  plan::Explanation explanation;
  if (!remembered) explanation = valuesOf(module);
  if (remembered && !explanation.ParseFromArray(remembered.getValue().data(), int(remembered.getValue().size())))
    return module.emitError("requires ") << kPlaced << " as the place phase left it, got other bytes";
  to.mutable_values()->Swap(explanation.mutable_values());
  to.mutable_ops()->Swap(explanation.mutable_ops());
  return mlir::success();
}

void explainCollectives(const ScheduledEntry &step, ShardTable &table, plan::Explanation &to) {
  for (mlir::Operation *op : step.collectives) {
    if (groupSize(mlir::cast<CollectiveOpInterface>(op)) == 1) continue;
    plan::Explanation::Collective &held = *to.add_collectives();
    held.set_kind(mlir::cast<CollectiveOpInterface>(op).stepName().str());
    for (const std::string &axis : collectiveAxes(op, table.mesh())) held.add_axes(axis);
    held.set_bytes(collectiveBytes(op, table));
    held.set_count(1);
    const mlir::Value value = producedBy(op->getOperand(0));
    setMarks(value.getDefiningOp(), held);
    held.set_op(value.getDefiningOp() ? nameOf(value.getDefiningOp()) : nameOf(value));
    held.set_why(whyOf(op, table.mesh()));
  }
}

void explainMemory(const std::vector<ClassMemory> &classes, const ModuleVariables &variables, ShardTable &table,
                   plan::Explanation &to) {
  for (size_t rank = 0; rank < table.ranks(); ++rank) {
    const ClassMemory &memory =
        *llvm::find_if(classes, [&](const ClassMemory &held) { return llvm::is_contained(held.ranks, int64_t(rank)); });
    plan::Explanation::Memory &held = *to.add_memory();
    held.set_device(int64_t(rank));
    held.set_planned_peak(memory.arenaBytes);
    held.set_lower_bound(memory.lowerBound);
    held.set_gradients(memory.gradients);
    held.set_activations(memory.activations);
    held.set_scratch(kWorkspaceBytes);  // of each of the device's threads
    int64_t parameters = 0, optimizer = 0;
    for (const ModuleVariable &variable : variables.all())
      (variable.isState ? optimizer : parameters) +=
          table.shardsOf(variable.type)[rank].elements() * elementBytes(variable.type);
    held.set_parameters(parameters);
    held.set_optimizer(optimizer);
  }
}

}  // namespace cleave
