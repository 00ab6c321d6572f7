// Makes the entries of a training plan from the forward loss function.
//
//   @loss(parameters, inputs) -> (loss_sum, tokens, metrics)
//     -->  @step(parameters, states, inputs, lr, rng) -> (parameters', states', loss, tokens, grad_norm, metrics)
//          @evaluate(parameters, inputs) -> (loss_sum, tokens, metrics)
//          @initialize(rng) -> parameters
//
// Gradients are those of the whole batch; what is to run in microbatches is only marked. An optimizer of the user's own
// is a function of the module, whose ops are written for each parameter (custom_update.h).

#include "mlir/IR/IRMapping.h"
#include "passes/differentiate/custom_update.h"
#include "passes/differentiate/entries.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_BUILDSTEPPASS
#include "passes/passes.h.inc"

namespace {

using mlir::Operation;
using mlir::Value;

// Optimizer state of one parameter.
struct State {
  std::string name;
  Value value;
};

class StepBuilder {
 public:
  StepBuilder(mlir::ModuleOp module, ForwardFunction &loss, const TrainingOptions &options,
              llvm::ArrayRef<CustomUpdate> updates)
      : loss_(loss),
        options_(options),
        updates_(updates),
        entry_(module, "step", loss.function.getLoc()),
        b_(entry_.b()),
        loc_(entry_.loc()) {}

  void build();

 private:
  void addArguments();
  std::vector<State> addStates(const Parameter &parameter);
  mlir::DictionaryAttr named(llvm::StringRef attribute, llvm::StringRef name);
  Value state(mlir::Type type, const std::string &name, llvm::StringRef of, mlir::Location location, InitAttr init = {});
  // Of an optimizer of the user's own, which has one for each parameter's type.
  const CustomUpdate &updateOf(const Parameter &parameter) const;
  bool countsSteps() const { return options_.optimizer != "sgd"; }
  Value dataInput(const Argument &input);

  // What the forward pass gives: loss (sum), count unless the loss is a mean, then the gradients of the trainable
  // parameters.
  GradientOp gradient();
  void setTotals(llvm::ArrayRef<Value> values);
  void returnMetrics(llvm::ArrayRef<Value> values);
  Value norm();
  void update();
  void updateByAdamw(size_t i, Value newCount);
  void updateBySgd(size_t i);
  void updateByFunction(size_t i, Value newCount);
  Value scaledGradient(size_t i);
  Value whereActive(const std::string &name, Value updated, Value old, LayerAttr layer);

  Value mark(llvm::StringRef name, Value value, LayerAttr layer = {});
  Value constant(double value) { return splat(b_, loc_, scalarType(b_.getContext()), value); }
  mlir::FloatAttr f64(double value) { return b_.getF64FloatAttr(value); }

  ForwardFunction &loss_;
  const TrainingOptions &options_;
  llvm::ArrayRef<CustomUpdate> updates_;
  EntryBuilder entry_;
  mlir::OpBuilder &b_;
  mlir::Location loc_;

  llvm::SmallVector<Value> arguments_;  // of the loss, in its order
  std::vector<const Parameter *> trainable_;
  std::vector<std::vector<State>> states_;  // of each trainable parameter
  Value count_;                             // of steps, unless the optimizer is SGD
  Value rate_;

  llvm::SmallVector<Value> gradients_;  // of the loss's sum
  Value meanLoss_, tokens_, isActive_, scale_;
};

Value StepBuilder::mark(llvm::StringRef name, Value value, LayerAttr layer) {
  value.getDefiningOp()->setAttr(CleaveDialect::kName, b_.getStringAttr(name));
  if (layer) value.getDefiningOp()->setAttr(CleaveDialect::kLayer, layer);
  return value;
}

//===- Arguments --------------------------------------------------------------------------------===//

mlir::DictionaryAttr StepBuilder::named(llvm::StringRef attribute, llvm::StringRef name) {
  return b_.getDictionaryAttr(b_.getNamedAttr(attribute, b_.getStringAttr(name)));
}

Value StepBuilder::state(mlir::Type type, const std::string &name, llvm::StringRef of, mlir::Location location,
                         InitAttr init) {
  mlir::NamedAttrList attributes(named(CleaveDialect::kState, name));
  if (init) attributes.set(CleaveDialect::kInit, init);
  if (!of.empty()) attributes.set(CleaveDialect::kStateOf, b_.getStringAttr(of));
  return entry_.argument(type, attributes.getDictionary(b_.getContext()), location);
}

const CustomUpdate &StepBuilder::updateOf(const Parameter &parameter) const {
  return *llvm::find_if(updates_, [&](const CustomUpdate &update) { return update.type == parameter.type; });
}

std::vector<State> StepBuilder::addStates(const Parameter &parameter) {
  if (!updates_.empty()) {
    std::vector<State> states;
    for (const auto &[kind, init] : updateOf(parameter).states) {
      const std::string name = options_.optimizer + "." + kind + "(" + parameter.name + ")";
      states.push_back({name, state(parameter.type, name, parameter.name, parameter.location, init)});
    }
    return states;
  }
  std::vector<std::string> kinds;
  if (options_.optimizer == "adamw") kinds = {"adamw.m", "adamw.v"};
  else if (options_.momentum != 0) kinds = {"sgd.momentum"};
  std::vector<State> states;
  for (const std::string &kind : kinds) {
    const std::string name = kind + "(" + parameter.name + ")";
    states.push_back({name, state(parameter.type, name, parameter.name, parameter.location)});
  }
  return states;
}

Value StepBuilder::dataInput(const Argument &input) {
  mlir::NamedAttrList attributes(input.attributes);
  if (input.type.getRank() > 0) attributes.set(CleaveDialect::kBatchDim, b_.getI64IntegerAttr(0));
  return entry_.argument(input.type, attributes.getDictionary(b_.getContext()), input.location);
}

void StepBuilder::addArguments() {
  arguments_.resize(loss_.function.getNumArguments());
  for (const Parameter &parameter : loss_.parameters) {
    arguments_[parameter.number] = entry_.argument(parameter);
    if (parameter.isTrainable) trainable_.push_back(&parameter);
  }
  for (const Parameter *parameter : trainable_) states_.push_back(addStates(*parameter));
  if (countsSteps()) count_ = state(scalarType(b_.getContext()), options_.optimizer + ".count", "", loc_);
  for (const Argument &input : loss_.inputs) arguments_[input.number] = dataInput(input);
  rate_ = entry_.argument(scalarType(b_.getContext()), named(CleaveDialect::kInput, kRateInput), loc_);
  const Value key = entry_.argument(keyType(b_.getContext()), named(CleaveDialect::kInput, kRandomInput), loc_);
  if (loss_.random) arguments_[loss_.random->number] = key;
}

//===- Forward and gradients --------------------------------------------------------------------===//

GradientOp StepBuilder::gradient() {
  llvm::SmallVector<int64_t> wrt;
  llvm::SmallVector<mlir::Type> types(loss_.function.getResultTypes());
  for (const Parameter *parameter : trainable_) {
    wrt.push_back(parameter->number);
    types.push_back(parameter->type);
  }
  auto op = GradientOp::create(b_, loc_, types, arguments_, wrt);
  mlir::OpBuilder::InsertionGuard guard(b_);
  mlir::Block &source = loss_.function.front();
  llvm::SmallVector<mlir::Location> locations;
  for (mlir::BlockArgument argument : source.getArguments()) locations.push_back(argument.getLoc());
  mlir::Block *block = b_.createBlock(&op.getBody(), {}, source.getArgumentTypes(), locations);
  mlir::IRMapping map;
  map.map(source.getArguments(), block->getArguments());
  for (Operation &forward : source.without_terminator()) b_.clone(forward, map);
  llvm::SmallVector<Value> yielded;
  for (Value value : source.getTerminator()->getOperands()) yielded.push_back(map.lookup(value));
  YieldOp::create(b_, loc_, yielded);
  op->walk([&](Operation *inner) {
    if (inner->getNumResults() > 0 && inner->getNumRegions() == 0)
      inner->setAttr(CleaveDialect::kPhase, b_.getStringAttr("forward"));
  });
  return op;
}

//===- Update -----------------------------------------------------------------------------------===//

// Loss, count and whether anything counts. A mean counts as one, whatever the batch.
void StepBuilder::setTotals(llvm::ArrayRef<Value> values) {
  gradients_.assign(values.end() - trainable_.size(), values.end());
  if (givesMean(loss_.function)) {
    meanLoss_ = values[0];
    tokens_ = constant(double(examplesOf(loss_)));
    isActive_ = splat(b_, loc_, mlir::RankedTensorType::get({}, b_.getI1Type()), 1);
    scale_ = constant(1);
    return;
  }
  tokens_ = values[1];
  const Value divisor = mark("tokens_or_one", MaximumOp::create(b_, loc_, tokens_, constant(1)));
  meanLoss_ = mark("mean_loss", DivOp::create(b_, loc_, values[0], divisor));
  isActive_ = mark("has_tokens", CompareOp::create(b_, loc_, tokens_, constant(0), "gt"));
  scale_ = mark("one_over_tokens", DivOp::create(b_, loc_, constant(1), divisor));
}

// Of the mean loss's gradients. Squares are added before they are reduced over devices, all at once.
Value StepBuilder::norm() {
  llvm::SmallVector<Value> squares;
  for (auto [parameter, gradient] : llvm::zip(trainable_, gradients_))
    squares.push_back(mark("squares(" + parameter->name + ")", SumSquaresOp::create(b_, parameter->location, gradient),
                           parameter->layer));
  const Value sum = mark("squares", AddNOp::create(b_, loc_, squares));
  const Value root = mark("grad_norm_of_sum", SqrtOp::create(b_, loc_, sum));
  return mark("grad_norm", MulOp::create(b_, loc_, root, scale_));
}

void StepBuilder::updateByAdamw(size_t i, Value newCount) {
  const Parameter &p = *trainable_[i];
  auto op = AdamwOp::create(b_, p.location, arguments_[p.number], gradients_[i], states_[i][0].value,
                            states_[i][1].value, rate_, scale_, newCount, isActive_, f64(options_.beta1),
                            f64(options_.beta2), f64(options_.epsilon), f64(p.weightDecay), f64(p.lrFactor));
  mark("adamw(" + p.name + ")", op.getNewParam(), p.layer);
  entry_.result(op.getNewParam(), CleaveDialect::kUpdates, p.name);
  entry_.result(op.getNewM(), CleaveDialect::kUpdates, states_[i][0].name);
  entry_.result(op.getNewV(), CleaveDialect::kUpdates, states_[i][1].name);
}

void StepBuilder::updateBySgd(size_t i) {
  const Parameter &p = *trainable_[i];
  const bool hasBuffer = !states_[i].empty();
  llvm::SmallVector<mlir::Type> bufferType;
  if (hasBuffer) bufferType.push_back(p.type);
  auto op = SgdOp::create(b_, p.location, p.type, mlir::TypeRange(bufferType), arguments_[p.number], gradients_[i],
                          hasBuffer ? states_[i][0].value : Value(), rate_, scale_, isActive_, f64(options_.momentum),
                          f64(p.weightDecay), f64(p.lrFactor));
  mark("sgd(" + p.name + ")", op.getNewParam(), p.layer);
  entry_.result(op.getNewParam(), CleaveDialect::kUpdates, p.name);
  if (hasBuffer) entry_.result(op.getNewBuffer()[0], CleaveDialect::kUpdates, states_[i][0].name);
}

// Of the mean loss, clipped.
Value StepBuilder::scaledGradient(size_t i) {
  const Parameter &p = *trainable_[i];
  if (givesMean(loss_.function) && !options_.clipNorm) return gradients_[i];
  const Value scale = mark("scale(" + p.name + ")",
                           BroadcastOp::create(b_, p.location, p.type, scale_, llvm::ArrayRef<int64_t>()), p.layer);
  return mark("scaled_gradient(" + p.name + ")", MulOp::create(b_, p.location, gradients_[i], scale), p.layer);
}

// Nothing changes where no label counts; a mean loss always has one.
Value StepBuilder::whereActive(const std::string &name, Value updated, Value old, LayerAttr layer) {
  if (givesMean(loss_.function) || updated == old) return updated;
  auto type = mlir::cast<mlir::RankedTensorType>(old.getType()).clone(b_.getI1Type());
  const Value isActive = mark("is_active(" + name + ")",
                              BroadcastOp::create(b_, loc_, type, isActive_, llvm::ArrayRef<int64_t>()), layer);
  return mark("new(" + name + ")", SelectOp::create(b_, loc_, isActive, updated, old), layer);
}

void StepBuilder::updateByFunction(size_t i, Value newCount) {
  const Parameter &p = *trainable_[i];
  CustomUpdate::Inputs inputs{arguments_[p.number], scaledGradient(i), newCount, rate_, constant(p.weightDecay)};
  if (p.lrFactor != 1)
    inputs.rate = mark("lr(" + p.name + ")", ScaleOp::create(b_, p.location, rate_, f64(p.lrFactor)), p.layer);
  llvm::SmallVector<Value> states;
  for (const State &state : states_[i]) states.push_back(state.value);
  const std::string name = options_.optimizer + "(" + p.name + ")";
  const auto updated = updateOf(p).write(b_, inputs, states, name, p.layer);
  entry_.result(whereActive(p.name, updated[0], inputs.parameter, p.layer), CleaveDialect::kUpdates, p.name);
  for (auto [state, value] : llvm::zip(states_[i], llvm::ArrayRef(updated).drop_front()))
    entry_.result(whereActive(state.name, value, state.value, p.layer), CleaveDialect::kUpdates, state.name);
}

void StepBuilder::update() {
  const Value gradNorm = norm();
  if (options_.clipNorm) {
    const Value factor = mark("clip_factor", ClipScaleOp::create(b_, loc_, gradNorm, f64(*options_.clipNorm)));
    scale_ = mark("clipped_scale", MulOp::create(b_, loc_, scale_, factor));
  }
  const std::string count = options_.optimizer + ".count";
  Value newCount;
  if (countsSteps()) {
    const Value one = mark("counted_step", ConvertOp::create(b_, loc_, scalarType(b_.getContext()), isActive_));
    newCount = mark(count + ".next", AddOp::create(b_, loc_, count_, one));
  }
  for (size_t i = 0; i < trainable_.size(); ++i) {
    if (!updates_.empty()) updateByFunction(i, newCount);
    else if (options_.optimizer == "adamw") updateByAdamw(i, newCount);
    else updateBySgd(i);
  }
  if (countsSteps()) entry_.result(newCount, CleaveDialect::kUpdates, count);
  entry_.result(meanLoss_, CleaveDialect::kOutput, "loss");
  entry_.result(tokens_, CleaveDialect::kOutput, "tokens");
  entry_.result(gradNorm, CleaveDialect::kOutput, "grad_norm");
}

// A metric that has a count is a quotient over the whole batch, and 0 where it counts nothing.
void StepBuilder::returnMetrics(llvm::ArrayRef<Value> values) {
  for (const Metric &metric : metricsOf(loss_.function)) {
    Value value = values[metric.value];
    if (metric.count) {
      const Value count = values[*metric.count];
      const Value isCounted =
          mark("counts(" + metric.name + ")", CompareOp::create(b_, loc_, count, constant(0), "gt"));
      const Value divisor =
          mark("count_or_one(" + metric.name + ")", SelectOp::create(b_, loc_, isCounted, count, constant(1)));
      value = mark("metric(" + metric.name + ")", DivOp::create(b_, loc_, value, divisor));
    }
    entry_.result(value, CleaveDialect::kOutput, (kMetricOutput + metric.name).str());
  }
}

void StepBuilder::build() {
  addArguments();
  const llvm::SmallVector<Value> values(gradient()->getResults());
  setTotals(values);
  update();
  returnMetrics(values);
  mlir::func::FuncOp step = entry_.finish("update");
  if (options_.microbatches > 1) step->setAttr(kMicrobatches, b_.getI64IntegerAttr(options_.microbatches));
}

//===- The pass ---------------------------------------------------------------------------------===//

mlir::LogicalResult checkResults(mlir::func::FuncOp loss) {
  for (mlir::Type type : loss.getResultTypes())
    if (type != scalarType(loss.getContext()))
      return loss.emitError("requires results of type tensor<f32>, got ") << type;
  return checkMetrics(loss);
}

// The updates that the optimizer's name asks for: none for one that is built in.
mlir::FailureOr<std::vector<CustomUpdate>> updatesFor(mlir::ModuleOp module, ForwardFunction &loss,
                                                      const TrainingOptions &options) {
  auto updates = customUpdatesOf(module);
  if (failed(updates)) return mlir::failure();
  const bool isBuiltIn = options.optimizer == "adamw" || options.optimizer == "sgd";
  if (isBuiltIn && !updates->empty())
    return (*updates)[0].function.emitError("requires an optimizer of its own where a module has updates, got \"")
           << options.optimizer << '"';
  if (isBuiltIn) return updates;
  for (const Parameter &parameter : loss.parameters)
    if (parameter.isTrainable && llvm::none_of(*updates, [&](const CustomUpdate &update) {
          return update.type == parameter.type;
        }))
      return loss.function.emitError("requires optimizer adamw or sgd, or a function with cleave.entry = \"update\" "
                                     "for each type of parameter, got optimizer \"")
             << options.optimizer << "\" and none for " << parameter.type << " of \"" << parameter.name << '"';
  return updates;
}

mlir::FailureOr<TrainingOptions> optionsOf(mlir::ModuleOp module) {
  mlir::Attribute attribute = module->getAttr(CleaveDialect::kTraining);
  if (!attribute) return TrainingOptions();
  auto dictionary = mlir::dyn_cast<mlir::DictionaryAttr>(attribute);
  if (!dictionary) return module.emitError("requires a dictionary as cleave.training, got ") << attribute;
  auto options = TrainingOptions::fromAttribute(dictionary);
  if (!options.ok())
    return module.emitError(llvm::StringRef(options.status().message().data(), options.status().message().size()));
  return *options;
}

mlir::func::FuncOp entryOf(mlir::ModuleOp module, llvm::StringRef name) {
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (auto entry = function->getAttrOfType<mlir::StringAttr>(CleaveDialect::kEntry);
        entry && entry.getValue() == name)
      return function;
  return {};
}

mlir::LogicalResult buildEntries(mlir::ModuleOp module, mlir::func::FuncOp lossFunction) {
  const auto options = optionsOf(module);
  if (failed(options)) return mlir::failure();
  auto loss = readForward(lossFunction);
  if (failed(loss) || failed(checkResults(lossFunction)) || failed(applyGroups(*options, *loss)))
    return mlir::failure();
  auto updates = updatesFor(module, *loss, *options);
  if (failed(updates)) return mlir::failure();
  for (llvm::StringRef name : {"step", "evaluate", "initialize"})
    if (module.lookupSymbol(name))
      return lossFunction.emitError("requires that no other function is named \"") << name << "\"";
  llvm::SmallVector<ForwardFunction> forwards{*loss};
  if (mlir::func::FuncOp function = entryOf(module, "logits")) {
    auto logits = readForward(function);
    if (failed(logits)) return mlir::failure();
    forwards.push_back(*logits);
    freeze(function);
  }
  StepBuilder(module, *loss, *options, *updates).build();
  for (CustomUpdate &update : *updates) update.function.erase();
  buildEvaluate(module, *loss);
  if (failed(buildInitialize(module, forwards))) return mlir::failure();
  lossFunction.erase();
  return mlir::success();
}

struct BuildStepPass : impl::BuildStepPassBase<BuildStepPass> {
  void runOnOperation() final {
    mlir::ModuleOp module = getOperation();
    if (mlir::func::FuncOp loss = entryOf(module, "loss")) {
      if (failed(buildEntries(module, loss))) signalPassFailure();
    } else if (!entryOf(module, "step")) {
      module.emitError("requires a function with cleave.entry = \"loss\", or a finished one with \"step\"");
      signalPassFailure();
    }
  }
};

}  // namespace
}  // namespace cleave
