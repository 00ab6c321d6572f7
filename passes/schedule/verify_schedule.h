// What the schedule phase promises, proved.

#ifndef CLEAVE_PASSES_SCHEDULE_VERIFY_SCHEDULE_H
#define CLEAVE_PASSES_SCHEDULE_VERIFY_SCHEDULE_H

#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Every value has bytes and every op a stream; no step can deadlock, and values that share bytes never meet. An error
// says what was seen.
mlir::LogicalResult verifySchedule(mlir::ModuleOp module);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_VERIFY_SCHEDULE_H
