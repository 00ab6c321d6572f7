// Where an entry's values lie in the memory of each class of devices.

#ifndef CLEAVE_PASSES_SCHEDULE_ENTRY_LAYOUT_H
#define CLEAVE_PASSES_SCHEDULE_ENTRY_LAYOUT_H

#include <vector>

#include "passes/schedule/class_memory.h"
#include "passes/schedule/entry_program.h"
#include "passes/schedule/shard_table.h"

namespace cleave {

// Classes of ranks, with variables laid one after the other from 0 on.
std::vector<ClassMemory> layVariables(mlir::ModuleOp module, const ModuleVariables &variables, ShardTable &table);

// One entry's offsets: by class, then by register (a view's is its register's).
using EntryOffsets = std::vector<std::vector<int64_t>>;

// Lays an entry out behind the variables; `classes` grow to what it needs.
EntryOffsets layEntry(const EntryProgram &program, const ModuleVariables &variables, ShardTable &table,
                      std::vector<ClassMemory> &classes);

// What the devices that need most would need if this entry were the only one, with its ops in the order in which they
// stand. Fails as buildEntryProgram does.
mlir::FailureOr<ClassMemory> memoryOfEntry(mlir::func::FuncOp entry, const ModuleVariables &variables,
                                           ShardTable &table);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_ENTRY_LAYOUT_H
