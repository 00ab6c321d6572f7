// A mesh as it is asked for, before it is an op. Without MLIR, for the driver's flags.

#ifndef CLEAVE_PASSES_MESH_AXES_H
#define CLEAVE_PASSES_MESH_AXES_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cleave {

// The most devices of a mesh that a plan can have.
inline constexpr int64_t kMostDevices = 4096;

struct MeshAxis {
  std::string name, kind;  // the kind is empty where none was given
  int64_t size = 1;
};

// What one axis must be; what several must be together. Errors name the axis.
absl::Status checkMeshAxis(const MeshAxis &axis);
absl::Status checkMesh(const std::vector<MeshAxis> &axes);

}  // namespace cleave

#endif  // CLEAVE_PASSES_MESH_AXES_H
