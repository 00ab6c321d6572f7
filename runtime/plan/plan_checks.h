// Small things that the parts of the plan's validator share.

#ifndef CLEAVE_RUNTIME_PLAN_PLAN_CHECKS_H
#define CLEAVE_RUNTIME_PLAN_PLAN_CHECKS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "kernels/api/tensor_view.h"

// Returns the status of an expression if it is an error.
#define CLEAVE_RETURN_IF_ERROR(expression)                                  \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

namespace cleave {

inline constexpr int64_t kMaxRanks = 4096;
inline constexpr int64_t kMaxTensorBytes = int64_t{1} << 46;
inline constexpr int kMaxStreams = 16;  // of a rank: each is a thread
inline constexpr int64_t kArenaAlignment = 64;

// "<where> requires <rule>, got <seen>"
template <typename... Seen>
absl::Status planError(absl::string_view where, absl::string_view rule, const Seen &...seen) {
  return absl::InvalidArgumentError(absl::StrCat(where, " requires ", rule, ", got ", seen...));
}

// A name of a plan, fit to print.
inline std::string quoted(absl::string_view name) {
  return absl::StrCat("'", absl::CEscape(name.size() > 200 ? name.substr(0, 200) : name), "'");
}

inline std::string listOf(absl::Span<const int64_t> values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

// Extents are not negative, and all elements together have a size that fits.
absl::Status checkDims(absl::string_view where, absl::Span<const int64_t> dims, DType dtype);

// Elements from the first to behind the last of a shape with strides (0 if it is empty); -1 if that does not fit.
int64_t spanOf(absl::Span<const int64_t> dims, absl::Span<const int64_t> strides);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PLAN_CHECKS_H
