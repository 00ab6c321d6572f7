// Bounds of indices that come with the data.

#ifndef CLEAVE_KERNELS_CPU_POSITIONS_H
#define CLEAVE_KERNELS_CPU_POSITIONS_H

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "kernels/api/tensor_view.h"

namespace cleave {

// Every entry of a dense i32 view lies in [0, size), or is `exempt`; otherwise the first that does not, by position.
absl::Status checkEntries(const TensorView &entries, int64_t size, const char *what,
                          absl::optional<int64_t> exempt = absl::nullopt);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_POSITIONS_H
