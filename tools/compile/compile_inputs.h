// What `cleave compile` is told besides the model: meshes, pins and groups, from text that nobody vouches for. Knows
// nothing of MLIR.

#ifndef CLEAVE_TOOLS_COMPILE_COMPILE_INPUTS_H
#define CLEAVE_TOOLS_COMPILE_COMPILE_INPUTS_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "passes/mesh_axes.h"

namespace cleave::cli {

// "data=2,model=2", "x:model=8". Errors say which part is wrong.
absl::StatusOr<std::vector<MeshAxis>> parseMesh(absl::string_view text);

// "auto" (gives none), "none" (an empty list), or names of overlap passes: "split,slice". Errors say which name is wrong.
absl::StatusOr<std::optional<std::vector<std::string>>> parseOverlap(absl::string_view text);

// "2GB", "512MiB", "1.5GB", or plain bytes; kB, MB and GB are powers of 1000. At least one byte.
absl::StatusOr<int64_t> parseMemory(absl::string_view text);

// A value's name, or a glob, and its placements by axis, as typed.
struct PinText {
  std::string match;
  std::vector<std::pair<std::string, std::string>> along;
};

// {"pins": {NAME or glob: {axis: "S(0)"|"B"|"P(sum)"}}}. Errors name the field.
absl::StatusOr<std::vector<PinText>> parsePins(absl::string_view json);

struct GroupText {
  std::string match;
  std::optional<double> lr, weightDecay;
  std::optional<bool> trainable;
};

// {"groups": [{"match": glob, "lr": factor, "weight_decay": X, "trainable": bool}]}. Errors name the group and the
// field.
absl::StatusOr<std::vector<GroupText>> parseGroups(absl::string_view json);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_COMPILE_COMPILE_INPUTS_H
