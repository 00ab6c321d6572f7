// Generic forms of attention and of its gradient: the weights of all queries and keys at once.
//
//   weights = exp(scale q k^T + bias - lse), 0 where a query does not see a key      result = dropout(weights) v

#include <cmath>

#include "ir/cleave.h"

namespace cleave {
namespace {

using mlir::Value;

// Dimensions of scores.
constexpr int64_t kBatch = 0, kHeads = 1, kQueries = 2, kKeys = 3;

mlir::RankedTensorType typeOf(Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }

// What attention and its gradient have in common. Values are held by heads, [batch, heads, positions, features]; scores
// and weights are [batch, heads, queries, keys].
template <typename Op>
class GenericAttention {
 public:
  GenericAttention(mlir::OpBuilder &b, Op op)
      : b_(b),
        loc_(op.getLoc()),
        op_(op),
        group_(op.getQuery().getType().getDimSize(2) / op.getKeys().getType().getDimSize(2)),
        query_(swapped(op.getQuery())),
        keys_(ofEachHead(op.getKeys())),
        values_(ofEachHead(op.getValues())),
        scores_(buildScores()),
        isSeen_(buildMask()) {}

  Value query() const { return query_; }
  Value keys() const { return keys_; }
  Value values() const { return values_; }

  // From positions before heads to heads before positions, and back.
  Value swapped(Value value) { return TransposeOp::create(b_, loc_, value, llvm::ArrayRef<int64_t>{0, 2, 1, 3}); }

  Value product(Value lhs, bool transposeLhs, Value rhs, bool transposeRhs) {
    return MatmulOp::create(b_, loc_, lhs, rhs, /*bias=*/Value(), transposeLhs, transposeRhs);
  }

  // The logarithm of each softmax's denominator; where a query sees nothing, a number that means nothing.
  Value logSumExp() {
    const Value seen = orLowest(scores_);
    peak_ = ReduceOp::create(b_, loc_, seen, "max", llvm::ArrayRef<int64_t>{kKeys});
    return AddOp::create(b_, loc_, LogOp::create(b_, loc_, ExpSumOp::create(b_, loc_, seen, peak_)), peak_);
  }

  // The result of logSumExp, with minus infinity where a query sees nothing.
  Value orNothing(Value lse) {
    if (!isSeen_) return lse;
    const Value seesAny = CompareOp::create(b_, loc_, peak_, splat(b_, loc_, peak_.getType(), lowest()), "gt");
    return SelectOp::create(b_, loc_, seesAny, lse, splat(b_, loc_, lse.getType(), -HUGE_VAL));
  }

  // What a key weighs before dropout.
  Value weights(Value lse) {
    return ExpOp::create(b_, loc_, orLowest(SubOp::create(b_, loc_, scores_, ofEachKey(lse))));
  }

  Value dropped(Value weights) {
    if (op_.getDropoutRate().isZero()) return weights;
    return DropoutOp::create(b_, loc_, weights, op_.getKey(), op_.getDropoutRateAttr(), op_.getIdAttr(),
                             op_.getElementOffsetAttr());
  }

  // A number for each query of a head, repeated for its keys.
  Value ofEachKey(Value rows) { return spread(rows, scores_.getType(), {kBatch, kHeads, kQueries}); }

  // The sum over the heads that share a key head, positions before heads.
  Value ofEachGroup(Value value) {
    if (group_ > 1) {
      value = ReshapeOp::create(b_, loc_, groupedType(typeOf(value)), value);
      value = ReduceOp::create(b_, loc_, value, "sum", llvm::ArrayRef<int64_t>{2});
    }
    return swapped(value);
  }

 private:
  // Repeated along the other dimensions of a value of the shape of `like`.
  Value spread(Value value, mlir::Type like, llvm::ArrayRef<int64_t> dimensions) {
    return BroadcastOp::create(b_, loc_, withElement(like, typeOf(value).getElementType()), value, dimensions);
  }

  // [batch, heads, ...] with heads as [key heads, heads that share one].
  mlir::RankedTensorType groupedType(mlir::RankedTensorType byHeads) {
    llvm::SmallVector<int64_t> shape(byHeads.getShape());
    shape[1] /= group_;
    shape.insert(shape.begin() + 2, group_);
    return mlir::RankedTensorType::get(shape, byHeads.getElementType());
  }

  // Keys or values, those of a key head once for each head that shares it.
  Value ofEachHead(Value value) {
    value = swapped(value);
    if (group_ == 1) return value;
    llvm::SmallVector<int64_t> shape(typeOf(value).getShape());
    shape[1] *= group_;
    const auto byHeads = mlir::RankedTensorType::get(shape, typeOf(value).getElementType());
    return ReshapeOp::create(b_, loc_, byHeads, spread(value, groupedType(byHeads), {0, 1, 3, 4}));
  }

  Value buildScores() {
    const Value scaled = ScaleOp::create(b_, loc_, product(query_, false, keys_, true), op_.getScaleAttr());
    if (!op_.getBias()) return scaled;
    return AddOp::create(b_, loc_, scaled, spread(op_.getBias(), scaled.getType(), {kHeads, kQueries, kKeys}));
  }

  // Whether a key's position compares so with the query's, moved by `offset`; the last query stands at the last key.
  Value comparePositions(int64_t offset, llvm::StringRef direction) {
    const auto scores = typeOf(scores_);
    const int64_t queries = scores.getDimSize(kQueries), keys = scores.getDimSize(kKeys);
    const auto type = mlir::RankedTensorType::get({queries, keys}, b_.getI32Type());
    const Value moved = splat(b_, loc_, type, double(keys - queries + offset));
    const Value query = AddOp::create(b_, loc_, IotaOp::create(b_, loc_, type, 0), moved);
    return CompareOp::create(b_, loc_, IotaOp::create(b_, loc_, type, 1), query, direction);
  }

  Value compareSegments() {
    const auto scores = typeOf(scores_);
    Value queries = op_.getQuerySegments(), keys = op_.getKeySegments();
    if (typeOf(queries).getElementType() != typeOf(keys).getElementType()) {
      queries = ConvertOp::create(b_, loc_, withElement(queries.getType(), b_.getI64Type()), queries);
      keys = ConvertOp::create(b_, loc_, withElement(keys.getType(), b_.getI64Type()), keys);
    }
    const auto type = mlir::RankedTensorType::get(
        {scores.getDimSize(kBatch), scores.getDimSize(kQueries), scores.getDimSize(kKeys)}, scores.getElementType());
    queries = spread(queries, type, {0, 1});
    keys = spread(keys, type, {0, 2});
    return CompareOp::create(b_, loc_, queries, keys, "eq");
  }

  // True where a query sees a key; null where each sees all.
  Value buildMask() {
    Value mask;
    auto require = [&](Value condition, llvm::ArrayRef<int64_t> dimensions) {
      condition = spread(condition, scores_.getType(), dimensions);
      mask = mask ? LogicalAndOp::create(b_, loc_, mask, condition).getResult() : condition;
    };
    if (op_.getCausal()) require(comparePositions(0, "le"), {kQueries, kKeys});
    if (const int64_t window = op_.getWindow()) require(comparePositions(-window, "gt"), {kQueries, kKeys});
    if (Value keyMask = op_.getKeyMask()) {
      const Value zero = splat(b_, loc_, keyMask.getType(), 0);
      require(CompareOp::create(b_, loc_, keyMask, zero, "ne"), {kBatch, kKeys});
    }
    if (op_.getQuerySegments()) require(compareSegments(), {kBatch, kQueries, kKeys});
    return mask;
  }

  // The lowest finite number: an infinite one would make a row that sees nothing, and its gradient, not a number.
  double lowest() {
    const auto type = mlir::cast<mlir::FloatType>(typeOf(scores_).getElementType());
    return llvm::APFloat::getLargest(type.getFloatSemantics(), /*Negative=*/true).convertToDouble();
  }

  Value orLowest(Value scores) {
    if (!isSeen_) return scores;
    return SelectOp::create(b_, loc_, isSeen_, scores, splat(b_, loc_, scores.getType(), lowest()));
  }

  mlir::OpBuilder &b_;
  mlir::Location loc_;
  Op op_;
  int64_t group_;  // heads that share a key head
  Value query_, keys_, values_, scores_, isSeen_, peak_;
};

}  // namespace

llvm::SmallVector<Value> decomposeAttention(mlir::OpBuilder &b, AttentionOp op) {
  GenericAttention<AttentionOp> attention(b, op);
  const Value lse = attention.logSumExp();
  const Value weights = attention.dropped(attention.weights(lse));
  const Value result = attention.swapped(attention.product(weights, false, attention.values(), false));
  return {result, attention.orNothing(lse)};
}

// With w the weights, dw their gradient, and d the sum of w dw over keys (that of result dresult over features):
//   dscores = w (dw - d)
llvm::SmallVector<Value> decomposeAttentionGradient(mlir::OpBuilder &b, AttentionGradientOp op) {
  mlir::Location loc = op.getLoc();
  GenericAttention<AttentionGradientOp> attention(b, op);
  const Value weights = attention.weights(op.getLse()), dResult = attention.swapped(op.getDResult());
  const Value dWeights = attention.dropped(attention.product(dResult, false, attention.values(), true));
  const Value products = MulOp::create(b, loc, op.getResult(), op.getDResult());
  const Value sums = ReduceOp::create(b, loc, products, "sum", llvm::ArrayRef<int64_t>{3});
  const Value rows = TransposeOp::create(b, loc, sums, llvm::ArrayRef<int64_t>{0, 2, 1});
  const Value dScores =
      MulOp::create(b, loc, weights, SubOp::create(b, loc, dWeights, attention.ofEachKey(rows)));
  const Value dProduct = ScaleOp::create(b, loc, dScores, op.getScaleAttr());
  const Value dQuery = attention.product(dProduct, false, attention.keys(), false);
  const Value dKeys = attention.product(dProduct, true, attention.query(), false);
  const Value dValues = attention.product(attention.dropped(weights), true, dResult, false);
  llvm::SmallVector<Value> gradients{attention.swapped(dQuery), attention.ofEachGroup(dKeys),
                                     attention.ofEachGroup(dValues)};
  if (op.getBias()) gradients.push_back(ReduceOp::create(b, loc, dScores, "sum", llvm::ArrayRef<int64_t>{kBatch}));
  return gradients;
}

}  // namespace cleave
