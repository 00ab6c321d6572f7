#include "passes/partition/chunk_strip.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "mlir/IR/Block.h"
#include "passes/cost/op_cost.h"
#include "passes/place/time_slicer.h"
#include "passes/schedule/entry_program.h"

namespace cleave {
namespace {

using mlir::Operation;
using mlir::Value;

constexpr int64_t kLeastCount = 2;
// Ops on a path from a strip to the next reduction, which joins it.
constexpr int kMostBetween = 12;

bool reduces(Operation *collective) {
  const TransferKind kind = transferOf(collective);
  return kind == TransferKind::kAllReduce || kind == TransferKind::kReduceScatter;
}

bool movesOneValue(Operation *op) { return movesBytes(op) && op->getNumOperands() == 1; }

void addInOrder(Strip &strip, Strip::Member member) {
  const auto behind = llvm::find_if(
      strip.members, [&](const Strip::Member &other) { return member.op->isBeforeInBlock(other.op); });
  strip.members.insert(behind, std::move(member));
}

// What a device that has the second of two equal shares is told of the whole.
Shard secondHalf(Value value, const AxisPlacement &mode) {
  const llvm::SmallVector<int64_t, 4> shape(mlir::cast<mlir::RankedTensorType>(value.getType()).getShape());
  Shard shard{shape, llvm::SmallVector<int64_t, 4>(shape.size(), 0), shape};
  if (!mode.isSplit()) return shard;
  shard.extent[mode.dim] /= kLeastCount;
  shard.start[mode.dim] = shard.extent[mode.dim];
  return shard;
}

// A chunk runs as an op of its own. A kernel that must know where its share lies in the whole (which row of a table
// comes first, say) would take it for the first.
bool asksForPlace(TensorOpInterface op, const Strategy &strategy) {
  LocalShards share, own;
  const auto add = [](Value value, const AxisPlacement &mode, auto &shares, auto &owns) {
    shares.push_back(secondHalf(value, mode));
    const auto &extent = shares.back().extent;
    owns.push_back({extent, llvm::SmallVector<int64_t, 4>(extent.size(), 0), extent});
  };
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands))
    add(operand, mode, share.operands, own.operands);
  for (auto [result, mode] : llvm::zip(op->getResults(), strategy.results))
    add(result, mode, share.results, own.results);
  KernelAttributes ofShare, ofOwn;
  op.localForm(share, ofShare);
  op.localForm(own, ofOwn);
  return ofShare.all() != ofOwn.all();
}

// Whether the op's attributes allow slices: a trial, outside of any program.
bool entersSlice(TensorOpInterface op, const Strategy &strategy) {
  mlir::Block scratch;
  llvm::SmallVector<Value> operands;
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands)) {
    const mlir::Type part = chunkOf(operand.getType(), mode, kLeastCount);
    if (!part) return false;
    operands.push_back(scratch.addArgument(part, operand.getLoc()));
  }
  Operation *copy = op->clone();
  scratch.push_back(copy);
  copy->setOperands(operands);
  for (auto [result, mode] : llvm::zip(copy->getResults(), strategy.results)) {
    const mlir::Type part = chunkOf(result.getType(), mode, kLeastCount);
    if (!part) return false;
    result.setType(mlir::cast<mlir::RankedTensorType>(part));
  }
  mlir::OpBuilder b(copy);
  // One that needs helpers is not worth a chunk.
  return succeeded(mlir::cast<TensorOpInterface>(copy).enterSlice(b, op)) && llvm::hasSingleElement(scratch);
}

}  // namespace

bool Strip::contains(Operation *op) const {
  return llvm::any_of(members, [&](const Member &member) { return member.op == op; });
}

std::optional<AxisPlacement> Strip::modeOf(Value value) const {
  const auto result = mlir::dyn_cast<mlir::OpResult>(value);
  for (const Member &member : members)
    if (result && member.op == result.getOwner()) return member.resultMode(result.getResultNumber());
  return std::nullopt;
}

bool Strip::isBehind(Value value) const {
  llvm::SmallVector<Operation *> open;
  llvm::SmallPtrSet<Operation *, 16> seen;
  const auto visit = [&](Value read) {
    Operation *op = read.getDefiningOp();
    if (op && !op->isBeforeInBlock(members.front().op) && seen.insert(op).second) open.push_back(op);
  };
  visit(value);
  while (!open.empty()) {
    Operation *op = open.pop_back_val();
    if (contains(op)) return true;
    for (Value operand : op->getOperands()) visit(operand);
  }
  return false;
}

bool Strip::divides(int64_t count) const {
  return llvm::all_of(members, [&](const Member &member) {
    const auto isFine = [&](Value value, const AxisPlacement &mode) {
      return bool(chunkOf(value.getType(), mode, count));
    };
    llvm::SmallVector<Value> values(member.op->getOperands());
    values.append(member.op->result_begin(), member.op->result_end());
    return llvm::all_of_zip(values, member.modes, isFine);
  });
}

mlir::RankedTensorType chunkOf(mlir::Type type, const AxisPlacement &mode, int64_t count) {
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  if (!mode.isSplit()) return tensor;
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  if (shape[mode.dim] % (count * mode.unit) != 0 || shape[mode.dim] == 0) return {};
  shape[mode.dim] /= count;
  return mlir::RankedTensorType::get(shape, tensor.getElementType(), tensor.getEncoding());
}

bool StripFinder::multiplies(Operation *op) {
  return mlir::isa<TensorOpInterface>(op) && multipliesMatrices(rules_.of(op));
}

void StripFinder::take(const Strip &strip) {
  for (const Strip::Member &member : strip.members) taken_.insert(member.op);
}

bool StripFinder::isSeed(Operation *op) {
  if (!movesOneValue(op) || taken_.contains(op)) return false;
  if (reduces(op)) {
    Operation *producer = op->getOperand(0).getDefiningOp();
    return producer && multiplies(producer);
  }
  return transferOf(op) == TransferKind::kAllGather && !parameterOf(op->getOperand(0)) &&
         llvm::any_of(op->getUsers(), [&](Operation *user) { return multiplies(user); });
}

// Why a value can't be cut; empty if it can.
std::string StripFinder::obstacleTo(Value value, const AxisPlacement &mode) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  for (auto [axis, placement] : llvm::enumerate(placementOf(value).getAxes()))
    if (placement.isSplit() && placement.dim == mode.dim) return "is split along " + mesh_.axisName(axis).str();
  if (!chunkOf(type, mode, kLeastCount))
    return "of " + std::to_string(type.getDimSize(mode.dim)) + " does not make equal chunks";
  return "";
}

// What the op reads of values that the strip makes, it must read chunk by chunk: what stands between joins the strip.
bool StripFinder::addStrategy(Strip &strip, TensorOpInterface op, const Strategy &strategy) {
  for (auto [result, mode] : llvm::zip(op->getResults(), strategy.results))
    if (!mode.isSplit() || !obstacleTo(result, mode).empty()) return false;
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands))
    if (mode.isPartial() || (mode.isSplit() && !obstacleTo(operand, mode).empty())) return false;
  if (asksForPlace(op, strategy) || !entersSlice(op, strategy)) return false;
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands)) {
    const auto inStrip = strip.modeOf(operand);
    if (inStrip && *inStrip != mode) return false;
    if (inStrip || !strip.isBehind(operand)) continue;
    const auto made = mlir::cast<mlir::OpResult>(operand);
    if (!addOp(strip, made.getOwner(), made.getResultNumber(), mode)) return false;
  }
  Strip::Member member{op, {strategy.operands.begin(), strategy.operands.end()}};
  llvm::append_range(member.modes, strategy.results);
  addInOrder(strip, std::move(member));
  return true;
}

// In the way in which its rule has `mode` for a result, or for whatever it reads from the strip.
bool StripFinder::addOp(Strip &strip, Operation *op, std::optional<unsigned> result, const AxisPlacement &mode) {
  auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
  if (!tensorOp || taken_.contains(op)) return false;
  const Strip before = strip;
  for (const Strategy &pattern : rules_.of(op).strategies()) {
    const auto fits = [&](const AxisPlacement &placement) {
      const auto instance = instanceWith(pattern, placement, mode);
      if (instance && addStrategy(strip, tensorOp, *instance)) return true;
      strip = before;
      return false;
    };
    if (result) {
      if (fits(pattern.results[*result])) return true;
      continue;
    }
    for (auto [operand, placement] : llvm::zip(op->getOperands(), pattern.operands))
      if (strip.modeOf(operand) && fits(placement)) return true;
  }
  return false;
}

std::optional<Strip> StripFinder::around(Operation *collective, unsigned dim, std::string &whyNot) {
  const AxisPlacement mode = AxisPlacement::split(dim);
  whyNot.clear();
  for (Value value : {Value(collective->getOperand(0)), Value(collective->getResult(0))})
    if (whyNot.empty()) whyNot = obstacleTo(value, mode);
  if (!whyNot.empty()) return std::nullopt;
  Strip strip;
  strip.members.push_back({collective, {mode, mode}});
  const auto refused = [&](Operation *op) {
    whyNot = "is needed whole by '" + nameOf(op) + "' with rule '" + rules_.of(op).text().str() + "'";
  };
  if (reduces(collective)) {
    const auto reduced = mlir::cast<mlir::OpResult>(collective->getOperand(0));
    if (!reduced.hasOneUse()) return whyNot = "has other readers before it is reduced", std::nullopt;
    if (addOp(strip, reduced.getOwner(), reduced.getResultNumber(), mode)) return strip;
    return refused(reduced.getOwner()), std::nullopt;
  }
  Operation *last = nullptr;
  for (Operation *reader : collective->getResult(0).getUsers()) {
    if (strip.contains(reader) || !multiplies(reader)) continue;
    last = reader;
    addOp(strip, reader, std::nullopt, mode);
  }
  if (strip.members.size() > 1) return strip;
  if (last) refused(last);
  return std::nullopt;
}

// Whatever its axes are, it does to each chunk what it does to the whole.
bool StripFinder::addCollective(Strip &strip, Operation *op, const AxisPlacement &mode) {
  if (op->getNumOperands() != 1 || taken_.contains(op)) return false;
  const Value operand = op->getOperand(0);
  if (!obstacleTo(operand, mode).empty() || !obstacleTo(op->getResult(0), mode).empty()) return false;
  const auto inStrip = strip.modeOf(operand);
  if (inStrip ? *inStrip != mode : strip.isBehind(operand)) return false;
  addInOrder(strip, {op, {mode, mode}});
  return true;
}

// Along a path of ops from a member's result to a reduction. `dead` are values from which there is none.
bool StripFinder::extend(Strip &strip, Value value, int depth, llvm::DenseSet<Value> &dead) {
  const std::optional<AxisPlacement> mode = strip.modeOf(value);
  if (depth == 0 || !mode || !dead.insert(value).second) return false;
  for (Operation *reader : value.getUsers()) {
    if (strip.contains(reader) || phaseOf(reader) != phaseOf(value.getDefiningOp())) continue;
    Strip trial = strip;
    const bool isCollective = mlir::isa<CollectiveOpInterface>(reader);
    if (isCollective ? !addCollective(trial, reader, *mode) : !addOp(trial, reader, std::nullopt, *mode)) continue;
    const bool isThere = movesOneValue(reader) && reduces(reader);
    if (!isThere && llvm::none_of(reader->getResults(),
                                  [&](Value result) { return extend(trial, result, depth - 1, dead); }))
      continue;
    strip = std::move(trial);
    return true;
  }
  return false;
}

std::optional<Strip> StripFinder::extended(const Strip &strip) {
  Strip longer = strip;
  bool isLonger = false;
  llvm::DenseSet<Value> dead;
  for (const Strip::Member &member : strip.members)
    for (Value result : member.op->getResults()) isLonger |= extend(longer, result, kMostBetween, dead);
  return isLonger ? std::optional(std::move(longer)) : std::nullopt;
}

}  // namespace cleave
