// A placement as a picture: the mesh, and in each device the part of the tensor that it holds.

#ifndef CLEAVE_TOOLS_PAGES_PLACEMENT_DRAWING_H
#define CLEAVE_TOOLS_PAGES_PLACEMENT_DRAWING_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kernels/api/box.h"

namespace cleave::pages {

struct Drawing {
  std::string name, dtype;  // either may be empty
  std::vector<int64_t> dims;
  std::vector<std::pair<std::string, int64_t>> mesh;  // (axis, size)
  std::vector<std::string> placement;                 // one an axis
  std::vector<Box> boxes;                             // one a device
};

// Of a tensor that no plan has: `placement` is S(d), B or P(combiner) for each axis. An error says what can't be.
absl::StatusOr<Drawing> drawPlacement(const std::string &name, const std::vector<int64_t> &dims,
                                      const std::vector<std::pair<std::string, int64_t>> &mesh,
                                      const std::vector<std::string> &placement);

// For a terminal, in UTF-8.
std::string drawingText(const Drawing &drawing);
// Complete in itself; a tooltip on each device.
std::string drawingSvg(const Drawing &drawing);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_PLACEMENT_DRAWING_H
