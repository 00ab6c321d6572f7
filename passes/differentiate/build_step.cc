// Makes the entries of a training plan from the forward loss function.
//
//   @loss(parameters, inputs) -> (loss_sum, tokens)
//     -->  @step(parameters, states, inputs, lr, rng) -> (parameters', states', loss, tokens, grad_norm)
//          @evaluate(parameters, inputs) -> (loss_sum, tokens)
//          @initialize(rng) -> parameters
//
// Gradients are those of the whole batch; what is to run in microbatches is only marked.

#include "mlir/IR/IRMapping.h"
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
  StepBuilder(mlir::ModuleOp module, ForwardFunction &loss, const TrainingOptions &options)
      : loss_(loss),
        options_(options),
        entry_(module, "step", loss.function.getLoc()),
        b_(entry_.b()),
        loc_(entry_.loc()) {}

  void build();

 private:
  void addArguments();
  std::vector<State> addStates(const Parameter &parameter);
  mlir::DictionaryAttr named(llvm::StringRef attribute, llvm::StringRef name);
  Value state(mlir::Type type, const std::string &name, llvm::StringRef of, mlir::Location location);
  Value dataInput(const Argument &input);

  // What the forward pass gives: loss (sum), count unless the loss is a mean, then the gradients of the trainable
  // parameters.
  GradientOp gradient();
  void setTotals(llvm::ArrayRef<Value> values);
  Value norm();
  void update();
  void updateByAdamw(size_t i, Value newCount);
  void updateBySgd(size_t i);

  Value mark(llvm::StringRef name, Value value, LayerAttr layer = {});
  Value constant(double value) { return splat(b_, loc_, scalarType(b_.getContext()), value); }
  mlir::FloatAttr f64(double value) { return b_.getF64FloatAttr(value); }

  ForwardFunction &loss_;
  const TrainingOptions &options_;
  EntryBuilder entry_;
  mlir::OpBuilder &b_;
  mlir::Location loc_;

  llvm::SmallVector<Value> arguments_;  // of the loss, in its order
  std::vector<const Parameter *> trainable_;
  std::vector<std::vector<State>> states_;  // of each trainable parameter
  Value count_;                             // AdamW's, of steps
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

Value StepBuilder::state(mlir::Type type, const std::string &name, llvm::StringRef of, mlir::Location location) {
  mlir::NamedAttrList attributes(named(CleaveDialect::kState, name));
  if (!of.empty()) attributes.set(CleaveDialect::kStateOf, b_.getStringAttr(of));
  return entry_.argument(type, attributes.getDictionary(b_.getContext()), location);
}

std::vector<State> StepBuilder::addStates(const Parameter &parameter) {
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
  if (options_.optimizer == "adamw") count_ = state(scalarType(b_.getContext()), "adamw.count", "", loc_);
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

void StepBuilder::update() {
  const Value gradNorm = norm();
  if (options_.clipNorm) {
    const Value factor = mark("clip_factor", ClipScaleOp::create(b_, loc_, gradNorm, f64(*options_.clipNorm)));
    scale_ = mark("clipped_scale", MulOp::create(b_, loc_, scale_, factor));
  }
  const bool isAdamw = options_.optimizer == "adamw";
  Value newCount;
  if (isAdamw) {
    const Value one = mark("counted_step", ConvertOp::create(b_, loc_, scalarType(b_.getContext()), isActive_));
    newCount = mark("adamw.count.next", AddOp::create(b_, loc_, count_, one));
  }
  for (size_t i = 0; i < trainable_.size(); ++i) {
    if (isAdamw) updateByAdamw(i, newCount);
    else updateBySgd(i);
  }
  if (isAdamw) entry_.result(newCount, CleaveDialect::kUpdates, "adamw.count");
  entry_.result(meanLoss_, CleaveDialect::kOutput, "loss");
  entry_.result(tokens_, CleaveDialect::kOutput, "tokens");
  entry_.result(gradNorm, CleaveDialect::kOutput, "grad_norm");
}

void StepBuilder::build() {
  addArguments();
  setTotals(llvm::SmallVector<Value>(gradient()->getResults()));
  update();
  mlir::func::FuncOp step = entry_.finish("update");
  if (options_.microbatches > 1) step->setAttr(kMicrobatches, b_.getI64IntegerAttr(options_.microbatches));
}

//===- The pass ---------------------------------------------------------------------------------===//

mlir::LogicalResult checkResults(mlir::func::FuncOp loss) {
  if (loss.getNumResults() != 1 && loss.getNumResults() != 2)
    return loss.emitError("requires one result (a mean loss) or two (a sum of losses and their number), got ")
           << loss.getNumResults();
  for (mlir::Type type : loss.getResultTypes())
    if (type != scalarType(loss.getContext()))
      return loss.emitError("requires results of type tensor<f32>, got ") << type;
  return mlir::success();
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
  StepBuilder(module, *loss, *options).build();
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
