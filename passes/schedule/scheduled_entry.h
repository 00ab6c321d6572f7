// An entry as the schedule phase leaves it: its program, and where each class of ranks keeps its values.

#ifndef CLEAVE_PASSES_SCHEDULE_SCHEDULED_ENTRY_H
#define CLEAVE_PASSES_SCHEDULE_SCHEDULED_ENTRY_H

#include <string>
#include <vector>

#include "passes/module_view.h"
#include "passes/schedule/class_memory.h"
#include "passes/schedule/entry_program.h"
#include "passes/schedule/shard_table.h"

namespace cleave {

struct ScheduledEntry {
  mlir::func::FuncOp function;
  EntryProgram program;
  std::vector<std::vector<int64_t>> offsets;  // by class, then register; a view's is its register's
  std::vector<mlir::Operation *> collectives;  // that move bytes, in order
  std::vector<int> collectiveOf;               // by task: in `collectives`, or -1
};

// Fails, with a diagnostic, where a value has no bytes or an op no stream.
mlir::FailureOr<ScheduledEntry> scheduledEntryOf(mlir::func::FuncOp function, const ModuleVariables &variables,
                                                 const std::vector<ClassMemory> &classes);

// Ranks that meet in a collective, each group in the order of ranks.
std::vector<llvm::SmallVector<int64_t>> groupsOf(CollectiveOpInterface op, const ShardTable &table);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_SCHEDULED_ENTRY_H
