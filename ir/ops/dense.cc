// Types and gradients of matrix products and tables.

#include "ir/cleave.h"
#include "mlir/IR/PatternMatch.h"

namespace cleave {
namespace {

// A table's gradients from look-ups and from elsewhere need one table, not two.
//
//   %e = cleave.embedding_gradient %ids, %dx       -->   %s = cleave.embedding_gradient %ids, %dx, %t
//   %s = cleave.add %t, %e
struct AccumulateIntoTable : mlir::OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult matchAndRewrite(AddOp add, mlir::PatternRewriter &rewriter) const final {
    if (placementOf(add.getResult())) return mlir::failure();
    for (const bool isSecond : {true, false}) {
      mlir::Value term = isSecond ? add.getRhs() : add.getLhs(), other = isSecond ? add.getLhs() : add.getRhs();
      auto rows = term.getDefiningOp<EmbeddingGradientOp>();
      if (!rows || rows.getAccumulator() || !term.hasOneUse()) continue;
      auto sum = EmbeddingGradientOp::create(rewriter, rows.getLoc(), add.getType(), rows.getIds(), rows.getDResult(), other,
                                             rows.getPaddingIndexAttr(), rows.getOptionalAttr());
      copyMarks(add, sum);
      rewriter.replaceOp(add, sum.getDTable());
      rewriter.eraseOp(rows);
      return mlir::success();
    }
    return mlir::failure();
  }
};

// A weight's gradients are summed by the product that makes the later one.
//
//   %b = cleave.outer %x, %dy     -->   %s = cleave.outer %x, %dy, %a
//   %s = cleave.add %a, %b
struct AccumulateProducts : mlir::OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  mlir::LogicalResult matchAndRewrite(AddOp add, mlir::PatternRewriter &rewriter) const final {
    auto product = add.getRhs().getDefiningOp<OuterOp>();
    if (placementOf(add.getResult()) || !product || product.getAccumulator() || !product.getResult().hasOneUse())
      return mlir::failure();
    auto sum = OuterOp::create(rewriter, product.getLoc(), add.getType(), product.getLhs(), product.getRhs(),
                               add.getLhs());
    copyMarks(add, sum);
    rewriter.replaceOp(add, sum.getResult());
    rewriter.eraseOp(product);
    return mlir::success();
  }
};

mlir::RankedTensorType rankedType(mlir::Type type) { return mlir::cast<mlir::RankedTensorType>(type); }

mlir::Value swapLastTwo(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value) {
  llvm::SmallVector<int64_t> permutation;
  const int64_t rank = rankedType(value.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim) permutation.push_back(dim);
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  return TransposeOp::create(b, loc, value, permutation);
}

mlir::Value product(mlir::OpBuilder &b, mlir::Location loc, mlir::Value lhs, bool transposeLhs, mlir::Value rhs,
                    bool transposeRhs) {
  return MatmulOp::create(b, loc, lhs, rhs, /*bias=*/mlir::Value(), transposeLhs, transposeRhs);
}

}  // namespace

mlir::Type matmulType(mlir::Type lhs, mlir::Type rhs, bool transposeLhs, bool transposeRhs) {
  auto a = rankedType(lhs), b = rankedType(rhs);
  if (a.getRank() < 2 || b.getRank() < 2) return {};
  llvm::SmallVector<int64_t> shape(a.getShape());
  shape[shape.size() - 2] = a.getDimSize(a.getRank() - (transposeLhs ? 1 : 2));
  shape[shape.size() - 1] = b.getDimSize(b.getRank() - (transposeRhs ? 2 : 1));
  return mlir::RankedTensorType::get(shape, a.getElementType());
}

mlir::Type outerType(mlir::Type lhs, mlir::Type rhs) {
  auto a = rankedType(lhs), b = rankedType(rhs);
  if (a.getRank() < 2 || b.getRank() < 2) return {};
  return mlir::RankedTensorType::get({a.getShape().back(), b.getShape().back()}, a.getElementType());
}

mlir::Type embeddingType(mlir::Type table, mlir::Type ids) {
  auto rows = rankedType(table);
  if (rows.getRank() != 2) return {};
  llvm::SmallVector<int64_t> shape(rankedType(ids).getShape());
  shape.push_back(rows.getDimSize(1));
  return mlir::RankedTensorType::get(shape, rows.getElementType());
}

//   y = x w      dx = dy w^T     dw = x^T dy, summed over x's batch dimensions where w has none
Gradients matmulGradient(mlir::OpBuilder &b, MatmulOp op, mlir::Value dResult) {
  mlir::Location loc = op.getLoc();
  mlir::Value lhs = op.getLhs(), rhs = op.getRhs();
  const bool tl = op.getTransposeLhs(), tr = op.getTransposeRhs();
  const int64_t lhsRank = op.getLhs().getType().getRank(), rhsRank = op.getRhs().getType().getRank();
  const bool isShared = rhsRank < lhsRank;

  mlir::Value dLhs, dRhs;
  if (!tl) dLhs = product(b, loc, dResult, false, rhs, !tr);
  else if (isShared) dLhs = swapLastTwo(b, loc, product(b, loc, dResult, false, rhs, !tr));
  else dLhs = product(b, loc, rhs, tr, dResult, true);

  if (isShared || (lhsRank == 2 && !tl)) {
    mlir::Value rows = tl ? swapLastTwo(b, loc, lhs) : lhs;
    dRhs = tr ? OuterOp::create(b, loc, dResult, rows, /*accumulator=*/mlir::Value())
              : OuterOp::create(b, loc, rows, dResult, /*accumulator=*/mlir::Value());
  } else {
    dRhs = tr ? product(b, loc, dResult, true, lhs, tl) : product(b, loc, lhs, !tl, dResult, false);
  }
  Gradients gradients{dLhs, dRhs};
  if (op.getBias()) {
    llvm::SmallVector<int64_t> rows;
    for (int64_t dim = 0; dim + 1 < op.getType().getRank(); ++dim) rows.push_back(dim);
    gradients.push_back(ReduceOp::create(b, loc, dResult, "sum", rows));
  }
  return gradients;
}

// Rows that went nowhere get nothing.
mlir::Value lookUpGradient(mlir::OpBuilder &b, EmbeddingGradientOp op, mlir::Value dTable) {
  mlir::Location loc = op.getLoc();
  mlir::Value rows = EmbeddingOp::create(b, loc, dTable, op.getIds(), op.getPaddingIndexAttr(), op.getOptionalAttr());
  const int64_t paddingIndex = op.getPaddingIndex();
  if (paddingIndex < 0) return rows;
  mlir::Value padding = splat(b, loc, op.getIds().getType(), double(paddingIndex));
  mlir::Value isPadding = alongLast(b, loc, CompareOp::create(b, loc, op.getIds(), padding, "eq"), rows);
  return SelectOp::create(b, loc, isPadding, splat(b, loc, rows.getType(), 0), rows);
}

void AddOp::getCanonicalizationPatterns(mlir::RewritePatternSet &patterns, mlir::MLIRContext *context) {
  patterns.add<AccumulateIntoTable>(context, /*benefit=*/2);
  patterns.add<AccumulateProducts>(context);
}

mlir::LogicalResult MatmulOp::verify() {
  const int64_t lhs = getLhs().getType().getRank(), rhs = getRhs().getType().getRank();
  if (rhs != 2 && rhs != lhs)
    return emitOpError("requires a right-hand side of rank 2 or of the left-hand side's rank ") << lhs << ", got " << rhs;
  return mlir::success();
}

}  // namespace cleave
