// Lets activations between tensor-parallel chains lie split by tokens instead of whole.
//
//   chain: P --all_reduce--> B, norm of all tokens on each device, B: chain
//   chain: P --reduce_scatter--> S, norm of each device's tokens --all_gather--> B: chain
//
// The bytes are the same; what stands between the chains (norms, residual sums, dropout) is done once and held once.
// "Reducing Activation Recomputation in Large Transformer Models", Korthikanti et al., 2022.

#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_SHARDSEQUENCEPASS
#include "passes/passes.h.inc"

namespace {

class SequenceSharding {
 public:
  SequenceSharding(mlir::func::FuncOp function, MeshOp mesh) : function_(function), mesh_(mesh) {}

  void run() {
    for (size_t axis = 0; axis < mesh_.getSizes().size(); ++axis) {
      if (mesh_.isData(axis) || mesh_.getSizes()[axis] == 1) continue;
      llvm::SmallVector<mlir::Value> ends;
      for (mlir::Operation &op : function_.getBody().front())
        if (phaseOf(&op) == "forward" && endsChain(&op, axis)) ends.push_back(op.getResult(0));
      for (mlir::Value end : ends) pinTokens(end, axis);
    }
  }

 private:
  // Whether a parameter of the op lies so along the axis that the result is a partial sum.
  bool endsChain(mlir::Operation *op, size_t axis) {
    if (!mlir::isa<TensorOpInterface>(op) || op->getNumResults() != 1) return false;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      const mlir::BlockArgument parameter = parameterOf(operand);
      if (!parameter) continue;
      const AxisPlacement held = argumentAxes(function_, parameter.getArgNumber(), mesh_.getSizes().size())[axis];
      if (!held.isSplit() || operand != parameter) continue;
      for (const Strategy &strategy : rules_.of(op).strategies())
        if (strategy.results[0].isPartial() && strategy.operands[i].isSplit() && strategy.operands[i].dim == held.dim)
          return true;
    }
    return false;
  }

  // Tokens are the dimension in front of the features.
  void pinTokens(mlir::Value value, size_t axis) {
    auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    const int64_t dim = type.getRank() - 2;
    if (dim < 0 || type.getDimSize(dim) < mesh_.getSizes()[axis]) {
      mlir::emitRemark(value.getLoc()) << "sequence: requires at least one token a device along "
                                       << mesh_.axisName(axis) << ", got " << type << ", left whole";
      return;
    }
    const std::string reason = "tokens split along " + mesh_.axisName(axis).str() + " between chains";
    PinOp pin = pinBehind(value, mesh_.getNames()[axis], AxisPlacement::split(unsigned(dim)), reason);
    value.replaceAllUsesExcept(pin.getResult(), pin);
  }

  mlir::func::FuncOp function_;
  MeshOp mesh_;
  Rules rules_;
};

struct ShardSequencePass : impl::ShardSequencePassBase<ShardSequencePass> {
  void runOnOperation() final {
    if (!getOperation()->hasAttr(kSequence)) return;
    MeshOp mesh = onlyMesh(getOperation());
    if (!mesh) return signalPassFailure();
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) SequenceSharding(entry, mesh).run();
  }
};

}  // namespace
}  // namespace cleave
