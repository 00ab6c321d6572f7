#include "passes/place/time_slicer.h"

#include "llvm/ADT/STLExtras.h"
#include "passes/module_view.h"

namespace cleave {
namespace {

using mlir::Operation;
using mlir::Value;

using Modes = llvm::SmallVector<AxisPlacement, 4>;

// Instances of the rule's strategies that agree with all operands, but for whole ones of which a slice or a term is
// wanted. Those that want least come first.
std::vector<Strategy> fitting(const ShardingRule &rule, const Modes &operands) {
  std::vector<std::pair<size_t, Strategy>> found;
  for (const Strategy &pattern : rule.strategies()) {
    Strategy strategy = instantiate(pattern, 1, /*minor=*/false);
    for (auto [placement, mode] : llvm::zip(pattern.operands, operands))
      if (auto instance = instanceWith(pattern, placement, mode)) strategy = *instance;
    size_t wishes = 0;
    bool fits = true;
    for (auto [placement, mode] : llvm::zip(strategy.operands, operands)) {
      if (placement == mode) continue;
      fits &= mode.isBroadcast();
      ++wishes;
    }
    if (fits) found.emplace_back(wishes, std::move(strategy));
  }
  llvm::stable_sort(found, [](const auto &a, const auto &b) { return a.first < b.first; });
  std::vector<Strategy> strategies;
  for (auto &[wishes, strategy] : found) strategies.push_back(std::move(strategy));
  return strategies;
}

// Null if the slices can't be equal.
mlir::Type partOf(mlir::Type type, const AxisPlacement &mode, int64_t count) {
  if (!mode.isSplit()) return type;
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  if (tensor.getDimSize(mode.dim) % (count * mode.unit) != 0) return {};
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  shape[mode.dim] /= count;
  return mlir::RankedTensorType::get(shape, tensor.getElementType());
}

// Random numbers count on from slice to slice, so the slices must be consecutive parts of one value.
bool drawsRight(TensorOpInterface op, const Strategy &strategy) {
  return !drawsByRun(op) || (strategy.results[0].isSplit() && strategy.results[0].dim == 0);
}

std::string text(const Modes &modes) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::interleaveComma(modes, stream);
  return result;
}

void markName(Operation *op, const std::string &name) {
  op->setAttr(CleaveDialect::kName, mlir::StringAttr::get(op->getContext(), name));
}

}  // namespace

std::optional<Strategy> instanceWith(const Strategy &pattern, const AxisPlacement &placement,
                                     const AxisPlacement &mode) {
  if (!placement.isSplit() || !mode.isSplit() || placement.dim != mode.dim || mode.unit % placement.unit != 0)
    return std::nullopt;
  return instantiate(pattern, mode.unit / placement.unit, /*minor=*/false);
}

bool drawsByRun(TensorOpInterface op) {
  Operation *copy = op->clone();
  mlir::cast<TensorOpInterface>(copy).enterChunk(1);
  const bool isOther = copy->getAttrDictionary() != op->getAttrDictionary();
  copy->destroy();
  return isOther;
}

TimeSlicer::Slice TimeSlicer::sliceOf(Value whole) const {
  auto found = variants_.find(whole);
  return found == variants_.end() ? Slice{AxisPlacement::broadcast(), whole} : found->second.front();
}

bool TimeSlicer::isSame(Operation *op) const {
  bool isSame = true;
  op->walk([&](Operation *inner) {  // a region may read values from around it
    isSame &= llvm::all_of(inner->getOperands(), [&](Value operand) { return sliceOf(operand).mode.isBroadcast(); });
  });
  return isSame;
}

std::optional<TimeSlicer::Obstacle> TimeSlicer::write(llvm::ArrayRef<Operation *> ops) {
  own_.insert(ops.begin(), ops.end());
  for (Operation *op : ops)
    if (auto obstacle = writeOp(op)) return obstacle;
  return std::nullopt;
}

std::optional<TimeSlicer::Obstacle> TimeSlicer::writeOp(Operation *operation) {
  if (isSame(operation)) return std::nullopt;
  auto op = mlir::dyn_cast<TensorOpInterface>(operation);
  if (!op) return Obstacle{operation, "requires an op that has a rule"};
  Modes modes;
  for (Value operand : op->getOperands()) modes.push_back(sliceOf(operand).mode);
  const ShardingRule rule = op.shardingRule();
  for (const Strategy &strategy : fitting(rule, modes))
    if (Operation *copy = writeWith(op, strategy)) {
      for (auto [whole, slice, mode] : llvm::zip(op->getResults(), copy->getResults(), strategy.results))
        setInput(whole, {mode, slice});
      return std::nullopt;
    }
  return Obstacle{op, ("requires operands and attributes that its rule '" + rule.text() +
                       "' allows for slices, got operands [" + text(modes) + "] over time")
                          .str()};
}

TimeSlicer::Variants &TimeSlicer::variantsOf(Value whole) {
  return variants_.try_emplace(whole, Variants{{AxisPlacement::broadcast(), whole}}).first->second;
}

// The op for a slice, or null.
Operation *TimeSlicer::writeWith(TensorOpInterface op, const Strategy &strategy) {
  llvm::SmallVector<mlir::Type> types;
  for (auto [result, mode] : llvm::zip(op->getResults(), strategy.results)) {
    types.push_back(partOf(result.getType(), mode, count_));
    if (!types.back()) return nullptr;
  }
  if (!drawsRight(op, strategy)) return nullptr;
  llvm::SmallVector<Value> operands;
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands)) {
    operands.push_back(obtain(operand, mode, op));
    if (!operands.back()) return nullptr;
  }
  Operation *copy = op->clone();
  copy->setOperands(operands);
  for (auto [result, type] : llvm::zip(copy->getResults(), types)) result.setType(type);
  b_.insert(copy);
  Operation *before = copy->getPrevNode();
  mlir::OpBuilder b(copy);
  if (failed(mlir::cast<TensorOpInterface>(copy).enterSlice(b, op))) {
    copy->erase();
    return nullptr;
  }
  for (Operation *helper = copy->getPrevNode(); helper != before; helper = helper->getPrevNode()) {
    copyMarks(op, helper);
    markName(helper, nameOf(op) + "." + helper->getName().stripDialect().str());
    written_.push_back(helper);
  }
  written_.push_back(copy);
  return copy;
}

// What stands for `whole` in a slice, in that mode; null if there is no such thing.
Value TimeSlicer::obtain(Value whole, const AxisPlacement &mode, Operation *user) {
  const Slice natural = sliceOf(whole);
  if (natural.mode == mode) return natural.value;
  if (!natural.mode.isBroadcast()) return {};
  if (auto found = variants_.find(whole); found != variants_.end())
    for (const Slice &variant : found->second)
      if (variant.mode == mode) return variant.value;
  if (mode == AxisPlacement::partial(Combiner::Sum)) return shareOut(whole, user);
  return mode.isSplit() ? writeAgain(whole, mode) : Value();
}

Value TimeSlicer::shareOut(Value whole, Operation *user) {
  if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(whole))) return {};
  const mlir::FloatAttr share = b_.getF64FloatAttr(1.0 / double(count_));
  const Value term = ScaleOp::create(b_, user->getLoc(), sliceOf(whole).value, share);
  copyMarks(user, term.getDefiningOp());
  const std::string name = nameOf(whole);
  markName(term.getDefiningOp(), (name.empty() ? nameOf(user) : name) + ".share");
  written_.push_back(term.getDefiningOp());
  variantsOf(whole).push_back({AxisPlacement::partial(Combiner::Sum), term});
  return term;
}

// Writes what makes a value that is the same each time once more, so that it makes slices.
Value TimeSlicer::writeAgain(Value whole, const AxisPlacement &mode) {
  auto op = whole.getDefiningOp<TensorOpInterface>();
  if (!op || (!own_.contains(op) && op->getNumOperands() > 0)) return {};
  const unsigned number = mlir::cast<mlir::OpResult>(whole).getResultNumber();
  const ShardingRule rule = op.shardingRule();
  for (const Strategy &pattern : rule.strategies()) {
    const auto strategy = instanceWith(pattern, pattern.results[number], mode);
    if (!strategy || strategy->results[number] != mode) continue;
    Operation *copy = writeWith(op, *strategy);
    if (!copy) continue;
    for (auto [result, slice, resultMode] : llvm::zip(op->getResults(), copy->getResults(), strategy->results))
      variantsOf(result).push_back({resultMode, slice});
    return copy->getResult(number);
  }
  return {};
}

void TimeSlicer::eraseUnused() {
  for (Operation *op : llvm::reverse(written_))
    if (op->use_empty()) op->erase();
}

}  // namespace cleave
