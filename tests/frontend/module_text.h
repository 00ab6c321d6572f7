// What tests ask of a module.

#ifndef CLEAVE_TESTS_FRONTEND_MODULE_TEXT_H
#define CLEAVE_TESTS_FRONTEND_MODULE_TEXT_H

#include <map>
#include <string>
#include <vector>

#include "frontend/family.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace cleave {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

struct Argument {
  std::string kind, name;  // "parameter" or "input"
  std::vector<int64_t> shape;
  std::string init;  // "normal 0.02", "constant 1", "normal 0.02 but row 3"
  bool isTrainable = true;
};

std::string textOf(Module &module);
std::vector<Argument> argumentsOf(Module &module, const std::string &entry);
std::vector<std::string> outputsOf(Module &module, const std::string &entry);  // "loss_sum: tensor<f32>"
// One line an op, in order: "matmul h.0.attn.q [block 0] {transpose_rhs = true} h.0.ln_1, h.0.attn.q.weight". Operands
// are called by the names of their ops or arguments. Attributes with their default value are left out.
std::vector<std::string> opsOf(Module &module, const std::string &entry);
FamilyDescription familyIn(Module &module);

}  // namespace cleave

#endif  // CLEAVE_TESTS_FRONTEND_MODULE_TEXT_H
