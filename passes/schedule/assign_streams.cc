// Gives every op a stream: collectives that move bytes communicate, all else computes.

#include "passes/passes.h"
#include "passes/schedule/entry_program.h"

namespace cleave {
#define GEN_PASS_DEF_ASSIGNSTREAMSPASS
#include "passes/passes.h.inc"

namespace {

struct AssignStreamsPass : impl::AssignStreamsPassBase<AssignStreamsPass> {
  void runOnOperation() final {
    mlir::Builder b(&getContext());
    for (mlir::func::FuncOp entry : entriesOf(getOperation()))
      for (mlir::Operation &op : entry.getBody().front().without_terminator()) {
        auto collective = mlir::dyn_cast<CollectiveOpInterface>(op);
        const bool communicates = collective && collective.movesBytes() && !isView(&op);
        op.setAttr(kStream, b.getI64IntegerAttr(communicates ? kCommunicate : kCompute));
      }
  }
};

}  // namespace
}  // namespace cleave
