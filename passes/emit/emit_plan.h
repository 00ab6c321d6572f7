// From a scheduled module to a plan: the last station that knows MLIR.

#ifndef CLEAVE_PASSES_EMIT_EMIT_PLAN_H
#define CLEAVE_PASSES_EMIT_EMIT_PLAN_H

#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// Of the module: what it was made from, a dictionary with the fields of plan.Provenance.
inline constexpr llvm::StringLiteral kProvenance = "cleave.provenance";

// Everything but the version and the hash. Fails, with a diagnostic, where the module is not scheduled, an
// output is partial, or an attribute of the module is malformed.
mlir::FailureOr<plan::Plan> emitPlan(mlir::ModuleOp module);

}  // namespace cleave

#endif  // CLEAVE_PASSES_EMIT_EMIT_PLAN_H
