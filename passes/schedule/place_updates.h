// Which op writes over which variable.

#ifndef CLEAVE_PASSES_SCHEDULE_PLACE_UPDATES_H
#define CLEAVE_PASSES_SCHEDULE_PLACE_UPDATES_H

#include <utility>
#include <vector>

#include "passes/schedule/entry_program.h"

namespace cleave {

// The first op must run before the second one, which overwrites what it reads.
using OverwriteOrder = std::vector<std::pair<mlir::Operation *, mlir::Operation *>>;

// Makes each result that replaces a variable the direct result of an op that may write over the variable's old value,
// with a copy where there is none, and gives the order that this asks for. It has no cycle with the order of the data.
OverwriteOrder placeUpdates(mlir::func::FuncOp entry, const ModuleVariables &variables);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_PLACE_UPDATES_H
