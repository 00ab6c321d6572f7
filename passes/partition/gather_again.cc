// Gathers a parameter where it is read, and anew where it is read again much later, so that the whole one does not wait
// in memory.
//
//   %w1 = all_gather %w  ...  %y = matmul %x, %w1  ...  %dx = matmul %dy, %w1
//   -->    ...  %w1 = all_gather %w  %y = matmul %x, %w1  ...  %w2 = all_gather %w  %dx = matmul %dy, %w2

#include "llvm/ADT/MapVector.h"
#include "mlir/IR/IRMapping.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_GATHERAGAINPASS
#include "passes/passes.h.inc"

namespace {

// Ops that read a parameter at about the same time: those of one phase and one layer.
using Place = std::pair<mlir::StringRef, mlir::Attribute>;

Place placeOf(mlir::Operation *op) { return {phaseOf(op), op->getAttr(CleaveDialect::kLayer)}; }

// The gather, and the views that alone read it.
llvm::SmallVector<mlir::Operation *, 2> gatherAndViews(AllGatherOp gather) {
  llvm::SmallVector<mlir::Operation *, 2> ops = {gather};
  while (ops.back()->hasOneUse()) {
    auto view = mlir::dyn_cast<TensorOpInterface>(*ops.back()->user_begin());
    if (!view || !view.kernelName().empty()) break;
    ops.push_back(view);
  }
  return ops;
}

void gatherAgain(AllGatherOp gather) {
  const llvm::SmallVector<mlir::Operation *, 2> ops = gatherAndViews(gather);
  llvm::MapVector<Place, llvm::SmallVector<mlir::OpOperand *, 2>> uses;
  for (mlir::OpOperand &use : ops.back()->getUses()) uses[placeOf(use.getOwner())].push_back(&use);
  llvm::SmallVector<std::pair<Place, llvm::SmallVector<mlir::OpOperand *, 2>>> groups = uses.takeVector();
  const auto firstOf = [](const auto &group) {
    return *llvm::min_element(group.second, [](mlir::OpOperand *a, mlir::OpOperand *b) {
      return a->getOwner()->isBeforeInBlock(b->getOwner());
    });
  };
  llvm::stable_sort(groups, [&](const auto &a, const auto &b) {
    return firstOf(a)->getOwner()->isBeforeInBlock(firstOf(b)->getOwner());
  });
  for (mlir::Operation *op : ops)
    if (!groups.empty()) op->moveBefore(firstOf(groups[0])->getOwner());
  for (size_t g = 1; g < groups.size(); ++g) {
    mlir::Operation *reader = firstOf(groups[g])->getOwner();
    mlir::OpBuilder b(reader);
    mlir::IRMapping map;
    mlir::Operation *last = nullptr;
    for (mlir::Operation *op : ops) {
      last = b.clone(*op, map);
      last->setAttr(CleaveDialect::kName, b.getStringAttr(nameOf(op) + ".again." + std::to_string(g)));
      last->setAttr(CleaveDialect::kPhase, b.getStringAttr(phaseOf(reader)));
      if (mlir::Attribute layer = groups[g].first.second) last->setAttr(CleaveDialect::kLayer, layer);
    }
    for (mlir::OpOperand *use : groups[g].second) use->set(last->getResult(0));
  }
}

struct GatherAgainPass : impl::GatherAgainPassBase<GatherAgainPass> {
  void runOnOperation() final {
    llvm::SmallVector<AllGatherOp> gathers;
    getOperation()->walk([&](AllGatherOp gather) {
      if (parameterOf(gather.getInput())) gathers.push_back(gather);
    });
    for (AllGatherOp gather : gathers) gatherAgain(gather);
  }
};

}  // namespace
}  // namespace cleave
