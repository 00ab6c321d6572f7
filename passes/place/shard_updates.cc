// Shares the update of a parameter out among the devices that hold copies of it.
//
//   g: P --all_reduce--> B --adamw on all of p, m, v-->  p': B
//   g: P --reduce_scatter--> S --adamw on a share (m, v: S)--> p': S --all_gather--> B
//
// Both ways move the same bytes, but the second one repeats no work and holds each optimizer state once along the axis.
// In stage 3 the parameters themselves lie split, and are gathered where the forward and the backward pass read them.
//
// "Automatic Cross-Replica Sharding of Weight Update in Data-Parallel Training", Xu et al., 2020; ZeRO,
// Rajbhandari et al., 2020.

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"
#include "passes/cost/op_cost.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_SHARDUPDATESPASS
#include "passes/passes.h.inc"

namespace {

// The ops that make the next value of a parameter: one, or those of an optimizer of the user's own.
struct Update {
  llvm::SmallVector<mlir::Operation *, 1> ops;
  mlir::BlockArgument parameter;
  llvm::SmallVector<mlir::BlockArgument, 2> states;  // with the parameter's type
  mlir::Value gradient;
};

llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

class UpdateSharding {
 public:
  // Without a stage, what pays is shared out.
  UpdateSharding(std::vector<mlir::func::FuncOp> entries, MeshOp mesh, const Machine &machine,
                 std::optional<int64_t> stage)
      : entries_(std::move(entries)), step_(entries_.front()), mesh_(mesh), machine_(machine), stage_(stage) {}

  void run() {
    for (size_t axis = 0; axis < mesh_.getSizes().size(); ++axis)
      if (mesh_.isData(axis) && mesh_.getSizes()[axis] > 1 && splitsBatch(axis)) runAlong(axis);
  }

 private:
  using Axes = llvm::SmallVector<AxisPlacement, 4>;

  // Otherwise gradients are whole.
  bool splitsBatch(size_t axis) {
    return llvm::any_of(step_.getArguments(), [&](mlir::BlockArgument argument) {
      return !argumentName(argument, CleaveDialect::kInput).empty() && axesOf(argument)[axis].isSplit();
    });
  }

  void runAlong(size_t axis) {
    mlir::Operation *terminator = step_.getBody().front().getTerminator();
    for (mlir::OpOperand &operand : terminator->getOpOperands())
      if (const auto update = updateOf(operand)) shardAlong(axis, *update);
  }

  Axes axesOf(mlir::BlockArgument argument) {
    auto function = mlir::cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp());
    return argumentAxes(function, argument.getArgNumber(), mesh_.getSizes().size());
  }

  llvm::StringRef updatedBy(mlir::OpOperand &returned) {
    const auto name = step_.getResultAttrOfType<mlir::StringAttr>(returned.getOperandNumber(), CleaveDialect::kUpdates);
    return name ? name.getValue() : llvm::StringRef();
  }

  // What is returned for a parameter and its states; nothing for what is no parameter.
  llvm::SetVector<mlir::Value> newValuesOf(mlir::OpOperand &returned) {
    llvm::SetVector<mlir::Value> values;
    const llvm::StringRef name = updatedBy(returned);
    llvm::StringSet<> names;
    for (mlir::BlockArgument argument : step_.getArguments()) {
      const bool isState = argumentName(argument, CleaveDialect::kStateOf) == name;
      if (isState) names.insert(argumentName(argument, CleaveDialect::kState));
      if (argumentName(argument, CleaveDialect::kParameter) == name) values.insert(returned.get());
    }
    if (name.empty() || values.empty()) return {};
    for (mlir::OpOperand &other : returned.getOwner()->getOpOperands())
      if (names.contains(updatedBy(other))) values.insert(other.get());
    return values;
  }

  // Walks back from the new values, through what has the parameter's sizes.
  std::optional<Update> updateOf(mlir::OpOperand &returned) {
    llvm::SetVector<mlir::Value> values = newValuesOf(returned);
    if (values.empty() || shapeOf(returned.get()).empty()) return std::nullopt;
    const llvm::StringRef name = updatedBy(returned);
    const auto fits = [&](mlir::Value value) { return shapeOf(value) == shapeOf(returned.get()); };
    Update update;
    for (size_t next = 0; next < values.size(); ++next) {
      const mlir::Value value = values[next];
      if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value)) {
        if (argumentName(argument, CleaveDialect::kParameter) == name) update.parameter = argument;
        else if (argumentName(argument, CleaveDialect::kStateOf) == name) update.states.push_back(argument);
        else return std::nullopt;
        continue;
      }
      auto op = value.getDefiningOp<TensorOpInterface>();
      if (!op || phaseOf(op) != "update") {
        if (update.gradient) return std::nullopt;
        update.gradient = value;
        continue;
      }
      // What is made of scalars alone is no part of it: it lies as it is wanted.
      if (llvm::none_of(op->getOperands(), fits)) continue;
      if (!llvm::is_contained(update.ops, op.getOperation())) update.ops.push_back(op);
      for (mlir::Value operand : op->getOperands())
        if (fits(operand)) values.insert(operand);
    }
    if (!update.parameter || !update.gradient) return std::nullopt;
    return update;
  }

  void shardAlong(size_t axis, const Update &update) {
    const Axes whole = axesOf(update.parameter);
    const Axes held = update.states.empty() ? whole : axesOf(update.states.front());
    const auto isFree = [&](mlir::BlockArgument argument) { return !isPinned(argument, axis); };
    const auto isHeldSo = [&](mlir::BlockArgument state) { return axesOf(state) == held && isFree(state); };
    if (!whole[axis].isBroadcast() || !held[axis].isBroadcast() || !llvm::all_of(update.states, isHeldSo)) return;
    const auto share = shareAlong(axis, update, held);
    if (!share || (stage_ ? *stage_ == 0 : !pays(axis, update, held))) return;
    Axes shared = held;
    shared[axis] = *share;
    const std::string name = argumentName(update.parameter, CleaveDialect::kParameter).str();
    const std::string reason = "each device along " + mesh_.axisName(axis).str() + " updates a share of " + name;
    for (mlir::BlockArgument state : update.states) setArgumentAxes(step_, state.getArgNumber(), shared, reason);
    if (stage_ != 1) pinGradient(update.gradient, axis, *share, reason);
    if (stage_ == 3 && isFree(update.parameter)) shardParameter(name, axis, *share);
  }

  // In all entries.
  void shardParameter(const std::string &name, size_t axis, const AxisPlacement &share) {
    for (mlir::func::FuncOp entry : entries_)
      for (mlir::BlockArgument argument : entry.getArguments()) {
        if (argumentName(argument, CleaveDialect::kParameter) != name) continue;
        Axes shared = axesOf(argument);
        shared[axis] = share;
        setArgumentAxes(entry, argument.getArgNumber(), shared, "parameters split along " + mesh_.axisName(axis).str());
        const std::string reason = "gathered where it is read";
        PinOp whole = pinBehind(argument, mesh_.getNames()[axis], AxisPlacement::broadcast(), reason);
        argument.replaceUsesWithIf(whole.getResult(), [&](mlir::OpOperand &use) {
          return use.getOwner() != whole && phaseOf(use.getOwner()) != "update";
        });
        if (whole->use_empty()) whole->erase();
      }
  }

  // A device reads and writes only its share of all that the update touches, but the gradient's all-reduce becomes two
  // collectives.
  bool pays(size_t axis, const Update &update, const Axes &held) {
    const mlir::Type type = update.parameter.getType();
    double touched = 0;  // values of the parameter's type
    for (mlir::Operation *op : update.ops) {
      touched += llvm::count(op->getOperandTypes(), type);
      touched += llvm::count(op->getResultTypes(), type);
    }
    double bytes = bytesOf(update.parameter);
    for (size_t other = 0; other < held.size(); ++other)
      if (held[other].isSplit()) bytes /= double(mesh_.getSizes()[other]);
    const auto transfer = [&](TransferKind kind) { return machine_.transfer(kind, {int64_t(axis)}, bytes).seconds(); };
    const double saved = machine_.memorySeconds((1 - 1 / double(mesh_.getSizes()[axis])) * touched * bytes);
    return transfer(TransferKind::kReduceScatter) + transfer(TransferKind::kAllGather) -
               transfer(TransferKind::kAllReduce) <
           saved;
  }

  // The first dimension that is long enough: one that nothing splits yet, or else behind what does.
  std::optional<AxisPlacement> shareAlong(size_t axis, const Update &update, const Axes &held) {
    auto type = mlir::cast<mlir::RankedTensorType>(update.parameter.getType());
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      AxisPlacement share = AxisPlacement::split(unsigned(dim));
      int64_t shares = mesh_.getSizes()[axis];
      for (size_t other = 0; other < held.size(); ++other) {
        if (!held[other].isSplit() || held[other].dim != dim) continue;
        share.unit = held[other].unit;
        share.minor = share.minor || held[other].minor || other > axis;
        shares *= mesh_.getSizes()[other];
      }
      if (type.getDimSize(dim) / share.unit >= shares && allows(update, share)) return share;
    }
    return std::nullopt;
  }

  // Whether the rules of the update's ops split all that has the parameter's sizes together.
  bool allows(const Update &update, const AxisPlacement &share) {
    const auto placed = [&](mlir::Value value) {
      return shapeOf(value) == shapeOf(update.parameter) ? share : AxisPlacement::broadcast();
    };
    return llvm::all_of(update.ops, [&](mlir::Operation *op) {
      Strategy wanted;
      for (mlir::Value value : op->getOperands()) wanted.operands.push_back(placed(value));
      for (mlir::Value value : op->getResults()) wanted.results.push_back(placed(value));
      return rules_.of(op).match(wanted) != nullptr;
    });
  }

  void pinGradient(mlir::Value gradient, size_t axis, const AxisPlacement &share, const std::string &reason) {
    PinOp pin = pinBehind(gradient, mesh_.getNames()[axis], share, reason);
    gradient.replaceUsesWithIf(pin.getResult(),
                               [](mlir::OpOperand &use) { return phaseOf(use.getOwner()) == "update"; });
  }

  std::vector<mlir::func::FuncOp> entries_;
  mlir::func::FuncOp step_;
  MeshOp mesh_;
  const Machine &machine_;
  std::optional<int64_t> stage_;
  Rules rules_;
};

struct ShardUpdatesPass : impl::ShardUpdatesPassBase<ShardUpdatesPass> {
  void runOnOperation() final {
    MeshOp mesh = onlyMesh(getOperation());
    if (!mesh) return signalPassFailure();
    const std::vector<mlir::func::FuncOp> entries = entriesOf(getOperation());
    if (entries.empty() || !choosesPlacements(getOperation())) return;
    const auto stage = getOperation()->getAttrOfType<mlir::IntegerAttr>(kZeroStage);
    const auto machine = machineOf(getOperation(), mesh);
    if (failed(machine)) return signalPassFailure();
    UpdateSharding(entries, mesh, *machine, stage ? std::optional<int64_t>(stage.getInt()) : std::nullopt).run();
  }
};

}  // namespace
}  // namespace cleave
