// Splits every collective that moves bytes into its start, where it stands, and a wait in front of the first op that
// reads what it brings.
//
//   y = all_reduce x; z = exp x; w = add z, y     -->     t = all_reduce x; z = exp x; y = wait t; w = add z, y
//
// Starts run on a stream of their own. Where nothing may be hidden (--overlap none) collectives stay whole, and hold
// the stream that computes.

#include "passes/passes.h"
#include "passes/schedule/entry_program.h"

namespace cleave {
#define GEN_PASS_DEF_SPLITCOLLECTIVESPASS
#include "passes/passes.h.inc"

namespace {

// The first op of the block that reads a result of `start`; null if nobody does.
mlir::Operation *firstReader(mlir::Operation *start) {
  mlir::Operation *first = nullptr;
  for (mlir::Operation *user : start->getUsers())
    if (!first || user->isBeforeInBlock(first)) first = user;
  return first;
}

bool isAwaited(mlir::Operation *start) {
  return llvm::any_of(start->getUsers(), [](mlir::Operation *user) { return mlir::isa<WaitOp>(user); });
}

void addWait(mlir::Operation *start) {
  mlir::Operation *reader = firstReader(start);
  mlir::OpBuilder b(start->getContext());
  reader ? b.setInsertionPoint(reader) : b.setInsertionPointAfter(start);
  auto wait = WaitOp::create(b, start->getLoc(), start->getResults());
  wait->setAttr(kStream, b.getI64IntegerAttr(kCompute));
  for (auto [transfer, value] : llvm::zip(start->getResults(), wait.getValues()))
    transfer.replaceAllUsesExcept(value, wait);
}

struct SplitCollectivesPass : impl::SplitCollectivesPassBase<SplitCollectivesPass> {
  void runOnOperation() final {
    mlir::Builder b(&getContext());
    for (mlir::func::FuncOp entry : entriesOf(getOperation()))
      for (mlir::Operation &op : llvm::make_early_inc_range(entry.getBody().front().without_terminator())) {
        const Stream stream = streamOf(&op);
        op.setAttr(kStream, b.getI64IntegerAttr(stream));
        if (stream == kCommunicate && !isAwaited(&op)) addWait(&op);
      }
  }
};

}  // namespace
}  // namespace cleave
