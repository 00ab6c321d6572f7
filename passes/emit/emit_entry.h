// One entry of a plan: ports, programs and collectives.

#ifndef CLEAVE_PASSES_EMIT_EMIT_ENTRY_H
#define CLEAVE_PASSES_EMIT_EMIT_ENTRY_H

#include <string>

#include "passes/schedule/scheduled_entry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

plan::DType dtypeOf(mlir::Type type);
void emitType(mlir::Type type, plan::TensorType &to);
void emitLayout(mlir::Type type, ShardTable &table, plan::Layout &to);

// A register of what `rank` holds of a value of that type, at `offset`.
void emitRegister(mlir::Type type, int64_t rank, int64_t offset, ShardTable &table, plan::Register &to);

// "file:line:column" of the first place that a location names, or empty.
std::string locationText(mlir::Location location);

// Fails, with a diagnostic, where an output is partial or a collective has combiners that differ.
mlir::LogicalResult emitEntry(const ScheduledEntry &entry, const std::vector<ClassMemory> &classes, ShardTable &table,
                              plan::Entry &to);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EMIT_ENTRY_H
