// Combines or copies rows of elements: the inner loops of all collectives.

#ifndef CLEAVE_KERNELS_COLLECTIVES_COMBINE_H
#define CLEAVE_KERNELS_COLLECTIVES_COMBINE_H

#include <cstdint>

#include "absl/types/span.h"
#include "kernels/api/communicator.h"

namespace cleave::collectives {

// For each of `count` elements: combines those of all `sources`, in their order, and writes the result to all
// `targets`. A target may be one of the sources; otherwise rows don't overlap. With kNone the first source is copied.
void combineRows(Reduction reduction, DType dtype, absl::Span<const char *const> sources,
                 absl::Span<char *const> targets, int64_t count);

// The same for views of equal shape with any strides, restricted to the `share`-th of `shares` parts of the elements,
// each of which is in exactly one part.
void combineViews(Reduction reduction, absl::Span<const TensorView> sources, absl::Span<const TensorView> targets,
                  int share, int shares);

}  // namespace cleave::collectives

#endif  // CLEAVE_KERNELS_COLLECTIVES_COMBINE_H
