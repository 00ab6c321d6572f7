// Values as the devices of a mesh hold them, moved by hand: one buffer a rank, one element after the other.

#ifndef CLEAVE_TESTS_CONFORMANCE_PLACED_VALUE_H
#define CLEAVE_TESTS_CONFORMANCE_PLACED_VALUE_H

#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "ir/cleave.h"
#include "tests/conformance/tensor.h"

namespace cleave {

using Placement = llvm::ArrayRef<AxisPlacement>;  // an empty one: whole
using Sizes = llvm::ArrayRef<int64_t>;            // of the mesh's axes

// What each rank holds, in row-major order of mesh coordinates.
using PlacedValue = std::vector<Tensor>;

int64_t rankCount(Sizes mesh);
llvm::SmallVector<int64_t> coordinatesOf(int64_t rank, Sizes mesh);

// Splits and copies a value; where it is partial, draws terms (integers for sums) whose combination it is.
PlacedValue distribute(const Tensor &whole, Placement placement, Sizes mesh, std::mt19937 &random);

// The value that the ranks hold. An error where copies differ in a bit, or where shares don't fill it.
absl::StatusOr<Tensor> assemble(const PlacedValue &value, absl::Span<const int64_t> shape, Placement placement,
                                Sizes mesh);

// Moves a value from one placement to another. Each rank reads only ranks whose coordinates differ from its own along
// `axes` and nowhere else; an error where that does not suffice.
absl::StatusOr<PlacedValue> move(const PlacedValue &value, absl::Span<const int64_t> shape, Placement from,
                                 Placement to, llvm::ArrayRef<int64_t> axes, Sizes mesh);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_PLACED_VALUE_H
