// All passes of the compiler.

#ifndef CLEAVE_PASSES_PASSES_H
#define CLEAVE_PASSES_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace cleave {

#define GEN_PASS_DECL
#include "passes/passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/passes.h.inc"

}  // namespace cleave

#endif  // CLEAVE_PASSES_PASSES_H
