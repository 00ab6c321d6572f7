#include "kernels/cpu/positions.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {

absl::Status checkEntries(const TensorView &entries, int64_t size, const char *what, absl::optional<int64_t> exempt) {
  const int32_t *entry = entries.as<int32_t>();
  for (int64_t i = 0, count = entries.elements(); i < count; ++i) {
    if (entry[i] == exempt) continue;
    if (entry[i] >= 0 && entry[i] < size) continue;
    std::vector<int64_t> position(entries.rank);
    int64_t rest = i;
    for (int d = entries.rank - 1; d >= 0; --d) {
      position[d] = rest % entries.shape[d];
      rest /= entries.shape[d];
    }
    return absl::OutOfRangeError(absl::StrCat("requires ", what, " from 0 to ", size - 1, ", got ", entry[i], " at [",
                                              absl::StrJoin(position, ", "), "]"));
  }
  return absl::OkStatus();
}

}  // namespace cleave
