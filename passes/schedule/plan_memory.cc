// Gives every value its bytes.
//
// Ranks whose local shapes are equal form a class and get one plan. Variables lie first, at the same offsets in all
// entries. A result takes its operand's bytes over where its op allows it and nobody else needs them any more. Other
// values share bytes where the order of events (of streams, and of data between them) separates them.

#include "passes/passes.h"
#include "passes/schedule/entry_layout.h"

namespace cleave {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/passes.h.inc"

namespace {

void setOffsets(mlir::func::FuncOp function, const EntryProgram &program, const EntryOffsets &offsets) {
  mlir::Builder b(function.getContext());
  const auto listOf = [&](int held) {
    llvm::SmallVector<int64_t> list;
    for (const auto &ofClass : offsets) list.push_back(ofClass[held]);
    return b.getDenseI64ArrayAttr(list);
  };
  for (size_t r = 0; r < program.registers.size(); ++r)
    if (program.registers[r].isInput)
      function.setArgAttr(mlir::cast<mlir::BlockArgument>(program.registers[r].value).getArgNumber(), kOffsets,
                          listOf(int(r)));
  for (const EntryProgram::Task &task : program.tasks) {
    llvm::SmallVector<mlir::Attribute> lists;
    for (int held : task.writes) lists.push_back(listOf(held));
    task.op->setAttr(kOffsets, b.getArrayAttr(lists));
  }
}

// What recompute and overlap keep to, holds for the plan.
mlir::LogicalResult checkBudget(mlir::ModuleOp module, const std::vector<ClassMemory> &classes) {
  const std::optional<int64_t> budget = memoryBudgetOf(module);
  for (const ClassMemory &memory : classes)
    if (budget && memory.arenaBytes > *budget)
      return module.emitError("requires at most ") << *budget << " bytes a device, got " << memory.arenaBytes;
  return mlir::success();
}

struct PlanMemoryPass : impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() final {
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto variables = ModuleVariables::of(getOperation());
    if (failed(variables)) return signalPassFailure();

    std::vector<ClassMemory> classes = layVariables(getOperation(), *variables, *table);
    for (mlir::func::FuncOp function : entriesOf(getOperation())) {
      const auto program = buildEntryProgram(function, *variables);
      if (failed(program)) return signalPassFailure();
      setOffsets(function, *program, layEntry(*program, *variables, *table, classes));
    }
    if (failed(checkBudget(getOperation(), classes))) return signalPassFailure();
    getOperation()->setAttr(kMemory, toAttribute(&getContext(), classes));
  }
};

}  // namespace
}  // namespace cleave
