#include "passes/place/chain.h"

#include <numeric>

#include "llvm/ADT/STLExtras.h"

namespace cleave {
namespace {

bool hasSplit(llvm::ArrayRef<AxisPlacement> placements) {
  return llvm::any_of(placements, [](const AxisPlacement &p) { return p.isSplit(); });
}

bool hasPartial(llvm::ArrayRef<AxisPlacement> placements) {
  return llvm::any_of(placements, [](const AxisPlacement &p) { return p.isPartial(); });
}

// The dimension of `value` that `split` splits stands in no result: the op reduces it away. Then its generic form may split.
bool reducesAway(mlir::Operation *op, const ShardingRule &rule, mlir::Value value, const AxisPlacement &split) {
  for (auto [operand, indices] : llvm::zip(op->getOperands(), rule.operandIndices()))
    if (operand == value)
      return llvm::none_of(rule.resultIndices(), [&](const auto &result) { return llvm::is_contained(result, indices[split.dim]); });
  return false;
}

}  // namespace

WeightUse weightUseOf(mlir::Operation *op, Rules &rules) {
  WeightUse use;
  if (!mlir::isa<TensorOpInterface>(op) || op->getNumOperands() < 2) return use;
  for (unsigned operand = 0; operand < 2; ++operand) {
    if (!parameterOf(op->getOperand(operand))) continue;
    for (const Strategy &strategy : rules.of(op).strategies()) {
      if (!strategy.operands[operand].isSplit()) continue;
      const bool otherIsSplit = strategy.operands[1 - operand].isSplit();
      if (otherIsSplit && hasPartial(strategy.results)) use.inputs = &strategy;
      if (!otherIsSplit && !hasPartial(strategy.results) && hasSplit(strategy.results)) use.outputs = &strategy;
    }
    use.operand = operand;
    if (use.inputs && use.outputs) return use.op = op, use;
    use = {};
  }
  return use;
}

std::optional<AxisPlacement> Chain::find(mlir::Value value) const {
  if (auto found = splits_.find(value); found != splits_.end()) return found->second;
  if (auto found = known_.find(value); found != known_.end()) return found->second;
  return std::nullopt;
}

bool Chain::mayAssign(mlir::Value value, const AxisPlacement &placement) const {
  const int64_t size = mlir::cast<mlir::RankedTensorType>(value.getType()).getDimSize(placement.dim);
  if (size % placement.unit != 0) return false;
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  return !argument || parameterOf(value);
}

void Chain::assign(mlir::Value value, const AxisPlacement &placement) {
  if (splits_.insert({value, placement}).second) open_.push_back(value);
}

// Whether `pattern` agrees with all that is known of the op's values, and in which unit.
std::optional<Chain::Candidate> Chain::fit(mlir::Operation *op, const Strategy &pattern) {
  if (!hasSplit(pattern.operands) && !hasSplit(pattern.results)) return std::nullopt;
  std::optional<int64_t> unit;
  bool needsUnit = false;
  llvm::SmallVector<mlir::Value> values(op->getOperands());
  values.append(op->result_begin(), op->result_end());
  llvm::SmallVector<AxisPlacement> wanted(pattern.operands.begin(), pattern.operands.end());
  wanted.append(pattern.results.begin(), pattern.results.end());
  for (auto [value, want] : llvm::zip(values, wanted)) {
    const auto known = find(value);
    if (!known) continue;
    if (!want.isSplit() || !known->isSplit()) {
      if (want.isPartial() ? known->isBroadcast() : want.kind == known->kind) continue;
      return std::nullopt;
    }
    if (known->dim != want.dim) return std::nullopt;
    if (known->unit % want.unit != 0) {
      if (!splits_.contains(value)) return std::nullopt;  // that one stands already
      needsUnit = true;
      neededUnit_ = std::lcm(neededUnit_, seedUnit_ * (want.unit / std::gcd(known->unit, want.unit)));
      continue;
    }
    if (unit && *unit != known->unit / want.unit) return std::nullopt;
    unit = known->unit / want.unit;
  }
  if (needsUnit || !unit) return std::nullopt;
  Candidate candidate{&pattern, *unit, 0, true};
  for (auto [operand, want] : llvm::zip(op->getOperands(), pattern.operands)) {
    if (!want.isSplit() || find(operand)) continue;
    const AxisPlacement placement = AxisPlacement::split(want.dim, want.unit * *unit);
    if (!mayAssign(operand, placement)) return std::nullopt;
    const int64_t units = mlir::cast<mlir::RankedTensorType>(operand.getType()).getDimSize(want.dim) / placement.unit;
    candidate.newSplits++;
    candidate.isEven &= units % shares_ == 0;
  }
  return candidate;
}

bool Chain::closes(mlir::Operation *op) {
  const WeightUse use = weightUseOf(op, rules_);
  if (!use.op && !llvm::is_contained(generic_, op)) return false;
  closedBy_ = op;
  return true;
}

bool Chain::adopt(mlir::Operation *op, const Candidate &candidate) {
  const Strategy strategy = instantiate(*candidate.pattern, candidate.unit, /*minor=*/false);
  for (auto [operand, placement] : llvm::zip(op->getOperands(), strategy.operands))
    if (placement.isSplit()) {
      if (!find(operand)) assign(operand, placement);
    }
  for (auto [result, placement] : llvm::zip(op->getResults(), strategy.results))
    if (placement.isSplit() && !find(result)) assign(result, placement);
  return !hasPartial(strategy.results) || closes(op);
}

// Lets `op` take what is known of its values: the strategy that splits most with it, evenly if it can.
bool Chain::apply(mlir::Operation *op) {
  if (auto pin = mlir::dyn_cast<PinOp>(op)) {
    // A pin is kept: it lets a split through only where it says the same, or nothing.
    const auto known = find(pin.getInput()), pinned = find(pin.getResult());
    if (known && pinned && *known != *pinned) return false;
  }
  std::optional<Candidate> best;
  for (const Strategy &pattern : rules_.of(op).strategies()) {
    const auto candidate = fit(op, pattern);
    if (!candidate) continue;
    const bool isBetter = !best || (candidate->isEven != best->isEven ? candidate->isEven : candidate->newSplits > best->newSplits);
    if (isBetter) best = candidate;
  }
  if (best) return adopt(op, *best);
  stuckAt_ = op;
  return false;
}

Chain::End Chain::grow(const WeightUse &seed, int64_t unit, llvm::ArrayRef<mlir::Operation *> generic) {
  generic_ = generic;
  splits_.clear();
  open_.clear();
  stuckAt_ = closedBy_ = nullptr;
  seedUnit_ = neededUnit_ = unit;
  const Strategy strategy = instantiate(*seed.outputs, unit, /*minor=*/false);
  if (!mayAssign(seed.op->getOperand(seed.operand), strategy.operands[seed.operand])) return End::Stuck;
  assign(seed.op->getResult(0), strategy.results[0]);
  auto fail = [&](mlir::Value value) {
    if (neededUnit_ != seedUnit_) return End::NeedsUnit;
    if (stuckAt_ && reducesAway(stuckAt_, rules_.of(stuckAt_), value, *find(value))) return End::NeedsGeneric;
    return End::Stuck;
  };
  for (size_t next = 0; next < open_.size(); ++next) {
    const mlir::Value value = open_[next];
    if (mlir::Operation *producer = value.getDefiningOp())
      if (!apply(producer)) return fail(value);
    if (parameterOf(value)) continue;  // other readers of a parameter are no part of the chain
    for (mlir::Operation *user : value.getUsers()) {
      const bool isUnread = user->getNumResults() > 0 && user->use_empty();
      if (phaseOf(user) != "forward" || isUnread) continue;
      if (!mlir::isa<TensorOpInterface>(user)) return stuckAt_ = nullptr, fail(value);
      if (!apply(user)) return fail(value);
    }
  }
  return closedBy_ ? End::Closed : End::Stuck;
}

}  // namespace cleave
