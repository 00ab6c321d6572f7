// What a plan tells people about itself.

#ifndef CLEAVE_PASSES_EMIT_EXPLAIN_H
#define CLEAVE_PASSES_EMIT_EXPLAIN_H

#include "passes/schedule/scheduled_entry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// Of the module: values and ops of the step as they were after place, a serialized plan.Explanation.
inline constexpr llvm::StringLiteral kPlaced = "cleave.placed";

// Remembers values and ops of the step. Later phases replace reshards.
void rememberValues(mlir::ModuleOp module);

// Takes what was remembered, or the module as it is now where nothing was. Fails, with a diagnostic, where it is
// damaged.
mlir::LogicalResult takeValues(mlir::ModuleOp module, plan::Explanation &to);

void explainCollectives(const ScheduledEntry &step, ShardTable &table, plan::Explanation &to);

void explainMemory(const std::vector<ClassMemory> &classes, const ModuleVariables &variables, ShardTable &table,
                   plan::Explanation &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EXPLAIN_H
