// Chooses how parameters and batches lie on the mesh, by two tensor-parallel rules and data parallelism.
//
//   x @ w1 -> gelu -> @ w2      w1: S(1), output features     w2: S(0), input features: one partial sum behind the pair
//
// In the spirit of Redco (Tan et al., 2023), but along def-use chains: see chain.h.

#include "llvm/ADT/DenseSet.h"
#include "passes/passes.h"
#include "passes/place/chain.h"

namespace cleave {
#define GEN_PASS_DEF_APPLYRULESPASS
#include "passes/passes.h.inc"

namespace {

// Decides along one model axis for one function.
class AxisRules {
 public:
  AxisRules(mlir::func::FuncOp function, MeshOp mesh, size_t axis, int64_t shares)
      : function_(function), mesh_(mesh), axis_(axis), shares_(shares) {
    for (mlir::BlockArgument argument : function.getArguments()) {
      const AxisPlacement placement = argumentAxes(function, argument.getArgNumber(), mesh.getSizes().size())[axis];
      if (placement.isSplit() || isPinned(argument, axis)) known_.insert({argument, placement});
    }
    function.walk([&](PinOp pin) { knowPin(pin); });
  }

  void run() {
    std::vector<mlir::Operation *> ops;
    for (mlir::Operation &op : function_.getBody().front())
      if (phaseOf(&op) == "forward") ops.push_back(&op);
    for (mlir::Operation *op : ops) {
      if (erased_.contains(op)) continue;
      const WeightUse seed = weightUseOf(op, rules_);
      if (!seed.op || known_.contains(op->getOperand(seed.operand)) || known_.contains(op->getResult(0))) continue;
      if (mlir::BlockArgument weight = parameterOf(op->getOperand(seed.operand)); known_.contains(weight)) continue;
      grow(seed);
    }
    for (mlir::Operation *op : ops)
      if (!erased_.contains(op) && llvm::is_contained(replaced_, signatureOf(op)) && !replaceByGeneric(op).empty())
        eraseOp(op);
  }

 private:
  // What slices of a batch share: the kind, the types, and the name up to the slice's number.
  using Signature = std::pair<std::string, llvm::SmallVector<mlir::Type, 4>>;

  static Signature signatureOf(mlir::Operation *op) {
    const std::string name = nameOf(op);
    Signature signature{name.substr(0, name.rfind('/')) + ":" + op->getName().getStringRef().str(), {}};
    signature.second.append(op->operand_type_begin(), op->operand_type_end());
    return signature;
  }

  void knowPin(PinOp pin) {
    for (auto [name, placement] : llvm::zip(pin.getAxes(), pin.getPlacements().getAxes()))
      if (mlir::cast<mlir::StringAttr>(name).getValue() == mesh_.axisName(axis_))
        known_.insert({pin.getResult(), placement});
  }

  void grow(const WeightUse &seed) {
    constexpr int kAttempts = 4;  // units and generic forms are found one after the other
    Chain chain(rules_, known_, shares_);
    std::vector<mlir::Operation *> generic;
    mlir::Operation *replaced = nullptr;
    Chain::End end = Chain::End::Stuck;
    int64_t unit = 1;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      end = chain.grow(seed, unit, generic);
      if (end == Chain::End::NeedsUnit) {
        unit = chain.neededUnit();
      } else if (end == Chain::End::NeedsGeneric && !replaced) {
        replaced = chain.stuckAt();
        generic = replaceByGeneric(replaced);
        if (generic.empty()) return;
      } else {
        break;
      }
    }
    if (end == Chain::End::Closed && fitsOtherAxes(chain)) {
      commit(chain, seed);
      if (replaced) replaced_.push_back(signatureOf(replaced));
      if (replaced) eraseOp(replaced);
    } else if (replaced) {
      putBack(replaced, generic);
    }
  }

  // Axes that split one dimension count it in the same unit: what is pinned along another axis stands.
  bool fitsOtherAxes(const Chain &chain) {
    for (auto [value, placement] : chain.splits()) {
      const auto clashes = [split = placement](const AxisPlacement &other) {
        return split.isSplit() && other.isSplit() && other.dim == split.dim && other.unit != split.unit;
      };
      if (auto argument = mlir::dyn_cast<mlir::BlockArgument>(value))
        if (llvm::any_of(argumentAxes(function_, argument.getArgNumber(), mesh_.getSizes().size()), clashes))
          return false;
      for (mlir::Operation *user : value.getUsers())
        if (auto pin = mlir::dyn_cast<PinOp>(user))
          for (auto [name, pinned] : llvm::zip(pin.getAxes(), pin.getPlacements().getAxes()))
            if (mlir::cast<mlir::StringAttr>(name).getValue() != mesh_.axisName(axis_) && clashes(pinned)) return false;
    }
    return true;
  }

  // The ops that now compute what `op` did; empty if it has no generic form.
  std::vector<mlir::Operation *> replaceByGeneric(mlir::Operation *op) {
    mlir::OpBuilder b(op);
    mlir::Operation *before = op->getPrevNode();
    const auto results = mlir::cast<TensorOpInterface>(op).decompose(b);
    std::vector<mlir::Operation *> made;
    if (results.empty()) return made;
    mlir::Operation *first = before ? before->getNextNode() : &op->getBlock()->front();
    for (mlir::Operation *next = first; next != op; next = next->getNextNode()) {
      copyMarks(op, next);
      const std::string name =
          nameOf(op) + "." + next->getName().stripDialect().str() + "." + std::to_string(made.size());
      next->setAttr(CleaveDialect::kName, b.getStringAttr(name));
      made.push_back(next);
    }
    op->replaceAllUsesWith(results);
    results_.assign(results.begin(), results.end());
    return made;
  }

  void putBack(mlir::Operation *op, llvm::ArrayRef<mlir::Operation *> generic) {
    for (auto [result, stand] : llvm::zip(op->getResults(), results_)) stand.replaceAllUsesWith(result);
    for (mlir::Operation *made : llvm::reverse(generic)) eraseOp(made);
  }

  void eraseOp(mlir::Operation *op) {
    rules_.forget(op);
    erased_.insert(op);
    op->erase();
  }

  void commit(const Chain &chain, const WeightUse &seed) {
    const std::string reason = "splits along " + mesh_.axisName(axis_).str() + " in the chain from " + nameOf(seed.op) +
                               " to " + nameOf(chain.closedBy());
    for (auto [value, placement] : chain.splits()) {
      known_.insert({value, placement});
      auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
      if (!argument) continue;
      auto axes = argumentAxes(function_, argument.getArgNumber(), mesh_.getSizes().size());
      axes[axis_] = placement;
      setArgumentAxes(function_, argument.getArgNumber(), axes, reason);
    }
  }

  mlir::func::FuncOp function_;
  MeshOp mesh_;
  size_t axis_;
  int64_t shares_;
  Rules rules_;
  Splits known_;
  llvm::DenseSet<mlir::Operation *> erased_;
  std::vector<Signature> replaced_;   // by generic forms, which their like in other slices of the batch get too
  std::vector<mlir::Value> results_;  // of the generic form that stands in at the moment
};

// The batch splits along data axes, unless it has too few rows to give each device one.
void splitBatch(mlir::func::FuncOp function, MeshOp mesh) {
  int64_t shares = 1;
  for (size_t axis = 0; axis < mesh.getSizes().size(); ++axis) shares *= mesh.isData(axis) ? mesh.getSizes()[axis] : 1;
  for (mlir::BlockArgument argument : function.getArguments()) {
    auto dim = function.getArgAttrOfType<mlir::IntegerAttr>(argument.getArgNumber(), CleaveDialect::kBatchDim);
    if (!dim) continue;
    auto type = mlir::cast<mlir::RankedTensorType>(argument.getType());
    if (type.getDimSize(dim.getInt()) < shares) continue;
    auto axes = argumentAxes(function, argument.getArgNumber(), mesh.getSizes().size());
    for (size_t axis = 0; axis < axes.size(); ++axis)
      if (mesh.isData(axis) && mesh.getSizes()[axis] > 1 && !isPinned(argument, axis))
        axes[axis] = AxisPlacement::split(dim.getInt());
    setArgumentAxes(function, argument.getArgNumber(), axes, "the batch splits along data axes");
  }
}

// Parameters of the other entries lie as those of the first one that has them; state lies as its parameter.
void shareParameters(llvm::ArrayRef<mlir::func::FuncOp> entries) {
  llvm::StringMap<std::pair<mlir::Attribute, mlir::Attribute>> known;
  for (mlir::func::FuncOp function : entries)
    for (mlir::BlockArgument argument : function.getArguments()) {
      const llvm::StringRef name = argumentName(argument, CleaveDialect::kParameter);
      const unsigned index = argument.getArgNumber();
      const llvm::StringRef owner = name.empty() ? argumentName(argument, CleaveDialect::kStateOf) : name;
      if (owner.empty()) continue;
      auto [entry, isNew] = known.try_emplace(owner, function.getArgAttr(index, kAxes),
                                              function.getArgAttr(index, CleaveDialect::kReason));
      if (isNew || !entry->second.first) continue;
      const bool isScalar = mlir::cast<mlir::RankedTensorType>(argument.getType()).getRank() == 0;
      const bool isPinnedState = name.empty() && function.getArgAttr(index, kAxes);
      if (isScalar || isPinnedState) continue;
      function.setArgAttr(index, kAxes, entry->second.first);
      if (entry->second.second) function.setArgAttr(index, CleaveDialect::kReason, entry->second.second);
    }
}

struct ApplyRulesPass : impl::ApplyRulesPassBase<ApplyRulesPass> {
  void runOnOperation() final {
    MeshOp mesh = onlyMesh(getOperation());
    if (!mesh) return signalPassFailure();
    const std::vector<mlir::func::FuncOp> entries = entriesOf(getOperation());
    if (entries.empty()) return;
    if (choosesPlacements(getOperation())) {
      int64_t shares = 1;
      for (size_t axis = 0; axis < mesh.getSizes().size(); ++axis)
        shares *= mesh.isData(axis) ? 1 : mesh.getSizes()[axis];
      for (size_t axis = 0; axis < mesh.getSizes().size(); ++axis)
        if (!mesh.isData(axis) && mesh.getSizes()[axis] > 1) AxisRules(entries.front(), mesh, axis, shares).run();
      for (mlir::func::FuncOp function : entries) splitBatch(function, mesh);
    }
    shareParameters(entries);
  }
};

}  // namespace
}  // namespace cleave
