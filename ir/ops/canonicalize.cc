// What canonicalization drops and joins: ops that give their operand back, and runs of ops that are one. Placed values keep
// their types to the letter, so that no placement ever changes here.

#include "ir/cleave.h"
#include "mlir/IR/PatternMatch.h"

namespace cleave {
namespace {

// The operand, if the result has just its type (shape, element type and placement).
template <typename Op>
mlir::OpFoldResult operandOf(Op op) {
  return op->getOperand(0).getType() == op->getResult(0).getType() ? op->getOperand(0) : mlir::Value();
}

bool isZero(llvm::ArrayRef<int64_t> values) {
  return llvm::all_of(values, [](int64_t value) { return value == 0; });
}

// The op that made the operand, if it is of the same kind and carries no placement.
template <typename Op>
Op innerOf(Op op) {
  auto inner = op.getInput().template getDefiningOp<Op>();
  return inner && !placementOf(op.getResult()) && !placementOf(inner.getInput()) ? inner : Op();
}

}  // namespace

//===- Elementwise ------------------------------------------------------------------------------===//

mlir::OpFoldResult AddNOp::fold(FoldAdaptor) { return getTerms().size() == 1 ? operandOf(*this) : mlir::OpFoldResult(); }

mlir::OpFoldResult NegOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<NegOp>();
  return inner && inner.getInput().getType() == getType() ? inner.getInput() : mlir::Value();
}

mlir::OpFoldResult LogicalNotOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<LogicalNotOp>();
  return inner && inner.getInput().getType() == getType() ? inner.getInput() : mlir::Value();
}

mlir::OpFoldResult ScaleOp::fold(FoldAdaptor) {
  return getFactor().convertToDouble() == 1 ? operandOf(*this) : mlir::OpFoldResult();
}

mlir::OpFoldResult DropoutOp::fold(FoldAdaptor) {
  return getRate().convertToDouble() == 0 ? operandOf(*this) : mlir::OpFoldResult();
}

mlir::OpFoldResult SelectOp::fold(FoldAdaptor) {
  return getOnTrue() == getOnFalse() && getOnTrue().getType() == getType() ? getOnTrue() : mlir::Value();
}

mlir::OpFoldResult ConvertOp::fold(FoldAdaptor) { return operandOf(*this); }

//===- Shape ------------------------------------------------------------------------------------===//

mlir::OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

mlir::OpFoldResult BroadcastOp::fold(FoldAdaptor) { return operandOf(*this); }

mlir::OpFoldResult SliceOp::fold(FoldAdaptor) { return operandOf(*this); }

mlir::OpFoldResult PadOp::fold(FoldAdaptor) {
  return isZero(getLow()) && isZero(getHigh()) ? operandOf(*this) : mlir::OpFoldResult();
}

mlir::OpFoldResult ConcatOp::fold(FoldAdaptor) { return getInputs().size() == 1 ? operandOf(*this) : mlir::OpFoldResult(); }

mlir::OpFoldResult ReduceOp::fold(FoldAdaptor) {
  return getDimensions().empty() ? operandOf(*this) : mlir::OpFoldResult();
}

mlir::OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getType()) return getInput();
  auto inner = getInput().getDefiningOp<ReshapeOp>();
  return inner && inner.getInput().getType() == getType() ? inner.getInput() : mlir::Value();
}

mlir::LogicalResult ReshapeOp::canonicalize(ReshapeOp op, mlir::PatternRewriter &rewriter) {
  ReshapeOp inner = innerOf(op);
  if (!inner) return mlir::failure();
  rewriter.modifyOpInPlace(op, [&] { op.getInputMutable().assign(inner.getInput()); });
  return mlir::success();
}

mlir::OpFoldResult TransposeOp::fold(FoldAdaptor) {
  for (auto [to, from] : llvm::enumerate(getPermutation()))
    if (int64_t(to) != from) return {};
  return operandOf(*this);
}

mlir::LogicalResult TransposeOp::canonicalize(TransposeOp op, mlir::PatternRewriter &rewriter) {
  TransposeOp inner = innerOf(op);
  if (!inner) return mlir::failure();
  llvm::SmallVector<int64_t> joined;
  for (int64_t from : op.getPermutation()) joined.push_back(inner.getPermutation()[from]);
  rewriter.modifyOpInPlace(op, [&] {
    op.getInputMutable().assign(inner.getInput());
    op.setPermutation(joined);
  });
  return mlir::success();
}

//===- Placement --------------------------------------------------------------------------------===//

mlir::OpFoldResult ReshardOp::fold(FoldAdaptor) { return operandOf(*this); }

}  // namespace cleave
