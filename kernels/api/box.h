// Boxes: rectangular parts of a global tensor, and how they cut each other.

#ifndef CLEAVE_KERNELS_API_BOX_H
#define CLEAVE_KERNELS_API_BOX_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "kernels/api/tensor_view.h"

namespace cleave {

// Elements [start, start + extent) of each dimension of a global value. An extent of 0 makes it empty.
struct Box {
  std::vector<int64_t> start, extent;

  bool operator==(const Box &other) const { return start == other.start && extent == other.extent; }
  bool operator!=(const Box &other) const { return !(*this == other); }
  int64_t elements() const {  // 1 for a scalar's
    int64_t count = 1;
    for (int64_t size : extent) count *= size;
    return count;
  }
  std::string str() const;  // "[0:2, 4:8]"
};

Box wholeBox(absl::Span<const int64_t> dims);

// What two boxes of one rank share; empty where they share nothing.
Box intersect(const Box &a, const Box &b);

// The part of a view of `of`'s elements that shows `part`, which must lie inside `of`. No address is formed of null
// data.
TensorView viewPart(const TensorView &view, const Box &of, const Box &part);

// A part of a box together with the boxes that hold all of it, as ascending indices.
struct Piece {
  Box box;
  std::vector<int> holders;
};

// Cuts `box` along the edges of `sources`, so that each piece is wholly inside or outside each source. Pieces without
// elements are left out. With `firstOnly` a piece names just the first source that holds it.
std::vector<Piece> cutByHolders(const Box &box, absl::Span<const Box> sources, bool firstOnly);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_BOX_H
