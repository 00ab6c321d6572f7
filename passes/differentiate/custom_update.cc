#include "passes/differentiate/custom_update.h"

#include "llvm/ADT/StringSet.h"
#include "mlir/IR/IRMapping.h"

namespace cleave {
namespace {

using mlir::Value;

constexpr llvm::StringLiteral kParameterInput = "parameter";

llvm::StringRef nameOf(mlir::Attribute attribute) {
  auto text = mlir::dyn_cast_or_null<mlir::StringAttr>(attribute);
  return text ? text.getValue() : llvm::StringRef();
}

Value *findInput(CustomUpdate::Inputs &inputs, llvm::StringRef name) {
  const std::pair<llvm::StringRef, Value *> all[] = {{kParameterInput, &inputs.parameter},
                                                     {"gradient", &inputs.gradient},
                                                     {"step", &inputs.step},
                                                     {"lr", &inputs.rate},
                                                     {"weight_decay", &inputs.weightDecay}};
  for (const auto &[known, value] : all)
    if (known == name) return value;
  return nullptr;
}

bool isOfParametersType(llvm::StringRef input) { return input == kParameterInput || input == "gradient"; }

mlir::LogicalResult checkType(mlir::func::FuncOp function, llvm::StringRef name, mlir::Type type, mlir::Type expected) {
  if (type == expected) return mlir::success();
  return function.emitError("requires type ") << expected << " for \"" << name << "\" of an update, got " << type;
}

// What its arguments are; the types but the parameter's are not checked yet.
mlir::LogicalResult readArguments(CustomUpdate &update) {
  CustomUpdate::Inputs known;
  llvm::StringSet<> seen;
  for (mlir::BlockArgument argument : update.function.getArguments()) {
    const unsigned number = argument.getArgNumber();
    const llvm::StringRef input = nameOf(update.function.getArgAttr(number, CleaveDialect::kInput)),
                          state = nameOf(update.function.getArgAttr(number, CleaveDialect::kState));
    if (input.empty() == state.empty() || (state.empty() && !findInput(known, input)))
      return update.function.emitError("requires cleave.input = \"parameter\", \"gradient\", \"step\", \"lr\" or "
                                       "\"weight_decay\", or cleave.state, on each argument of an update, got \"")
             << (input.empty() ? state : input) << "\" on argument " << number;
    if (!seen.insert(input.empty() ? state : input).second)
      return update.function.emitError("requires arguments of different names, got \"")
             << (input.empty() ? state : input) << "\" twice";
    if (input == kParameterInput) update.type = mlir::dyn_cast<mlir::RankedTensorType>(argument.getType());
    if (!state.empty())
      update.states.push_back(
          {state.str(), update.function.getArgAttrOfType<InitAttr>(number, CleaveDialect::kInit)});
  }
  if (!update.type || !update.type.hasStaticShape() || !update.type.getElementType().isF32())
    return update.function.emitError("requires an argument \"parameter\" of an f32 tensor in an update");
  return mlir::success();
}

mlir::LogicalResult checkArguments(CustomUpdate &update) {
  const mlir::Type scalar = mlir::RankedTensorType::get({}, update.type.getElementType());
  for (mlir::BlockArgument argument : update.function.getArguments()) {
    const llvm::StringRef input = nameOf(update.function.getArgAttr(argument.getArgNumber(), CleaveDialect::kInput)),
                          state = nameOf(update.function.getArgAttr(argument.getArgNumber(), CleaveDialect::kState));
    const bool isWhole = !state.empty() || isOfParametersType(input);
    if (failed(checkType(update.function, isWhole && !state.empty() ? state : input, argument.getType(),
                         isWhole ? mlir::Type(update.type) : scalar)))
      return mlir::failure();
  }
  return mlir::success();
}

// The number of the result that replaces a variable; nothing, with an error, if there isn't one.
mlir::FailureOr<unsigned> resultOf(mlir::func::FuncOp function, llvm::StringRef name) {
  std::optional<unsigned> found;
  unsigned count = 0;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (nameOf(function.getResultAttr(i, CleaveDialect::kUpdates)) == name) {
      found = i;
      ++count;
    }
  if (count == 1) return *found;
  return function.emitError("requires one result of an update with cleave.updates = \"") << name << "\", got " << count;
}

mlir::LogicalResult checkResults(CustomUpdate &update) {
  llvm::SmallVector<llvm::StringRef> names = {kParameterInput};
  for (const CustomUpdate::State &state : update.states) names.push_back(state.name);
  if (update.function.getNumResults() != names.size())
    return update.function.emitError("requires a parameter and ")
           << update.states.size() << " states as results of an update, got " << update.function.getNumResults();
  for (llvm::StringRef name : names) {
    const auto result = resultOf(update.function, name);
    if (failed(result) ||
        failed(checkType(update.function, name, update.function.getResultTypes()[*result], update.type)))
      return mlir::failure();
  }
  return mlir::success();
}

}  // namespace

llvm::SmallVector<Value> CustomUpdate::write(mlir::OpBuilder &b, const Inputs &inputs, llvm::ArrayRef<Value> states,
                                             const std::string &name, LayerAttr layer) const {
  mlir::func::FuncOp source = function;
  Inputs given = inputs;
  mlir::IRMapping map;
  size_t nextState = 0;
  for (mlir::BlockArgument argument : source.getArguments()) {
    const llvm::StringRef input = nameOf(source.getArgAttr(argument.getArgNumber(), CleaveDialect::kInput));
    map.map(argument, input.empty() ? states[nextState++] : *findInput(given, input));
  }
  for (mlir::Operation &op : source.front().without_terminator()) {
    mlir::Operation *copy = b.clone(op, map);
    if (const llvm::StringRef own = nameOf(op.getAttr(CleaveDialect::kName)); !own.empty())
      copy->setAttr(CleaveDialect::kName, b.getStringAttr(name + "." + own.str()));
    if (layer) copy->setAttr(CleaveDialect::kLayer, layer);
  }
  llvm::SmallVector<llvm::StringRef> names = {kParameterInput};
  for (const State &state : this->states) names.push_back(state.name);
  llvm::SmallVector<Value> updated;
  for (llvm::StringRef each : names)
    updated.push_back(map.lookupOrDefault(source.front().getTerminator()->getOperand(*resultOf(source, each))));
  return updated;
}

mlir::FailureOr<std::vector<CustomUpdate>> customUpdatesOf(mlir::ModuleOp module) {
  std::vector<CustomUpdate> updates;
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    if (nameOf(function->getAttr(CleaveDialect::kEntry)) != kUpdateEntry) continue;
    if (!function.getBody().hasOneBlock()) return function.emitError("requires a body of one block");
    CustomUpdate update;
    update.function = function;
    if (failed(readArguments(update)) || failed(checkArguments(update)) || failed(checkResults(update)))
      return mlir::failure();
    for (const CustomUpdate &other : updates)
      if (other.type == update.type)
        return function.emitError("requires one update for each type of parameter, got two for ") << update.type;
    updates.push_back(std::move(update));
  }
  return updates;
}

}  // namespace cleave
