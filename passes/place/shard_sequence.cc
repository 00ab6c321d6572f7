// Lets activations between tensor-parallel chains lie split by tokens instead of whole.
//
//   chain: P --all_reduce--> B, norm of all tokens on each device, B: chain
//   chain: P --reduce_scatter--> S, norm of each device's tokens --all_gather--> B: chain
//
// The bytes are the same; what stands between the chains (norms, residual sums, dropout) is done once and held once.
// "Reducing Activation Recomputation in Large Transformer Models", Korthikanti et al., 2022.

#include "llvm/ADT/SetVector.h"
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
      llvm::SetVector<mlir::Value> ends;
      for (mlir::Operation &op : function_.getBody().front()) {
        if (phaseOf(&op) != "forward") continue;
        const bool isSum = sumsUp(&op, ends);
        if (isSum) ends.remove_if([&](mlir::Value end) { return llvm::is_contained(op.getOperands(), end); });
        if (isSum || endsChain(&op, axis)) ends.insert(op.getResult(0));
      }
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

  // Whether the op adds ends that nothing else reads: their sum is one transfer where they would be several.
  bool sumsUp(mlir::Operation *op, const llvm::SetVector<mlir::Value> &ends) {
    if (!mlir::isa<TensorOpInterface>(op) || op->getNumOperands() == 0 || op->getNumResults() != 1) return false;
    const auto isOnlyHere = [&](mlir::Value value) { return ends.contains(value) && value.hasOneUse(); };
    const auto isPartial = [](const AxisPlacement &placement) { return placement.isPartial(); };
    return llvm::all_of(op->getOperands(), isOnlyHere) &&
           llvm::any_of(rules_.of(op).strategies(), [&](const Strategy &strategy) {
             return strategy.results[0].isPartial() && llvm::all_of(strategy.operands, isPartial);
           });
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
