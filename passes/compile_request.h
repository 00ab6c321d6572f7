// What the compiler is told besides the model, in the form that the module carries it: attributes and a mesh.

#ifndef CLEAVE_PASSES_COMPILE_REQUEST_H
#define CLEAVE_PASSES_COMPILE_REQUEST_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/mesh_axes.h"
#include "passes/training_options.h"

namespace cleave {

// A value's name, or a glob, and its placements by axis: {"model", "S(1)"}.
struct PinRequest {
  std::string match;
  std::vector<std::pair<std::string, std::string>> along;
};

struct LinkRequest {
  std::string axis, speed;  // "1GB/s,50us"
};

// What a plan remembers of where it comes from. Means nothing to the compiler.
struct ProvenanceRequest {
  std::string modelName, modelText;
  std::vector<std::string> flags;
};

struct CompileRequest {
  TrainingOptions training;
  std::string strategy = "rules";  // or "none"
  std::vector<PinRequest> pins;
  std::optional<std::vector<std::string>> overlap;  // names of overlap passes; nothing: the compiler chooses
  std::optional<int64_t> zeroStage, memoryBudget;   // bytes of a device
  std::string cluster;                              // a shipped one or a path; empty: the default
  std::vector<LinkRequest> links;
};

// Puts the mesh into the module, which may have the same one already.
absl::Status setMesh(const std::vector<MeshAxis> &axes, mlir::ModuleOp module);

// Checks a request and puts it into a module with its mesh. Errors name what is wrong.
absl::Status setRequest(const CompileRequest &request, mlir::ModuleOp module);

void setProvenance(const ProvenanceRequest &provenance, mlir::ModuleOp module);

// Batch and sequence of a model that has sizes of its own: those of the first data input of its loss.
void takeSizes(mlir::ModuleOp module, TrainingOptions &training);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COMPILE_REQUEST_H
