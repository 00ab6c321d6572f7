// Rules, gradients, generic and local forms of norms, attention and the loss.

#include <numeric>

#include "ir/cleave.h"

namespace cleave {
namespace {

mlir::RankedTensorType typeOf(mlir::Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }

constexpr int64_t kHeads = 2;  // dimension of queries, keys and values

// Repeats a vector along all rows of `like`.
mlir::Value alongRows(mlir::OpBuilder &b, mlir::Location loc, mlir::Value vector, mlir::Value like) {
  return BroadcastOp::create(b, loc, unplaced(like.getType()), vector, llvm::ArrayRef<int64_t>{typeOf(like).getRank() - 1});
}

mlir::Value meanOfLast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value) {
  return ReduceOp::create(b, loc, value, "mean", llvm::ArrayRef<int64_t>{typeOf(value).getRank() - 1});
}

// For each feature.
mlir::Value sumOfRows(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value) {
  llvm::SmallVector<int64_t> rows(typeOf(value).getRank() - 1);
  std::iota(rows.begin(), rows.end(), 0);
  return ReduceOp::create(b, loc, value, "sum", rows);
}

// The part of each row of `value` that lies along that of `normal`: normal mean(value normal).
mlir::Value along(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, mlir::Value normal) {
  mlir::Value share = meanOfLast(b, loc, MulOp::create(b, loc, value, normal));
  return MulOp::create(b, loc, normal, alongLast(b, loc, share, normal));
}

mlir::Value rstdOf(mlir::OpBuilder &b, mlir::Location loc, mlir::Value variance, double epsilon) {
  return RsqrtOp::create(b, loc, AddOp::create(b, loc, variance, splat(b, loc, variance.getType(), epsilon)));
}

mlir::LogicalResult verifyRate(mlir::Operation *op, const llvm::APFloat &rate) {
  const double value = rate.convertToDouble();
  if (value >= 0 && value < 1) return mlir::success();
  return op->emitOpError("requires a dropout rate of at least 0 and below 1, got ") << value;
}

// Whether a label counts, and the label, or 0 where it doesn't.
template <typename Op>
std::pair<mlir::Value, mlir::Value> labelsOf(mlir::OpBuilder &b, Op op) {
  mlir::Location loc = op.getLoc();
  mlir::Value labels = op.getLabels();
  mlir::Value ignored = splat(b, loc, labels.getType(), double(int64_t(op.getIgnoreIndex())));
  mlir::Value counts = CompareOp::create(b, loc, labels, ignored, "ne");
  return {counts, SelectOp::create(b, loc, counts, labels, splat(b, loc, labels.getType(), 0))};
}

template <typename Op>
mlir::LogicalResult verifyHeads(Op op) {
  auto query = op.getQuery().getType(), keys = op.getKeys().getType();
  const int64_t heads = query.getDimSize(kHeads), groups = keys.getDimSize(kHeads);
  if (keys != op.getValues().getType() && unplaced(keys) != unplaced(op.getValues().getType()))
    return op.emitOpError("requires keys and values of one shape, got ") << keys << " and " << op.getValues().getType();
  if (groups == 0 || heads % groups != 0)
    return op.emitOpError("requires query heads to be a multiple of key heads, got ") << heads << " and " << groups;
  if (bool(op.getQuerySegments()) != bool(op.getKeySegments()))
    return op.emitOpError("requires segments of both queries and keys or of neither");
  if (failed(verifyRate(op, op.getDropoutRate()))) return mlir::failure();
  if (!op.getDropoutRate().isZero() && !op.getKey()) return op.emitOpError("requires a key for its dropout");
  if (const int64_t window = op.getWindow(); window < 0) return op.emitOpError("requires a window of at least 0, got ") << window;
  return mlir::success();
}

}  // namespace

//===- Norms ------------------------------------------------------------------------------------===//

llvm::SmallVector<mlir::Value> decomposeLayerNorm(mlir::OpBuilder &b, LayerNormOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value x = op.getInput();
  mlir::Value mean = meanOfLast(b, loc, x);
  mlir::Value centered = SubOp::create(b, loc, x, alongLast(b, loc, mean, x));
  mlir::Value variance = meanOfLast(b, loc, MulOp::create(b, loc, centered, centered));
  mlir::Value rstd = rstdOf(b, loc, variance, op.getEpsilon().convertToDouble());
  mlir::Value normal = MulOp::create(b, loc, centered, alongLast(b, loc, rstd, x));
  mlir::Value scaled = MulOp::create(b, loc, normal, alongRows(b, loc, op.getGamma(), x));
  return {AddOp::create(b, loc, scaled, alongRows(b, loc, op.getBeta(), x)), mean, rstd};
}

llvm::SmallVector<mlir::Value> decomposeRmsNorm(mlir::OpBuilder &b, RmsNormOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value x = op.getInput();
  mlir::Value rstd = rstdOf(b, loc, meanOfLast(b, loc, MulOp::create(b, loc, x, x)), op.getEpsilon().convertToDouble());
  mlir::Value normal = MulOp::create(b, loc, x, alongLast(b, loc, rstd, x));
  return {MulOp::create(b, loc, normal, alongRows(b, loc, op.getGamma(), x)), rstd};
}

//   n = (x - mean) rstd      dx = (dy gamma - mean(dy gamma) - n mean(dy gamma n)) rstd
llvm::SmallVector<mlir::Value> decomposeLayerNormGradient(mlir::OpBuilder &b, LayerNormGradientOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value x = op.getInput(), dy = op.getDResult(), rstd = alongLast(b, loc, op.getRstd(), x);
  mlir::Value centered = SubOp::create(b, loc, x, alongLast(b, loc, op.getMean(), x));
  mlir::Value normal = MulOp::create(b, loc, centered, rstd);
  mlir::Value dNormal = MulOp::create(b, loc, dy, alongRows(b, loc, op.getGamma(), x));
  mlir::Value free = SubOp::create(b, loc, dNormal, alongLast(b, loc, meanOfLast(b, loc, dNormal), x));
  mlir::Value dInput = MulOp::create(b, loc, SubOp::create(b, loc, free, along(b, loc, dNormal, normal)), rstd);
  return {dInput, sumOfRows(b, loc, MulOp::create(b, loc, dy, normal)), sumOfRows(b, loc, dy)};
}

//   n = x rstd      dx = (dy gamma - n mean(dy gamma n)) rstd
llvm::SmallVector<mlir::Value> decomposeRmsNormGradient(mlir::OpBuilder &b, RmsNormGradientOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value x = op.getInput(), dy = op.getDResult(), rstd = alongLast(b, loc, op.getRstd(), x);
  mlir::Value normal = MulOp::create(b, loc, x, rstd);
  mlir::Value dNormal = MulOp::create(b, loc, dy, alongRows(b, loc, op.getGamma(), x));
  mlir::Value dInput = MulOp::create(b, loc, SubOp::create(b, loc, dNormal, along(b, loc, dNormal, normal)), rstd);
  return {dInput, sumOfRows(b, loc, MulOp::create(b, loc, dy, normal))};
}

//===- Attention --------------------------------------------------------------------------------===//

mlir::Type attentionStatisticsType(mlir::Type query) {
  auto type = mlir::cast<mlir::RankedTensorType>(query);
  if (type.getRank() != 4) return {};
  return mlir::RankedTensorType::get({type.getDimSize(0), type.getDimSize(kHeads), type.getDimSize(1)}, type.getElementType());
}

// Where each query head has keys of its own, heads and groups are one index.
std::string attentionRule(llvm::StringRef text, mlir::Value query, mlir::Value keys) {
  const bool isGrouped = typeOf(query).getRank() == 4 && typeOf(keys).getRank() == 4 &&
                         typeOf(query).getDimSize(kHeads) != typeOf(keys).getDimSize(kHeads);
  std::string rule;
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ' ');
  for (auto [i, word] : llvm::enumerate(words)) {
    if (i > 0) rule += ' ';
    rule += word == "g" ? (isGrouped ? "[g]" : "h") : word.str();
  }
  return rule;
}

// q splits by as many heads at once as share a key head: then keys and values split with it. (Where q splits otherwise, keys
// and values are whole; that follows from the index "h", which they lack.)
void addGroupedHeads(mlir::Operation *op, mlir::Value query, mlir::Value keys, ShardingRule &rule) {
  if (typeOf(query).getRank() != 4 || typeOf(keys).getRank() != 4) return;
  const int64_t heads = typeOf(query).getDimSize(kHeads), groups = typeOf(keys).getDimSize(kHeads);
  if (groups == 0 || heads == groups || heads % groups != 0) return;
  auto placementIn = [&](llvm::ArrayRef<std::string> indices) {
    for (auto [dim, index] : llvm::enumerate(indices)) {
      if (index == "h") return AxisPlacement::split(dim, heads / groups);
      if (index == "g") return AxisPlacement::split(dim);
    }
    return AxisPlacement::broadcast();
  };
  Strategy strategy;
  for (const auto &indices : rule.operandIndices()) strategy.operands.push_back(placementIn(indices));
  for (const auto &indices : rule.resultIndices()) strategy.results.push_back(placementIn(indices));
  rule.addStrategy(std::move(strategy));
}

Gradients attentionGradient(mlir::OpBuilder &b, AttentionOp op, mlir::Value dResult) {
  llvm::SmallVector<mlir::Type> dBias;
  if (op.getBias()) dBias.push_back(unplaced(op.getBias().getType()));
  auto d = AttentionGradientOp::create(
      b, op.getLoc(), unplaced(op.getQuery().getType()), unplaced(op.getKeys().getType()), unplaced(op.getValues().getType()),
      mlir::TypeRange(dBias), op.getQuery(), op.getKeys(), op.getValues(), op.getResult(), op.getLse(), dResult, op.getBias(),
      op.getKeyMask(), op.getQuerySegments(), op.getKeySegments(), op.getKey(), op.getCausalAttr(), op.getWindowAttr(),
      op.getScaleAttr(), op.getDropoutRateAttr(), op.getIdAttr(), op.getElementOffsetAttr());
  Gradients gradients{d.getDQuery(), d.getDKeys(), d.getDValues()};
  if (op.getBias()) gradients.push_back(d.getDBias()[0]);
  gradients.resize(op->getNumOperands());
  return gradients;
}

void setAttentionLocal(const LocalShards &local, KernelAttributes &attributes) {
  const Shard &query = local.operands[0], &keys = local.operands[1];
  attributes.set("batch_offset", query.start[0]);
  attributes.set("query_offset", query.start[1]);
  attributes.set("head_offset", query.start[kHeads]);
  attributes.set("kv_head_offset", keys.start[kHeads]);
  attributes.set("group", query.global[kHeads] / keys.global[kHeads]);
  const int64_t shape[] = {query.global[0], query.global[kHeads], query.global[1], keys.global[1]};
  attributes.set("global_shape", llvm::ArrayRef<int64_t>(shape));
}

double attentionFlops(mlir::Value query, mlir::Value keys, bool causal) {
  return 4 * elementsOf(query) * double(typeOf(keys).getDimSize(1)) * (causal ? 0.5 : 1);
}

int64_t attentionWeights(mlir::Value query, mlir::Value keys) {
  auto type = typeOf(query);
  return type.getDimSize(0) * type.getDimSize(1) * type.getDimSize(kHeads) * typeOf(keys).getDimSize(1);
}

//===- Loss -------------------------------------------------------------------------------------===//

// Generic ops that split along the classes: each statistic is one partial value of the size of the labels.
llvm::SmallVector<mlir::Value> decomposeCrossEntropy(mlir::OpBuilder &b, CrossEntropyOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value logits = op.getLogits();
  mlir::Value peak = ReduceOp::create(b, loc, logits, "max", llvm::ArrayRef<int64_t>{typeOf(logits).getRank() - 1});
  mlir::Value lse = AddOp::create(b, loc, LogOp::create(b, loc, ExpSumOp::create(b, loc, logits, peak)), peak);
  const auto [counts, safe] = labelsOf(b, op);
  mlir::Value losses = SubOp::create(b, loc, lse, GatherOp::create(b, loc, logits, safe));
  mlir::Value counted = SelectOp::create(b, loc, counts, losses, splat(b, loc, losses.getType(), 0));
  llvm::SmallVector<int64_t> all(typeOf(losses).getRank());
  std::iota(all.begin(), all.end(), 0);
  mlir::Value ones = ConvertOp::create(b, loc, unplaced(losses.getType()), counts);
  return {ReduceOp::create(b, loc, counted, "sum", all), ReduceOp::create(b, loc, ones, "sum", all), lse};
}

//   dlogits = f exp(logits - lse) - onehot(label) f, with f = dsum, or 0 where the label doesn't count
llvm::SmallVector<mlir::Value> decomposeCrossEntropyGradient(mlir::OpBuilder &b, CrossEntropyGradientOp op) {
  mlir::Location loc = op.getLoc();
  mlir::Value logits = op.getLogits(), lse = op.getLse();
  const auto [counts, safe] = labelsOf(b, op);
  mlir::Value spread = BroadcastOp::create(b, loc, unplaced(lse.getType()), op.getDSum(), llvm::ArrayRef<int64_t>{});
  mlir::Value factor = SelectOp::create(b, loc, counts, spread, splat(b, loc, lse.getType(), 0));
  mlir::Value softmax = ExpOp::create(b, loc, SubOp::create(b, loc, logits, alongLast(b, loc, lse, logits)));
  mlir::Value scaled = MulOp::create(b, loc, softmax, alongLast(b, loc, factor, logits));
  return {SubOp::create(b, loc, scaled, GatherGradientOp::create(b, loc, unplaced(logits.getType()), safe, factor))};
}

//===- Verifiers --------------------------------------------------------------------------------===//

mlir::LogicalResult DropoutOp::verify() { return verifyRate(*this, getRate()); }

mlir::LogicalResult RotaryOp::verify() {
  const int64_t rotated = 2 * getFrequencies().size(), features = getInput().getType().getDimSize(3);
  if (rotated > features) return emitOpError("requires at most ") << features / 2 << " frequencies, got " << getFrequencies().size();
  return mlir::success();
}

mlir::LogicalResult AttentionOp::verify() { return verifyHeads(*this); }

mlir::LogicalResult AttentionGradientOp::verify() {
  if (getDBias().size() != (getBias() ? 1 : 0)) return emitOpError("requires a bias gradient where there is a bias, and only there");
  return verifyHeads(*this);
}

mlir::LogicalResult SgdOp::verify() {
  if (getNewBuffer().size() != (getBuffer() ? 1 : 0))
    return emitOpError("requires a new buffer where there is a buffer, and only there");
  return mlir::success();
}

}  // namespace cleave
