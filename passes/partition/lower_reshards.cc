// Turns each reshard into its cheapest sequence of collectives.
//
//   %1 = cleave.reshard %0 : P(sum) to B    -->   %1 = cleave.all_reduce %0 along [0]

#include <map>

#include "ir/cleave.h"
#include "mlir/IR/TypeUtilities.h"
#include "passes/cost/op_cost.h"
#include "passes/partition/reshard_path.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_LOWERRESHARDSPASS
#include "passes/passes.h.inc"

namespace {

mlir::Value createStep(mlir::OpBuilder &b, mlir::Location loc, const ReshardStep &step, mlir::Type type, mlir::Value input) {
  switch (step.kind) {
    case ReshardKind::AllReduce: return AllReduceOp::create(b, loc, type, input, step.axes);
    case ReshardKind::AllGather: return AllGatherOp::create(b, loc, type, input, step.axes);
    case ReshardKind::ReduceScatter: return ReduceScatterOp::create(b, loc, type, input, step.axes);
    case ReshardKind::AllToAll: return AllToAllOp::create(b, loc, type, input, step.axes);
    case ReshardKind::Permute: return PermuteOp::create(b, loc, type, input, step.axes);
    case ReshardKind::LocalSlice: return LocalSliceOp::create(b, loc, type, input, step.axes);
    case ReshardKind::KeepFirst: return KeepFirstOp::create(b, loc, type, input, step.axes);
  }
  llvm_unreachable("every kind is named above");
}

class Lowering {
 public:
  mlir::LogicalResult lower(ReshardOp reshard) {
    PlacementAttr from = placementOf(reshard.getInput()), to = placementOf(reshard.getResult());
    MeshOp mesh = meshOf(reshard, from);
    if (!mesh) return reshard.emitOpError("requires a mesh named ") << from.getMesh();
    if (from.getMesh() != to.getMesh())
      return reshard.emitOpError("requires one mesh, got ") << from.getMesh() << " and " << to.getMesh();
    if (from.getAxes().size() != mesh.getSizes().size() || to.getAxes().size() != mesh.getSizes().size())
      return reshard.emitOpError("requires one placement for each of ") << mesh.getSizes().size() << " mesh axes";
    for (auto [before, after] : llvm::zip(from.getAxes(), to.getAxes()))
      if (after.isPartial() && before.isPartial() && before != after)
        return reshard.emitOpError("can't make a partial value of a ") << before << " one, got " << from << " and " << to;

    const Machine *machine = machineFor(mesh);
    if (!machine) return mlir::failure();
    mlir::OpBuilder b(reshard);
    mlir::Value value = reshard.getInput();
    int taken = 0;  // steps
    for (const ReshardStep &step : pathOf(reshard, mesh, *machine).steps) {
      auto placement = PlacementAttr::get(reshard.getContext(), from.getMesh(), step.to);
      value = createStep(b, reshard.getLoc(), step, placed(value.getType(), placement), value);
      copyMarks(reshard, value.getDefiningOp());
      if (auto name = reshard->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName); name && ++taken > 1)
        value.getDefiningOp()->setAttr(CleaveDialect::kName,
                                       b.getStringAttr(name.getValue() + ".step" + llvm::Twine(taken)));
    }
    reshard.replaceAllUsesWith(value);
    reshard.erase();
    return mlir::success();
  }

 private:
  // Null, with a diagnostic, where the module's cluster is malformed.
  const Machine *machineFor(MeshOp mesh) {
    auto known = machines_.find(mesh);
    if (known != machines_.end()) return &known->second;
    auto machine = machineOf(mesh->getParentOfType<mlir::ModuleOp>(), mesh);
    if (failed(machine)) return nullptr;
    return &machines_.emplace(mesh, *std::move(machine)).first->second;
  }

  const ReshardPath &pathOf(ReshardOp reshard, MeshOp mesh, const Machine &machine) {
    auto [known, isNew] = paths_.try_emplace({reshard.getInput().getType().getAsOpaquePointer(), reshard.getType().getAsOpaquePointer()});
    if (isNew) {
      const ReshardProblem problem{reshard.getType().getShape(), elementBytes(reshard.getType()), mesh.getSizes(), machine};
      known->second = cheapestReshard(problem, placementOf(reshard.getInput()).getAxes(), placementOf(reshard.getResult()).getAxes());
    }
    return known->second;
  }

  std::map<mlir::Operation *, Machine> machines_;  // by mesh
  std::map<std::pair<const void *, const void *>, ReshardPath> paths_;  // types live as long as their context
};

struct LowerReshardsPass : impl::LowerReshardsPassBase<LowerReshardsPass> {
  void runOnOperation() final {
    Lowering lowering;
    auto result = getOperation()->walk([&](ReshardOp reshard) {
      return failed(lowering.lower(reshard)) ? mlir::WalkResult::interrupt() : mlir::WalkResult::advance();
    });
    if (result.wasInterrupted()) signalPassFailure();
  }
};

}  // namespace
}  // namespace cleave
