// Checks what each phase promises, one predicate each.

#include "ir/cleave.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "passes/passes.h"
#include "passes/schedule/verify_schedule.h"
#include "passes/module_view.h"

namespace cleave {
#define GEN_PASS_DEF_VERIFYPHASEPASS
#include "passes/passes.h.inc"

namespace {

using Promise = mlir::LogicalResult (*)(mlir::func::FuncOp);

mlir::LogicalResult forEachOp(mlir::func::FuncOp function,
                              llvm::function_ref<mlir::LogicalResult(mlir::Operation *)> check) {
  auto result = function.walk([&](mlir::Operation *op) {
    return failed(check(op)) ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
  });
  return mlir::failure(result.wasInterrupted());
}

mlir::LogicalResult hasOnlyCleaveOps(mlir::func::FuncOp function) {
  return forEachOp(function, [](mlir::Operation *op) -> mlir::LogicalResult {
    if (mlir::isa<CleaveDialect>(op->getDialect()) || mlir::isa<mlir::func::FuncOp, mlir::func::ReturnOp>(op))
      return mlir::success();
    return op->emitOpError("is no op of the cleave dialect, as normalize promises");
  });
}

mlir::LogicalResult hasStaticShapes(mlir::func::FuncOp function) {
  auto check = [&](mlir::Value value, mlir::Location loc) -> mlir::LogicalResult {
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
    if (type && type.hasStaticShape()) return mlir::success();
    return mlir::emitError(loc, "requires tensors of static shapes, as normalize promises, got ") << value.getType();
  };
  for (mlir::BlockArgument argument : function.getArguments())
    if (failed(check(argument, function.getLoc()))) return mlir::failure();
  return forEachOp(function, [&](mlir::Operation *op) -> mlir::LogicalResult {
    for (mlir::Value result : op->getResults())
      if (failed(check(result, op->getLoc()))) return mlir::failure();
    return mlir::success();
  });
}

mlir::LogicalResult hasUniqueNames(mlir::func::FuncOp function) {
  llvm::StringSet<> names;
  return forEachOp(function, [&](mlir::Operation *op) -> mlir::LogicalResult {
    if (!mlir::isa<TensorOpInterface>(op)) return mlir::success();
    auto name = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName);
    if (!name) return op->emitOpError("has no name, as normalize promises");
    if (!names.insert(name.getValue()).second) return op->emitOpError("has a name that another op has, got ") << name;
    return mlir::success();
  });
}

mlir::LogicalResult hasNoGradients(mlir::func::FuncOp function) {
  return forEachOp(function, [](mlir::Operation *op) -> mlir::LogicalResult {
    if (mlir::isa<GradientOp>(op))
      return op->emitOpError("is left, though differentiate promises to expand all gradients");
    return mlir::success();
  });
}

// Every trainable parameter and every state has exactly one update; a frozen parameter has none.
mlir::LogicalResult hasOneUpdateEach(mlir::func::FuncOp function) {
  if (function.getName() != "step") return mlir::success();
  llvm::StringMap<int> updates;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto name = function.getResultAttrOfType<mlir::StringAttr>(i, CleaveDialect::kUpdates))
      ++updates[name.getValue()];
  for (mlir::BlockArgument argument : function.getArguments()) {
    llvm::StringRef name = argumentName(argument, CleaveDialect::kParameter);
    auto trainable = function.getArgAttrOfType<mlir::BoolAttr>(argument.getArgNumber(), CleaveDialect::kTrainable);
    const bool isFrozen = trainable && !trainable.getValue();
    if (name.empty()) name = argumentName(argument, CleaveDialect::kState);
    if (name.empty()) continue;
    if (updates.lookup(name) != (isFrozen ? 0 : 1))
      return function.emitError("requires ") << (isFrozen ? "no update" : "one update") << " of '" << name
                                             << "', as differentiate promises, got " << updates.lookup(name);
  }
  return mlir::success();
}

mlir::LogicalResult hasPlacements(mlir::func::FuncOp function) {
  for (mlir::BlockArgument argument : function.getArguments())
    if (!placementOf(argument))
      return function.emitError("requires a placement of argument ")
             << argument.getArgNumber() << ", as place promises";
  return forEachOp(function, [](mlir::Operation *op) -> mlir::LogicalResult {
    for (mlir::Value result : op->getResults()) {
      PlacementAttr placement = placementOf(result);
      if (!placement) return op->emitOpError("has a result without a placement, though place promises one");
      MeshOp mesh = meshOf(op, placement);
      if (!mesh) return op->emitOpError("requires a mesh named ") << placement.getMesh();
      if (mesh.getSizes().size() != placement.getAxes().size())
        return op->emitOpError("requires one placement for each of ")
               << mesh.getSizes().size() << " mesh axes, got " << placement;
    }
    return mlir::success();
  });
}

// A variable that is updated keeps its placement.
mlir::LogicalResult keepsVariables(mlir::func::FuncOp function) {
  llvm::StringMap<mlir::Type> types;
  for (mlir::BlockArgument argument : function.getArguments())
    for (llvm::StringRef kind : {CleaveDialect::kParameter, CleaveDialect::kState})
      if (llvm::StringRef name = argumentName(argument, kind); !name.empty()) types[name] = argument.getType();
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<mlir::StringAttr>(i, CleaveDialect::kUpdates);
    const mlir::Type before = name ? types.lookup(name.getValue()) : mlir::Type();
    if (before && before != function.getResultTypes()[i])
      return function.emitError("requires '") << name.getValue() << "' to keep its placement, got " << before << " and "
                                              << function.getResultTypes()[i];
  }
  return mlir::success();
}

mlir::LogicalResult hasNoPartialOutputs(mlir::func::FuncOp function) {
  for (mlir::Type type : function.getResultTypes())
    for (const AxisPlacement &axis : placementOf(type).getAxes())
      if (axis.isPartial()) return function.emitError("requires results that are not partial, got ") << type;
  return mlir::success();
}

mlir::LogicalResult hasNoReshards(mlir::func::FuncOp function) {
  return forEachOp(function, [](mlir::Operation *op) -> mlir::LogicalResult {
    if (mlir::isa<ReshardOp>(op)) return op->emitOpError("is left, though partition promises collectives");
    return mlir::success();
  });
}

mlir::LogicalResult hasStreams(mlir::func::FuncOp function) {
  return forEachOp(function, [](mlir::Operation *op) -> mlir::LogicalResult {
    if (op->getNumResults() == 0 || op->hasAttr("cleave.stream")) return mlir::success();
    return op->emitOpError("has no stream, though schedule promises one");
  });
}

struct Phase {
  llvm::StringRef name;
  std::vector<Promise> promises;  // what it adds to those of the phases before
};

const std::vector<Phase> &phases() {
  static const std::vector<Phase> all = {
      {"normalize", {hasOnlyCleaveOps, hasStaticShapes, hasUniqueNames}},
      {"differentiate", {hasNoGradients, hasOneUpdateEach}},
      {"place", {hasPlacements, keepsVariables, hasNoPartialOutputs}},
      {"partition", {hasNoReshards}},
      {"schedule", {hasStreams}},
  };
  return all;
}

struct VerifyPhasePass : impl::VerifyPhasePassBase<VerifyPhasePass> {
  using VerifyPhasePassBase::VerifyPhasePassBase;

  void runOnOperation() final {
    if (llvm::none_of(phases(), [&](const Phase &known) { return known.name == phase; })) {
      getOperation().emitError("requires a phase normalize, differentiate, place, partition or schedule, got '")
          << phase << "'";
      return signalPassFailure();
    }
    if (failed(mlir::verify(getOperation()))) return signalPassFailure();
    for (const Phase &known : phases()) {
      for (Promise promise : known.promises)
        for (auto function : getOperation().getOps<mlir::func::FuncOp>())
          if (failed(promise(function))) return fail();
      if (known.name == "schedule" && failed(verifySchedule(getOperation()))) return fail();
      if (known.name == phase) return;
    }
  }

  void fail() {
    getOperation().emitError("phase '") << phase << "' did not keep its promise";
    signalPassFailure();
  }
};

}  // namespace
}  // namespace cleave
