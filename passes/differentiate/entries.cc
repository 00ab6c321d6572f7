#include "passes/differentiate/entries.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/IR/IRMapping.h"

namespace cleave {
namespace {

using mlir::Operation;
using mlir::Value;

// The mark that all users share.
LayerAttr layerOf(Value parameter) {
  LayerAttr layer;
  for (Operation *user : parameter.getUsers()) {
    auto mark = user->getAttrOfType<LayerAttr>(CleaveDialect::kLayer);
    if (!mark || (layer && mark != layer)) return {};
    layer = mark;
  }
  return layer;
}

mlir::DictionaryAttr with(mlir::DictionaryAttr attributes, llvm::StringRef name, mlir::Attribute value) {
  mlir::NamedAttrList list(attributes);
  list.set(name, value);
  return list.getDictionary(value.getContext());
}

mlir::LogicalResult checkInput(mlir::func::FuncOp function, const Argument &input) {
  if (input.name == kRateInput)
    return function.emitError("requires data inputs with other names than \"lr\", the learning rate's");
  if (input.name == kRandomInput && input.type != keyType(function.getContext()))
    return function.emitError("requires type tensor<4xi32> for the random key \"rng\", got ") << input.type;
  return mlir::success();
}

void markPhase(mlir::func::FuncOp function, llvm::StringRef phase) {
  const auto attribute = mlir::StringAttr::get(function.getContext(), phase);
  function.walk([&](Operation *op) {
    if (op->getNumResults() > 0 && op->getNumRegions() == 0 && !op->hasAttr(CleaveDialect::kPhase))
      op->setAttr(CleaveDialect::kPhase, attribute);
  });
}

// Where no initializer is given.
InitAttr initOf(const Parameter &parameter) {
  if (auto init = parameter.attributes.getAs<InitAttr>(CleaveDialect::kInit)) return init;
  return InitAttr::get(parameter.type.getContext(), "normal", 0, 0.02);
}

// Ids of random draws depend on names alone, but for the rare name whose number another one already has.
class RandomIds {
 public:
  int64_t idOf(llvm::StringRef name) {
    uint32_t hash = 2166136261u;  // FNV-1a
    for (unsigned char c : name) hash = (hash ^ c) * 16777619u;
    while (!used_.insert(hash).second) ++hash;
    return hash;
  }

 private:
  llvm::DenseSet<int64_t> used_;
};

mlir::FailureOr<Value> drawParameter(EntryBuilder &entry, Value key, const Parameter &parameter, RandomIds &ids,
                                     Operation *owner) {
  mlir::OpBuilder &b = entry.b();
  const InitAttr init = initOf(parameter);
  const double mean = init.getMean().convertToDouble(), deviation = init.getDeviation().convertToDouble();
  const bool isConstant = init.getDistribution() == "constant";
  Value value;
  if (mlir::isa<mlir::FloatType>(parameter.type.getElementType())) {
    // A constant is drawn too, without deviation: equal constants would become one value, which can't be two
    // parameters.
    value = RandomOp::create(b, parameter.location, parameter.type, key,
                             b.getStringAttr(isConstant ? "uniform" : init.getDistribution()),
                             b.getF64FloatAttr(mean), b.getF64FloatAttr(isConstant ? 0 : deviation),
                             b.getI64IntegerAttr(ids.idOf(parameter.name)), b.getI64IntegerAttr(init.getZeroRow()));
  } else if (isConstant) {
    value = splat(b, parameter.location, parameter.type, mean);
  } else {
    return owner->emitError("requires a constant initializer for parameter \"")
           << parameter.name << "\" of type " << parameter.type << ", got " << init;
  }
  if (parameter.layer) value.getDefiningOp()->setAttr(CleaveDialect::kLayer, parameter.layer);
  value.getDefiningOp()->setAttr(CleaveDialect::kName, b.getStringAttr("initial(" + parameter.name + ")"));
  return value;
}

}  // namespace

mlir::RankedTensorType scalarType(mlir::MLIRContext *context) {
  return mlir::RankedTensorType::get({}, mlir::Float32Type::get(context));
}

mlir::RankedTensorType keyType(mlir::MLIRContext *context) {
  return mlir::RankedTensorType::get({4}, mlir::IntegerType::get(context, 32));
}

mlir::FailureOr<ForwardFunction> readForward(mlir::func::FuncOp function) {
  if (function.isExternal()) return function.emitError("requires a body");
  ForwardFunction forward{function, {}, {}, {}};
  llvm::StringSet<> names;
  for (mlir::BlockArgument argument : function.getArguments()) {
    const unsigned number = argument.getArgNumber();
    auto parameter = function.getArgAttrOfType<mlir::StringAttr>(number, CleaveDialect::kParameter);
    auto input = function.getArgAttrOfType<mlir::StringAttr>(number, CleaveDialect::kInput);
    auto type = mlir::dyn_cast<mlir::RankedTensorType>(argument.getType());
    if (!parameter == !input)
      return function.emitError("requires cleave.parameter or cleave.input on each argument, got ")
             << (parameter ? "both" : "neither") << " on argument " << number;
    const std::string name = (parameter ? parameter : input).str();
    if (!type || !type.hasStaticShape())
      return function.emitError("requires tensors of static shape, got ")
             << argument.getType() << " for \"" << name << "\"";
    if (!names.insert(name).second)
      return function.emitError("requires arguments of different names, got \"") << name << "\" twice";
    const Argument described{name, type, function.getArgAttrDict(number), argument.getLoc(), number};
    if (parameter) {
      Parameter &added = forward.parameters.emplace_back(Parameter{described});
      added.layer = layerOf(argument);
      if (auto flag = described.attributes.getAs<mlir::BoolAttr>(CleaveDialect::kTrainable))
        added.isTrainable = flag.getValue();
      continue;
    }
    if (failed(checkInput(function, described))) return mlir::failure();
    if (name == kRandomInput) forward.random = described;
    else forward.inputs.push_back(described);
  }
  return forward;
}

mlir::LogicalResult applyGroups(const TrainingOptions &options, ForwardFunction &forward) {
  llvm::DenseSet<size_t> isUsed;
  for (Parameter &parameter : forward.parameters) {
    parameter.weightDecay = parameter.type.getRank() >= 2 ? options.weightDecay : 0;
    bool isTaken = false;
    for (auto [i, group] : llvm::enumerate(options.groups)) {
      const auto matches = matchesGlob(group.match, parameter.name);
      if (!matches.ok()) return forward.function.emitError(std::string(matches.status().message()));
      if (!*matches) continue;
      isUsed.insert(i);
      if (isTaken) continue;  // the first match wins
      isTaken = true;
      parameter.lrFactor = group.lr.value_or(1);
      parameter.weightDecay = group.weightDecay.value_or(parameter.weightDecay);
      parameter.isTrainable = group.trainable.value_or(parameter.isTrainable);
    }
    if (!parameter.isTrainable) {
      parameter.attributes = with(parameter.attributes, CleaveDialect::kTrainable,
                                  mlir::BoolAttr::get(forward.function.getContext(), false));
    } else if (!parameter.type.getElementType().isF32()) {
      return forward.function.emitError("requires trainable parameters of type f32, got ")
             << parameter.type << " for \"" << parameter.name << "\" (cleave.trainable = false freezes it)";
    }
  }
  for (auto [i, group] : llvm::enumerate(options.groups))
    if (!isUsed.contains(i))
      return forward.function.emitError("requires groups that match a parameter, got \"") << group.match << "\"";
  if (llvm::none_of(forward.parameters, [](const Parameter &parameter) { return parameter.isTrainable; }))
    return forward.function.emitError("requires at least one trainable parameter, got none");
  return mlir::success();
}

EntryBuilder::EntryBuilder(mlir::ModuleOp module, llvm::StringRef name, mlir::Location location)
    : b_(module.getContext()) {
  b_.setInsertionPointToEnd(module.getBody());
  function_ = mlir::func::FuncOp::create(b_, location, name, b_.getFunctionType({}, {}));
  function_->setAttr(CleaveDialect::kEntry, b_.getStringAttr(name));
  b_.setInsertionPointToStart(function_.addEntryBlock());
}

Value EntryBuilder::argument(mlir::Type type, mlir::DictionaryAttr attributes, mlir::Location location) {
  argumentAttributes_.push_back(attributes);
  return function_.front().addArgument(type, location);
}

void EntryBuilder::result(Value value, llvm::StringRef attribute, llvm::StringRef name) {
  results_.push_back(value);
  resultAttributes_.push_back(b_.getDictionaryAttr(b_.getNamedAttr(attribute, b_.getStringAttr(name))));
}

mlir::func::FuncOp EntryBuilder::finish(llvm::StringRef phase) {
  mlir::func::ReturnOp::create(b_, loc(), results_);
  function_.setFunctionType(
      b_.getFunctionType(function_.front().getArgumentTypes(), mlir::ValueRange(results_).getTypes()));
  function_.setArgAttrsAttr(b_.getArrayAttr(argumentAttributes_));
  function_.setResAttrsAttr(b_.getArrayAttr(resultAttributes_));
  markPhase(function_, phase);
  return function_;
}

static llvm::StringRef outputName(mlir::func::FuncOp function, unsigned result) {
  const auto output = function.getResultAttrOfType<mlir::StringAttr>(result, CleaveDialect::kOutput);
  return output ? output.getValue() : "";
}

std::vector<Metric> metricsOf(mlir::func::FuncOp loss) {
  std::vector<Metric> metrics;
  for (unsigned i = 0; i < loss.getNumResults(); ++i) {
    llvm::StringRef name = outputName(loss, i);
    if (!name.consume_front(kMetricOutput)) continue;
    const bool isCount = name.consume_back(".count");
    if (!isCount) metrics.push_back({name.str(), i, std::nullopt});
    else if (!metrics.empty() && metrics.back().name == name) metrics.back().count = i;
  }
  return metrics;
}

static mlir::LogicalResult checkOrder(mlir::func::FuncOp loss) {
  bool isBehind = false;  // the loss
  llvm::StringRef last;
  for (unsigned i = 0; i < loss.getNumResults(); ++i) {
    llvm::StringRef name = outputName(loss, i);
    const bool isMetric = name.consume_front(kMetricOutput);
    if (isMetric ? i == 0 : isBehind)
      return loss.emitError("requires metrics behind the loss and nothing behind them, got result ") << i;
    if (isMetric && name.consume_back(".count") && name != last)
      return loss.emitError("requires the count of a metric right behind it, got that of \"") << name << '"';
    isBehind = isMetric;
    last = name;
  }
  return mlir::success();
}

mlir::LogicalResult checkMetrics(mlir::func::FuncOp loss) {
  if (failed(checkOrder(loss))) return mlir::failure();
  size_t results = 0;  // of metrics
  llvm::StringSet<> names;
  for (const Metric &metric : metricsOf(loss)) {
    results += metric.count ? 2 : 1;
    if (!names.insert(metric.name).second)
      return loss.emitError("requires metrics of different names, got \"") << metric.name << "\" twice";
    const bool isPlain = llvm::all_of(metric.name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '/'; });
    if (metric.name.empty() || !isPlain)
      return loss.emitError("requires names of letters, digits, _ and / for metrics, got \"") << metric.name << '"';
  }
  const size_t others = loss.getNumResults() - results;
  if (others == 1 || others == 2) return mlir::success();
  return loss.emitError("requires one result (a mean loss) or two (a sum of losses and their number), and metrics behind "
                        "them, got ")
         << others;
}

bool givesMean(mlir::func::FuncOp loss) {
  size_t results = loss.getNumResults();
  for (const Metric &metric : metricsOf(loss)) results -= metric.count ? 2 : 1;
  return results == 1;
}

int64_t examplesOf(const ForwardFunction &loss) {
  for (const Argument &input : loss.inputs)
    if (input.type.getRank() > 0) return input.type.getDimSize(0);
  return 1;
}

void freeze(mlir::func::FuncOp function) {
  markPhase(function, "forward");
  llvm::SmallVector<TensorOpInterface> ops;
  function.walk([&](TensorOpInterface op) { ops.push_back(op); });
  for (TensorOpInterface op : ops) {
    const Value instead = op.inferenceForm();
    if (!instead) continue;
    op->getResult(0).replaceAllUsesWith(instead);
    op->erase();
  }
  for (unsigned i = function.getNumArguments(); i-- > 0;) {
    auto input = function.getArgAttrOfType<mlir::StringAttr>(i, CleaveDialect::kInput);
    if (!input) continue;
    const bool isData = input.getValue() != kRandomInput;
    if (isData && mlir::cast<mlir::RankedTensorType>(function.getArgument(i).getType()).getRank() > 0)
      function.setArgAttr(i, CleaveDialect::kBatchDim, mlir::OpBuilder(function).getI64IntegerAttr(0));
    if (!isData && function.getArgument(i).use_empty()) (void)function.eraseArgument(i);
  }
}

void buildEvaluate(mlir::ModuleOp module, ForwardFunction &loss) {
  EntryBuilder entry(module, "evaluate", loss.function.getLoc());
  mlir::OpBuilder &b = entry.b();
  mlir::IRMapping map;
  llvm::SmallVector<mlir::DictionaryAttr> attributes(loss.function.getNumArguments());
  for (const Parameter &parameter : loss.parameters) attributes[parameter.number] = parameter.attributes;
  for (mlir::BlockArgument argument : loss.function.getArguments()) {
    const unsigned number = argument.getArgNumber();
    if (!attributes[number]) attributes[number] = loss.function.getArgAttrDict(number);
    map.map(argument, entry.argument(argument.getType(), attributes[number], argument.getLoc()));
  }
  for (Operation &op : loss.function.front().without_terminator()) b.clone(op, map);
  Operation *end = loss.function.front().getTerminator();
  Value sum = map.lookup(end->getOperand(0)), count;
  if (givesMean(loss.function)) {
    const double examples = double(examplesOf(loss));
    sum = ScaleOp::create(b, entry.loc(), sum, b.getF64FloatAttr(examples));
    count = splat(b, entry.loc(), scalarType(b.getContext()), examples);
  } else {
    count = map.lookup(end->getOperand(1));
  }
  entry.result(sum, CleaveDialect::kOutput, "loss_sum");
  entry.result(count, CleaveDialect::kOutput, "tokens");
  for (const Metric &metric : metricsOf(loss.function)) {
    const std::string name = (kMetricOutput + metric.name).str();
    entry.result(map.lookup(end->getOperand(metric.value)), CleaveDialect::kOutput, name);
    if (metric.count)
      entry.result(map.lookup(end->getOperand(*metric.count)), CleaveDialect::kOutput, name + ".count");
  }
  freeze(entry.finish("forward"));
}

mlir::LogicalResult buildInitialize(mlir::ModuleOp module, llvm::MutableArrayRef<ForwardFunction> forwards) {
  EntryBuilder entry(module, "initialize", forwards[0].function.getLoc());
  mlir::OpBuilder &b = entry.b();
  const auto attributes = b.getDictionaryAttr(b.getNamedAttr(CleaveDialect::kInput, b.getStringAttr(kRandomInput)));
  const Value key = entry.argument(keyType(b.getContext()), attributes, entry.loc());
  llvm::StringMap<mlir::Type> drawn;
  RandomIds ids;
  for (ForwardFunction &forward : forwards) {
    for (const Parameter &parameter : forward.parameters) {
      auto [known, isNew] = drawn.try_emplace(parameter.name, parameter.type);
      if (known->second != parameter.type)
        return forward.function->emitError("requires one type for parameter \"")
               << parameter.name << "\" in all entries, got " << known->second << " and " << parameter.type;
      if (!isNew) continue;
      const auto value = drawParameter(entry, key, parameter, ids, forward.function);
      if (failed(value)) return mlir::failure();
      entry.result(*value, CleaveDialect::kUpdates, parameter.name);
    }
  }
  entry.finish("update");
  return mlir::success();
}

}  // namespace cleave
