// Gives every op a name that is unique in its function.
//
//   cleave.relu %x          -->   cleave.relu %x {cleave.name = "relu"}
//   cleave.relu %y                cleave.relu %y {cleave.name = "relu_2"}

#include "ir/cleave.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_NAMEVALUESPASS
#include "passes/passes.h.inc"

namespace {

llvm::StringRef markedName(mlir::Operation *op) {
  auto name = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName);
  return name ? name.getValue() : llvm::StringRef();
}

// Hands out names that nobody has in one function.
class Names {
 public:
  bool claim(llvm::StringRef name) { return taken_.insert(name).second; }
  std::string claimLike(llvm::StringRef name) {
    if (claim(name)) return name.str();
    unsigned &next = next_.try_emplace(name, 2).first->second;
    while (true) {
      const std::string candidate = name.str() + "_" + std::to_string(next++);
      if (claim(candidate)) return candidate;
    }
  }

 private:
  llvm::StringSet<> taken_;
  llvm::StringMap<unsigned> next_;
};

void nameValuesOf(mlir::func::FuncOp function) {
  Names names;
  for (mlir::BlockArgument argument : function.getArguments()) names.claim(nameOf(argument));

  // Names that are there come first, so that a number behind a name never takes one of theirs.
  llvm::SmallVector<mlir::Operation *> others;
  function.walk([&](mlir::Operation *op) {
    if (op->getNumResults() == 0) return;
    if (llvm::StringRef name = markedName(op); name.empty() || !names.claim(name)) others.push_back(op);
  });
  for (mlir::Operation *op : others) {
    const llvm::StringRef name = markedName(op);
    const std::string unique = names.claimLike(name.empty() ? op->getName().stripDialect() : name);
    op->setAttr(CleaveDialect::kName, mlir::StringAttr::get(op->getContext(), unique));
  }
}

struct NameValuesPass : impl::NameValuesPassBase<NameValuesPass> {
  void runOnOperation() final {
    for (auto function : getOperation().getOps<mlir::func::FuncOp>()) nameValuesOf(function);
  }
};

}  // namespace
}  // namespace cleave
