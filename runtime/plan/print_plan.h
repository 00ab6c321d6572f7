// A plan as text, for people.

#ifndef CLEAVE_RUNTIME_PLAN_PRINT_PLAN_H
#define CLEAVE_RUNTIME_PLAN_PRINT_PLAN_H

#include <string>

#include "runtime/plan/plan.pb.h"

namespace cleave {

// Mesh, variables, classes and the programs of every entry, a line each task:
//
//   %12 = matmul %3, %7 {transpose_rhs = 1}  // block0.mlp.up, block 0, forward, model.mlir:8:5
//
// %N is register N of the program; a register's first line tells its name, type and place. Takes any plan that parses.
std::string printPlan(const plan::Plan &plan);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PRINT_PLAN_H
