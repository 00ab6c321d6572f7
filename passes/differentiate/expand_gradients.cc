// Replaces each gradient op by its region and the ops that compute the gradients.
//
//   %y, %dx = cleave.gradient (%x) wrt [0] {       -->   %y  = cleave.sum_squares %x
//     %s = cleave.sum_squares %a                         %1  = cleave.scale %one {factor = 2.0}
//     cleave.yield %s                                    %2  = cleave.broadcast %1
//   }                                                    %dx = cleave.mul %2, %x

#include "ir/cleave.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_EXPANDGRADIENTSPASS
#include "passes/passes.h.inc"

namespace {

using mlir::Operation;
using mlir::Value;

bool isFloat(Value value) { return mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(value)); }

llvm::StringRef markOf(Operation *op, llvm::StringRef mark) {
  auto text = op->getAttrOfType<mlir::StringAttr>(mark);
  return text ? text.getValue() : llvm::StringRef();
}

void markPhase(Operation *op, llvm::StringRef phase) {
  if (!op->hasAttr(CleaveDialect::kPhase))
    op->setAttr(CleaveDialect::kPhase, mlir::StringAttr::get(op->getContext(), phase));
}

// Constants have neither name nor layer, so that equal ones become one.
void markName(Operation *op, llvm::StringRef name) {
  if (op->hasTrait<mlir::OpTrait::ConstantLike>() || op->hasAttr(CleaveDialect::kName) || name.empty()) return;
  op->setAttr(CleaveDialect::kName, mlir::StringAttr::get(op->getContext(), name));
}

void markLayer(Operation *op, LayerAttr layer) {
  if (layer && !op->hasTrait<mlir::OpTrait::ConstantLike>()) op->setAttr(CleaveDialect::kLayer, layer);
}

// Reverse mode over the region of one gradient op. Adjoint ops are appended to the region, its yield gives the
// gradients last.
class ReverseMode : mlir::OpBuilder::Listener {
 public:
  explicit ReverseMode(GradientOp gradient)
      : gradient_(gradient), block_(gradient.getBody().front()), yield_(mlir::cast<YieldOp>(block_.back())),
        isNested_(gradient->getParentOfType<GradientOp>()), b_(gradient.getContext(), this) {}

  mlir::LogicalResult run();

 private:
  // The part of a value's gradient that comes from one of its users.
  struct Term {
    Value value;
    std::string user;
    LayerAttr layer;  // the user's
  };
  struct Adjoint {
    Value sum;
    llvm::SmallVector<Term, 2> terms;
    llvm::SmallVector<Operation *, 1> partialSums;  // the last one is the sum; none for a single term
  };
  // An op that was built, and the name of the op for whose sake.
  struct Built {
    Operation *op;
    std::string user;
  };

  void notifyOperationInserted(Operation *op, mlir::OpBuilder::InsertPoint) final { fresh_.push_back(op); }

  mlir::LogicalResult checkTypes();
  void followInputs(Operation *op);
  mlir::LogicalResult visit(Operation *op);
  bool replaceByGenericForm(TensorOpInterface op);
  void addTerm(Value of, Term term);
  void nameAdjoint(Value of);
  Value gradientOf(Value input);
  void keepBuilt(const std::string &user, LayerAttr layer);
  void finishBuilt();

  GradientOp gradient_;
  mlir::Block &block_;
  YieldOp yield_;
  const bool isNested_;
  mlir::OpBuilder b_;
  llvm::DenseSet<Value> depends_;  // on an input that gradients are wanted of, through floats
  llvm::DenseMap<Value, Adjoint> adjoints_;
  std::vector<Operation *> pending_;  // forward ops, from first to last
  std::vector<Operation *> fresh_;    // built since the last call of keepBuilt
  std::vector<Built> built_;
};

mlir::LogicalResult ReverseMode::checkTypes() {
  for (int64_t input : gradient_.getWrt())
    if (!isFloat(block_.getArgument(input)))
      return gradient_.emitOpError("requires inputs of float types in 'wrt', got ")
             << block_.getArgument(input).getType();
  if (!isFloat(yield_.getValues()[0]))
    return gradient_.emitOpError("requires a float as the first value, got ") << yield_.getValues()[0].getType();
  return mlir::success();
}

mlir::LogicalResult ReverseMode::run() {
  if (failed(checkTypes())) return mlir::failure();
  for (int64_t input : gradient_.getWrt()) depends_.insert(block_.getArgument(input));
  for (Operation &op : block_.without_terminator()) {
    markPhase(&op, "forward");
    followInputs(&op);
    pending_.push_back(&op);
  }
  const Value loss = yield_.getValues()[0];
  b_.setInsertionPoint(yield_);
  if (depends_.contains(loss)) addTerm(loss, {splat(b_, loss.getLoc(), loss.getType(), 1), "", {}});
  keepBuilt("", {});
  while (!pending_.empty()) {
    Operation *op = pending_.back();
    pending_.pop_back();
    if (failed(visit(op))) return mlir::failure();
  }
  b_.setInsertionPoint(yield_);
  for (int64_t input : gradient_.getWrt()) yield_.getValuesMutable().append(gradientOf(block_.getArgument(input)));
  finishBuilt();
  return mlir::success();
}

void ReverseMode::followInputs(Operation *op) {
  if (llvm::none_of(op->getOperands(), [&](Value operand) { return depends_.contains(operand); })) return;
  for (Value result : op->getResults())
    if (isFloat(result)) depends_.insert(result);
}

// The gradients of an op's operands, once those of its results are complete.
mlir::LogicalResult ReverseMode::visit(Operation *op) {
  llvm::SmallVector<Value> dResults;
  for (Value result : op->getResults()) {
    nameAdjoint(result);
    auto adjoint = adjoints_.find(result);
    dResults.push_back(adjoint == adjoints_.end() ? Value() : adjoint->second.sum);
  }
  const bool isWanted = llvm::any_of(dResults, [](Value value) { return bool(value); }) &&
                        llvm::any_of(op->getOperands(), [&](Value operand) { return depends_.contains(operand); });
  if (!isWanted) return mlir::success();
  auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
  if (!tensorOp) return op->emitOpError("stands in a gradient's region: requires an op that can be differentiated");

  // The outer gradient would replace a fused op's gradient op by generic ops, and then, for what it sends to the fused
  // op's statistics, that one too: generic from the start, both share what they compute.
  if (isNested_ && replaceByGenericForm(tensorOp)) return mlir::success();
  b_.setInsertionPoint(yield_);
  auto gradients = tensorOp.buildGradient(b_, dResults);
  if (failed(gradients)) {
    if (replaceByGenericForm(tensorOp)) return mlir::success();
    return op->emitOpError("requires a gradient or a generic form to be differentiated, has neither (named '")
           << markOf(op, CleaveDialect::kName) << "')";
  }
  const std::string user = nameOf(op->getResult(0));
  const auto layer = op->getAttrOfType<LayerAttr>(CleaveDialect::kLayer);
  keepBuilt(user, layer);
  for (auto [operand, gradient] : llvm::zip(op->getOperands(), *gradients))
    if (gradient && depends_.contains(operand)) addTerm(operand, {gradient, user, layer});
  keepBuilt(user, layer);
  return mlir::success();
}

// Puts the generic ops in the op's place and has them visited next.
bool ReverseMode::replaceByGenericForm(TensorOpInterface op) {
  fresh_.clear();
  b_.setInsertionPoint(op);
  const llvm::SmallVector<Value> values = op.decompose(b_);
  if (values.empty()) return false;
  const auto layer = op->getAttrOfType<LayerAttr>(CleaveDialect::kLayer);
  const llvm::StringRef phase = markOf(op, CleaveDialect::kPhase), name = markOf(op, CleaveDialect::kName);
  for (Operation *part : fresh_) {
    markPhase(part, phase);
    markLayer(part, layer);
    if (part != values[0].getDefiningOp()) markName(part, (name + "." + part->getName().stripDialect()).str());
    else markName(part, name);
    followInputs(part);
    pending_.push_back(part);
  }
  fresh_.clear();
  b_.setInsertionPoint(yield_);
  for (auto [result, value] : llvm::zip(op->getResults(), values)) {
    if (auto adjoint = adjoints_.find(result); adjoint != adjoints_.end()) {
      const Value sum = adjoint->second.sum;
      adjoints_.erase(adjoint);
      addTerm(value, {sum, name.str(), layer});
    }
    depends_.erase(result);
    result.replaceAllUsesWith(value);
  }
  keepBuilt(name.str(), layer);
  op->erase();
  return true;
}

void ReverseMode::addTerm(Value of, Term term) {
  Adjoint &adjoint = adjoints_[of];
  if (adjoint.sum) {
    adjoint.sum = AddOp::create(b_, of.getLoc(), adjoint.sum, term.value);
    adjoint.partialSums.push_back(adjoint.sum.getDefiningOp());
  } else {
    adjoint.sum = term.value;
  }
  adjoint.terms.push_back(std::move(term));
}

// Names what the gradient of a value is made of, when it is complete. An op has the name of its first result. A sum
// belongs to the layer of all users of the value, or else to that of the value.
void ReverseMode::nameAdjoint(Value of) {
  auto found = adjoints_.find(of);
  if (found == adjoints_.end()) return;
  const Adjoint &adjoint = found->second;
  const std::string name = "grad(" + nameOf(of) + ")";
  LayerAttr layer = adjoint.terms[0].layer;
  if (llvm::any_of(adjoint.terms, [&](const Term &term) { return term.layer != layer; }))
    layer = of.getDefiningOp() ? of.getDefiningOp()->getAttrOfType<LayerAttr>(CleaveDialect::kLayer) : LayerAttr();
  for (Operation *sum : adjoint.partialSums) {
    sum->removeAttr(CleaveDialect::kLayer);
    markLayer(sum, layer);
    markName(sum, sum == adjoint.partialSums.back() ? name : name + "/sum");
  }
  for (const Term &term : adjoint.terms)
    if (Operation *op = term.value.getDefiningOp();
        op && term.value == op->getResult(0) && markOf(op, CleaveDialect::kPhase) == "backward")
      markName(op, adjoint.terms.size() == 1 ? name : name + "/" + term.user);
}

// Zero where the input does not matter.
Value ReverseMode::gradientOf(Value input) {
  nameAdjoint(input);
  auto adjoint = adjoints_.find(input);
  if (adjoint != adjoints_.end()) return adjoint->second.sum;
  const Value zero = splat(b_, gradient_.getLoc(), input.getType(), 0);
  keepBuilt("", {});
  return zero;
}

void ReverseMode::keepBuilt(const std::string &user, LayerAttr layer) {
  for (Operation *op : fresh_) {
    markPhase(op, "backward");
    markLayer(op, layer);
    built_.push_back({op, user});
  }
  fresh_.clear();
}

// Removes what led nowhere, and names what is no gradient of anything but a step to one.
void ReverseMode::finishBuilt() {
  for (const auto &[op, user] : llvm::reverse(built_)) {
    if (op->use_empty()) op->erase();
    else markName(op, ("grad(" + user + ")." + op->getName().stripDialect()).str());
  }
}

// The region's ops take the gradient op's place.
void inlineRegion(GradientOp gradient) {
  mlir::Block &body = gradient.getBody().front();
  for (auto [argument, input] : llvm::zip(body.getArguments(), gradient.getInputs()))
    argument.replaceAllUsesWith(input);
  auto yield = mlir::cast<YieldOp>(body.back());
  gradient->replaceAllUsesWith(yield.getValues());
  yield->erase();
  gradient->getBlock()->getOperations().splice(gradient->getIterator(), body.getOperations());
  gradient->erase();
}

struct ExpandGradientsPass : impl::ExpandGradientsPassBase<ExpandGradientsPass> {
  void runOnOperation() final {
    llvm::SmallVector<GradientOp> fromInsideOut;
    getOperation()->walk<mlir::WalkOrder::PostOrder>([&](GradientOp gradient) { fromInsideOut.push_back(gradient); });
    for (GradientOp gradient : fromInsideOut) {
      if (failed(ReverseMode(gradient).run())) return signalPassFailure();
      inlineRegion(gradient);
    }
  }
};

}  // namespace
}  // namespace cleave
