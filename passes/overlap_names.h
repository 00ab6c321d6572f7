// What overlap passes are called, in flags and in modules.

#ifndef CLEAVE_PASSES_OVERLAP_NAMES_H
#define CLEAVE_PASSES_OVERLAP_NAMES_H

#include <algorithm>
#include <iterator>

#include "absl/strings/string_view.h"

namespace cleave {

inline constexpr absl::string_view kOverlapNames[] = {"split",    "slice",          "buckets",
                                                     "sequence", "chunked-matmul", "prefetch"};

inline bool isOverlapName(absl::string_view name) {
  return std::find(std::begin(kOverlapNames), std::end(kOverlapNames), name) != std::end(kOverlapNames);
}

}  // namespace cleave

#endif  // CLEAVE_PASSES_OVERLAP_NAMES_H
