// The compiler from end to end.

#ifndef CLEAVE_PASSES_PIPELINE_H
#define CLEAVE_PASSES_PIPELINE_H

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

// Attribute of the module: the last phase that it went through.
inline constexpr llvm::StringLiteral kPhaseDone = "cleave.phase_done";

// Names of the phases that change the module, in order: normalize, differentiate, place, partition, schedule.
std::vector<llvm::StringRef> phaseNames();

struct CompileProgress {
  llvm::function_ref<void(llvm::StringRef phase, double seconds)> onPhase;  // when a phase is done
  std::vector<std::string> *warnings = nullptr;
};

// Runs the phases that the module has not gone through yet, up to `stopAfter` (all of them if it is empty). The module
// holds a mesh and its options as attributes: cleave.training, cleave.pins, cleave.strategy, cleave.family,
// cleave.cluster, cleave.links. The error is what the phase said, with the places in the source.
absl::Status runPhases(mlir::ModuleOp module, llvm::StringRef stopAfter, const CompileProgress &progress);

// The plan of a module that went through all phases.
absl::StatusOr<plan::Plan> planOf(mlir::ModuleOp module, const CompileProgress &progress);

// The same as the bytes of a plan file.
absl::StatusOr<std::string> planBytesOf(mlir::ModuleOp module, const CompileProgress &progress);

// Makes --cleave-normalize, ... and --cleave-compile, which is all of them, known to tools like mlir-opt.
void registerPipelines();

}  // namespace cleave

#endif  // CLEAVE_PASSES_PIPELINE_H
