// Inputs that a file does not hold as they are: what is made of another one, or stands in for what is absent.

#ifndef CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H
#define CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H

#include <cstdint>
#include <string>

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "runtime/plan/program.h"

namespace cleave {

// The label of a position that does not count.
inline constexpr int64_t kIgnoredLabel = -100;

// Inputs that the host makes itself.
bool isHostPort(const std::string &name);

// The description of a port's data; a port that the family doesn't describe is read by its own name.
program::DataInput inputOf(const program::Port &port, const program::ModelFamily &family);

// Whether an input is made of `input.source` in any case, and not only where a file lacks it.
bool isDerived(const program::DataInput &input);

// What all values of an input are where the file lacks its source; nothing if the input then can't be.
absl::optional<int64_t> standInOf(const program::DataInput &input);

// What the values of an input's source may be.
struct ValueRange {
  int64_t least = 0, most = 0;
  bool mayBeIgnored = false;  // kIgnoredLabel is fine too

  bool holds(int64_t value) const {
    return (least <= value && value <= most) || (mayBeIgnored && value == kIgnoredLabel);
  }
  std::string str() const;  // "from 0 to 255, or -100"
};
ValueRange rangeOf(const program::DataInput &input, DType dtype);

// Turns one row of the source into the row of a derived input, in place:
//
//   shift_right   7 8 -100 9   ->   start 7 8 pad
//   segments      5 E 6 7 E 8  ->   0 0 1 1 1 2     (E: the token that ends a document)
//   positions     5 E 6 7 E 8  ->   0 1 0 1 2 0
void deriveRow(const program::DataInput &input, const program::ModelFamily &family, absl::Span<int64_t> row);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H
