// Puts the user's pins on the values that they name.

#include <cctype>
#include <list>

#include "mlir/AsmParser/AsmParser.h"
#include "passes/passes.h"
#include "passes/module_view.h"
#include "passes/training_options.h"

namespace cleave {
#define GEN_PASS_DEF_APPLYPINSPASS
#include "passes/passes.h.inc"

namespace {

// One entry of `cleave.pins`: placements along some of the mesh's axes.
struct Pin {
  llvm::StringRef pattern;
  llvm::SmallVector<std::pair<size_t, AxisPlacement>, 2> along;
};

// "S(0)" and the like; failure with an error that shows the text.
mlir::FailureOr<AxisPlacement> parsePlacement(llvm::StringRef text, mlir::ModuleOp module) {
  constexpr size_t kLongest = 32;
  const bool isPlain = text.size() <= kLongest && llvm::all_of(text, [](char c) {
                         return std::isalnum(static_cast<unsigned char>(c)) || llvm::StringRef("(), =").contains(c);
                       });
  mlir::Attribute parsed;
  if (isPlain) {
    mlir::ScopedDiagnosticHandler quiet(module.getContext(), [](mlir::Diagnostic &) { return mlir::success(); });
    parsed = mlir::parseAttribute(("#cleave.axes<[" + text + "]>").str(), module.getContext());
  }
  auto axes = mlir::dyn_cast_or_null<AxesAttr>(parsed);
  if (!axes || axes.getAxes().size() != 1)
    return module.emitError("requires a pin like S(0), B or P(sum), got '") << text.take_front(kLongest) << "'";
  return axes.getAxes()[0];
}

mlir::FailureOr<Pin> parsePin(mlir::NamedAttribute entry, MeshOp mesh, mlir::ModuleOp module) {
  Pin pin{entry.getName().getValue(), {}};
  if (const auto glob = matchesGlob(pin.pattern.str(), ""); !glob.ok())
    return module.emitError() << std::string(glob.status().message());
  auto along = mlir::dyn_cast<mlir::DictionaryAttr>(entry.getValue());
  if (!along) return module.emitError("requires a placement by axis for pin '") << pin.pattern << "'";
  for (mlir::NamedAttribute axis : along) {
    std::optional<size_t> found;
    for (size_t i = 0; i < mesh.getSizes().size(); ++i)
      if (mesh.axisName(i) == axis.getName().getValue()) found = i;
    if (!found) {
      auto error = module.emitError("requires an axis of the mesh in pin '") << pin.pattern << "', got '" << axis.getName().getValue();
      return error << "'";
    }
    auto text = mlir::dyn_cast<mlir::StringAttr>(axis.getValue());
    if (!text) return module.emitError("requires a string for each axis of pin '") << pin.pattern << "'";
    auto placement = parsePlacement(text.getValue(), module);
    if (failed(placement)) return mlir::failure();
    pin.along.push_back({*found, *placement});
  }
  return pin;
}

mlir::LogicalResult checkFits(const Pin &pin, llvm::StringRef name, mlir::Type type, mlir::ModuleOp module) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  for (auto [axis, placement] : pin.along)
    if (placement.isSplit() && (placement.dim >= tensor.getRank() || tensor.getDimSize(placement.dim) % placement.unit != 0)) {
      auto error = module.emitError("requires a pin that fits the value, got ") << placement << " for '" << name << "' of type ";
      return error << type;
    }
  return mlir::success();
}

class Pinning {
 public:
  Pinning(mlir::func::FuncOp function, MeshOp mesh, mlir::ModuleOp module) : function_(function), mesh_(mesh), module_(module) {}

  // How many values the pin names here.
  mlir::FailureOr<int> apply(const Pin &pin) {
    int count = 0;
    for (mlir::BlockArgument argument : function_.getArguments()) {
      const llvm::StringRef name = nameOfArgument(argument);
      if (name.empty() || !matches(pin, name)) continue;
      if (failed(checkFits(pin, name, argument.getType(), module_)) || failed(pinArgument(argument, name, pin))) return mlir::failure();
      ++count;
    }
    llvm::SmallVector<mlir::Operation *> ops;
    for (mlir::Operation &op : function_.getBody().front())
      if (mlir::isa<TensorOpInterface>(op) && !mlir::isa<PinOp>(op) && op.hasAttr(CleaveDialect::kName) &&
          matches(pin, nameOf(&op)))
        ops.push_back(&op);
    for (mlir::Operation *op : ops) {
      if (failed(checkFits(pin, nameOf(op), op->getResult(0).getType(), module_))) return mlir::failure();
      pinResult(op, pin);
      ++count;
    }
    return count;
  }

 private:
  // Copies for slices of the batch, "name/0" and so on, are pinned by the name that they are copies of.
  static bool matches(const Pin &pin, llvm::StringRef name) {
    const llvm::StringRef copied = name.rtrim("0123456789");
    const llvm::StringRef base = copied.ends_with("/") && copied.size() < name.size() ? copied.drop_back() : name;
    return llvm::any_of(std::initializer_list<llvm::StringRef>{name, base}, [&](llvm::StringRef candidate) {
      const auto found = matchesGlob(pin.pattern.str(), candidate.str());
      return found.ok() && *found;
    });
  }

  static llvm::StringRef nameOfArgument(mlir::BlockArgument argument) {
    for (llvm::StringRef kind : {CleaveDialect::kParameter, CleaveDialect::kState, CleaveDialect::kInput})
      if (llvm::StringRef name = argumentName(argument, kind); !name.empty()) return name;
    return {};
  }

  mlir::LogicalResult pinArgument(mlir::BlockArgument argument, llvm::StringRef name, const Pin &pin) {
    const unsigned index = argument.getArgNumber();
    auto axes = argumentAxes(function_, index, mesh_.getSizes().size());
    llvm::SmallVector<int64_t> pinned;
    if (auto known = function_.getArgAttrOfType<mlir::DenseI64ArrayAttr>(index, kPinned)) pinned.append(known.asArrayRef().begin(), known.asArrayRef().end());
    for (auto [axis, placement] : pin.along) {
      if (placement.isPartial()) return module_.emitError("requires S or B for a pinned argument, got ") << placement << " for '" << name << "'";
      axes[axis] = placement;
      pinned.push_back(axis);
    }
    setArgumentAxes(function_, index, axes, "pinned by the user");
    function_.setArgAttr(index, kPinned, mlir::DenseI64ArrayAttr::get(function_.getContext(), pinned));
    return mlir::success();
  }

  void pinResult(mlir::Operation *op, const Pin &pin) {
    llvm::SmallVector<mlir::Attribute> names;
    llvm::SmallVector<AxisPlacement> placements;
    for (auto [axis, placement] : pin.along) {
      names.push_back(mesh_.getNames()[axis]);
      placements.push_back(placement);
    }
    mlir::Value value = op->getResult(0);
    PinOp made = pinBehind(value, names, placements, "pinned by the user");
    value.replaceAllUsesExcept(made.getResult(), made);
    for (auto [axis, placement] : pin.along)
      if (placement.isSplit()) goBack(value, axis, placement);
  }

  // Lays the parameters from which a split value comes so that it need not be split later.
  void goBack(mlir::Value value, size_t axis, const AxisPlacement &split) {
    llvm::SmallVector<std::pair<mlir::Value, AxisPlacement>> open{{value, split}};
    while (!open.empty()) {
      auto [next, placement] = open.pop_back_val();
      if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(next)) {
        placeParameter(argument, axis, placement);
        continue;
      }
      mlir::Operation *producer = next.getDefiningOp();
      if (!mlir::isa<TensorOpInterface>(producer) || next != producer->getResult(0)) continue;
      for (const Strategy &pattern : rules_.of(producer).strategies()) {
        const AxisPlacement &result = pattern.results[0];
        if (!result.isSplit() || result.dim != placement.dim || placement.unit % result.unit != 0) continue;
        const Strategy strategy = instantiate(pattern, placement.unit / result.unit, placement.minor);
        for (auto [operand, want] : llvm::zip(producer->getOperands(), strategy.operands))
          if (want.isSplit()) open.push_back({operand, want});
        break;
      }
    }
  }

  void placeParameter(mlir::BlockArgument argument, size_t axis, const AxisPlacement &placement) {
    if (!parameterOf(argument)) return;
    auto axes = argumentAxes(function_, argument.getArgNumber(), mesh_.getSizes().size());
    auto size = mlir::cast<mlir::RankedTensorType>(argument.getType()).getDimSize(placement.dim);
    if (!axes[axis].isBroadcast() || size % placement.unit != 0) return;
    axes[axis] = placement;
    setArgumentAxes(function_, argument.getArgNumber(), axes, "as a pinned value behind it needs");
  }

  mlir::func::FuncOp function_;
  MeshOp mesh_;
  mlir::ModuleOp module_;
  Rules rules_;
};

struct ApplyPinsPass : impl::ApplyPinsPassBase<ApplyPinsPass> {
  void runOnOperation() final {
    auto pins = getOperation()->getAttrOfType<mlir::DictionaryAttr>("cleave.pins");
    if (!pins) return;
    MeshOp mesh = onlyMesh(getOperation());
    if (!mesh) return signalPassFailure();
    std::list<Pinning> functions;
    for (mlir::func::FuncOp function : entriesOf(getOperation())) functions.emplace_back(function, mesh, getOperation());
    for (mlir::NamedAttribute entry : pins) {
      auto pin = parsePin(entry, mesh, getOperation());
      if (failed(pin)) return signalPassFailure();
      int matches = 0;
      for (Pinning &function : functions) {
        auto found = function.apply(*pin);
        if (failed(found)) return signalPassFailure();
        matches += *found;
      }
      if (matches == 0) {
        getOperation().emitError("requires a pin to name a parameter, an input or a value, got '") << pin->pattern << "', which matches none";
        return signalPassFailure();
      }
    }
    getOperation()->removeAttr("cleave.pins");
  }
};

}  // namespace
}  // namespace cleave
