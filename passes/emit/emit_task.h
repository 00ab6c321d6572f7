// Tasks of a plan.

#ifndef CLEAVE_PASSES_EMIT_EMIT_TASK_H
#define CLEAVE_PASSES_EMIT_EMIT_TASK_H

#include "passes/schedule/scheduled_entry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// The task that the ranks of a class run; `collective` is an index in the entry's collectives, or -1. Attributes have
// one value a rank where the ranks differ.
void emitTask(const EntryProgram::Task &task, int collective, llvm::ArrayRef<int64_t> ranks, ShardTable &table,
              plan::Task &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EMIT_TASK_H
