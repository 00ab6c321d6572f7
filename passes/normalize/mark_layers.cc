// Finds repeated layers where nobody has marked them.
//
//   matmul %x, %w0          -->   matmul ... {cleave.layer = #cleave.layer<"layer", 0>}
//   relu                          relu   ... {cleave.layer = #cleave.layer<"layer", 0>}
//   matmul %2, %w1                matmul ... {cleave.layer = #cleave.layer<"layer", 1>}
//   relu                          relu   ... {cleave.layer = #cleave.layer<"layer", 1>}

#include "ir/cleave.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_MARKLAYERSPASS
#include "passes/passes.h.inc"

namespace {

bool isParameter(mlir::Value value) {
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  auto function =
      argument ? mlir::dyn_cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp()) : mlir::func::FuncOp();
  return function && function.getArgAttr(argument.getArgNumber(), CleaveDialect::kParameter);
}

// What ops of one class have in common: all but who feeds them. Ids only tell the random draws of ops apart.
bool areAlike(mlir::Operation *a, mlir::Operation *b) {
  if (a->getName() != b->getName() || a->getNumRegions() != 0 || b->getNumRegions() != 0) return false;
  if (a->getOperandTypes() != b->getOperandTypes() || a->getResultTypes() != b->getResultTypes()) return false;
  auto attributes = [](mlir::Operation *op) {
    llvm::SmallVector<mlir::NamedAttribute> kept;
    for (mlir::NamedAttribute attribute : mlir::DictionaryAttr(op->getAttrDictionary()))
      if (attribute.getName() != "id" && attribute.getName() != CleaveDialect::kName) kept.push_back(attribute);
    return kept;
  };
  return attributes(a) == attributes(b);
}

// Instances of a class: `count` runs of `length` ops from position `start`.
struct Repetition {
  size_t start = 0, length = 0, count = 0;
  size_t size() const { return length * count; }
};

// The ops of one block, with a number for each kind: equal numbers are alike.
class Sequence {
 public:
  explicit Sequence(mlir::Block &block) {
    std::vector<mlir::Operation *> kinds;
    for (mlir::Operation &op : block) {
      position_[&op] = ops_.size();
      ops_.push_back(&op);
      const bool isFree = op.getNumResults() > 0 && op.getNumRegions() == 0 && !op.hasAttr(CleaveDialect::kLayer);
      size_t kind = 0;
      while (isFree && kind < kinds.size() && !areAlike(kinds[kind], &op)) ++kind;
      if (isFree && kind == kinds.size()) kinds.push_back(&op);
      kinds_.push_back(isFree ? int64_t(kind) : -1);
    }
  }

  // The repetition from `start` that covers most ops, with the shortest period of those; empty if there is none.
  Repetition longestFrom(size_t start) const {
    Repetition best;
    for (size_t length = 1; start + 2 * length <= ops_.size(); ++length) {
      if (kinds_[start] < 0) break;
      if (kinds_[start] != kinds_[start + length]) continue;
      const Repetition found{start, length, countInstances(start, length)};
      if (found.count > 1 && found.size() > best.size()) best = found;
    }
    return best;
  }

  llvm::ArrayRef<mlir::Operation *> ops() const { return ops_; }

 private:
  // Position of the op that makes a value; none where it is no op of the block.
  std::optional<size_t> positionOf(mlir::Value value) const {
    auto found = position_.find(value.getDefiningOp());
    return found == position_.end() ? std::nullopt : std::optional<size_t>(found->second);
  }

  size_t countInstances(size_t start, size_t length) const {
    // What stands outside for what an instance takes from the one before it.
    llvm::DenseMap<mlir::Value, mlir::Value> entering;
    size_t count = 1;
    while (start + (count + 1) * length <= ops_.size() && follows(start, length, count, entering)) ++count;
    return count;
  }

  // Whether instance `instance` computes the same as the one before it, with other parameters and fed by it.
  bool follows(size_t start, size_t length, size_t instance, llvm::DenseMap<mlir::Value, mlir::Value> &entering) const {
    bool hasOtherParameters = false, isFed = false;
    for (size_t i = start + instance * length; i < start + (instance + 1) * length; ++i) {
      if (kinds_[i] < 0 || kinds_[i] != kinds_[i - length]) return false;
      for (auto [before, now] : llvm::zip(ops_[i - length]->getOperands(), ops_[i]->getOperands())) {
        if (before == now) continue;
        if (isParameter(before) && isParameter(now)) {
          hasOtherParameters = true;
          continue;
        }
        const auto maker = positionOf(now), makerBefore = positionOf(before);
        if (!maker || *maker < start) return false;
        const bool isFromBefore = *maker < start + instance * length;
        const bool isSamePlace =
            makerBefore && *makerBefore + length == *maker &&
            mlir::cast<mlir::OpResult>(before).getResultNumber() == mlir::cast<mlir::OpResult>(now).getResultNumber();
        const bool isEntering = instance == 1 && isFromBefore && (!makerBefore || *makerBefore < start) &&
                                entering.try_emplace(now, before).first->second == before;
        if (!isSamePlace && !isEntering) return false;
        isFed |= isFromBefore;
      }
    }
    return hasOtherParameters && isFed;
  }

  std::vector<mlir::Operation *> ops_;
  std::vector<int64_t> kinds_;  // -1: in no layer
  llvm::DenseMap<mlir::Operation *, size_t> position_;
};

void markLayersOf(mlir::func::FuncOp function) {
  llvm::StringSet<> classes;
  function.walk([&](mlir::Operation *op) {
    if (auto layer = op->getAttrOfType<LayerAttr>(CleaveDialect::kLayer)) classes.insert(layer.getName());
  });
  auto newClass = [&]() {
    std::string name = "layer";
    for (unsigned next = 2; !classes.insert(name).second; ++next) name = "layer_" + std::to_string(next);
    return name;
  };
  const Sequence sequence(function.front());
  for (size_t start = 0; start < sequence.ops().size();) {
    const Repetition found = sequence.longestFrom(start);
    if (found.count == 0) {
      ++start;
      continue;
    }
    const std::string name = newClass();
    for (size_t i = 0; i < found.size(); ++i)
      sequence.ops()[start + i]->setAttr(CleaveDialect::kLayer,
                                         LayerAttr::get(function.getContext(), name, i / found.length));
    start += found.size();
  }
}

struct MarkLayersPass : impl::MarkLayersPassBase<MarkLayersPass> {
  void runOnOperation() final {
    for (auto function : getOperation().getOps<mlir::func::FuncOp>())
      if (!function.isExternal()) markLayersOf(function);
  }
};

}  // namespace
}  // namespace cleave
