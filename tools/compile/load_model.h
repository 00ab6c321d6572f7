// From the command line of `cleave compile` to a module with everything that the compiler wants to know.

#ifndef CLEAVE_TOOLS_COMPILE_LOAD_MODEL_H
#define CLEAVE_TOOLS_COMPILE_LOAD_MODEL_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/cli/flags.h"

namespace cleave::cli {

// What is wrong with the command line alone, beyond what its table says: exit code 2.
absl::Status checkCompileLine(const ParsedFlags &flags);

// The model with its mesh and options as attributes; or, as it is, a module that an earlier `--compile-to` has written.
// Errors name the file.
absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> loadModel(const ParsedFlags &flags, mlir::MLIRContext &context,
                                                            std::vector<std::string> *warnings);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_COMPILE_LOAD_MODEL_H
