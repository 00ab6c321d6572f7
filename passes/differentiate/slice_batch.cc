#include "passes/differentiate/slice_batch.h"

#include "llvm/ADT/STLExtras.h"

namespace cleave {
namespace {

using mlir::Operation;
using mlir::Value;

using Modes = llvm::SmallVector<AxisPlacement, 4>;

// The instance of a pattern in which one of its placements becomes `mode`; none if it can't.
std::optional<Strategy> instanceWith(const Strategy &pattern, const AxisPlacement &placement,
                                     const AxisPlacement &mode) {
  if (!placement.isSplit() || !mode.isSplit() || placement.dim != mode.dim || mode.unit % placement.unit != 0)
    return std::nullopt;
  return instantiate(pattern, mode.unit / placement.unit, /*minor=*/false);
}

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
mlir::Type sliceOf(mlir::Type type, const AxisPlacement &mode, int64_t count) {
  if (!mode.isSplit()) return type;
  auto tensor = mlir::cast<mlir::RankedTensorType>(type);
  if (tensor.getDimSize(mode.dim) % (count * mode.unit) != 0) return {};
  llvm::SmallVector<int64_t> shape(tensor.getShape());
  shape[mode.dim] /= count;
  return mlir::RankedTensorType::get(shape, tensor.getElementType());
}

// Random numbers count on from slice to slice, so the slices must be consecutive parts of one value.
bool drawsRight(TensorOpInterface op, const Strategy &strategy) {
  Operation *copy = op->clone();
  mlir::cast<TensorOpInterface>(copy).enterChunk(1);
  const bool isRandom = copy->getAttrDictionary() != op->getAttrDictionary();
  copy->destroy();
  return !isRandom || (strategy.results[0].isSplit() && strategy.results[0].dim == 0);
}

std::string text(const Modes &modes) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::interleaveComma(modes, stream);
  return result;
}

}  // namespace

Value BatchSlicer::find(Value whole, const AxisPlacement &mode) {
  for (const Variant &variant : variants_[whole])
    if (variant.mode == mode) return variant.value;
  return {};
}

mlir::LogicalResult BatchSlicer::write(mlir::Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(writeOp(&op))) return mlir::failure();
  return mlir::success();
}

mlir::LogicalResult BatchSlicer::writeOp(Operation *operation) {
  auto op = mlir::dyn_cast<TensorOpInterface>(operation);
  if (!op) return operation->emitOpError("can't run on microbatches: requires an op that has a rule");
  Modes modes;
  for (Value operand : op->getOperands()) modes.push_back(variants_[operand][0].mode);
  const ShardingRule rule = op.shardingRule();
  for (const Strategy &strategy : fitting(rule, modes))
    if (writeWith(op, strategy)) return mlir::success();
  return op->emitOpError("can't run on microbatches: requires operands and attributes that its rule '")
         << rule.text() << "' allows for slices, got operands [" << text(modes) << "] over time";
}

bool BatchSlicer::writeWith(TensorOpInterface op, const Strategy &strategy) {
  llvm::SmallVector<mlir::Type> types;
  for (auto [result, mode] : llvm::zip(op->getResults(), strategy.results)) {
    types.push_back(sliceOf(result.getType(), mode, count_));
    if (!types.back()) return false;
  }
  if (!drawsRight(op, strategy)) return false;
  llvm::SmallVector<Value> operands;
  for (auto [operand, mode] : llvm::zip(op->getOperands(), strategy.operands)) {
    operands.push_back(obtain(operand, mode));
    if (!operands.back()) return false;
  }
  Operation *copy = b_.clone(*op);
  copy->setOperands(operands);
  for (auto [result, type] : llvm::zip(copy->getResults(), types)) result.setType(type);
  mlir::OpBuilder before(copy);
  if (failed(mlir::cast<TensorOpInterface>(copy).enterSlice(before, op))) {
    copy->erase();
    return false;
  }
  written_.push_back(copy);
  for (auto [whole, slice, mode] : llvm::zip(op->getResults(), copy->getResults(), strategy.results))
    variants_[whole].push_back({mode, slice});
  return true;
}

Value BatchSlicer::obtain(Value whole, const AxisPlacement &mode) {
  if (Value known = find(whole, mode)) return known;
  const Variant natural = variants_[whole][0];
  if (!natural.mode.isBroadcast()) return {};
  if (mode == AxisPlacement::partial(Combiner::Sum) && mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(whole))) {
    const Value term = ScaleOp::create(b_, whole.getLoc(), natural.value, b_.getF64FloatAttr(1.0 / double(count_)));
    if (Operation *maker = whole.getDefiningOp()) copyMarks(maker, term.getDefiningOp());
    variants_[whole].push_back({mode, term});
    return term;
  }
  auto op = whole.getDefiningOp<TensorOpInterface>();
  if (!op || !mode.isSplit()) return {};
  const unsigned number = mlir::cast<mlir::OpResult>(whole).getResultNumber();
  const ShardingRule rule = op.shardingRule();
  for (const Strategy &pattern : rule.strategies()) {
    const auto strategy = instanceWith(pattern, pattern.results[number], mode);
    if (strategy && strategy->results[number] == mode && writeWith(op, *strategy)) return find(whole, mode);
  }
  return {};
}

void BatchSlicer::eraseUnused() {
  for (Operation *op : llvm::reverse(written_))
    if (op->use_empty()) op->erase();
}

}  // namespace cleave
