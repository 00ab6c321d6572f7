// Inputs that a file does not hold as they are: what is made of another one, or stands in for what is absent.

#ifndef CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H
#define CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H

#include <cstdint>

#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "runtime/plan/program.h"

namespace cleave {

// The label of a position that does not count.
inline constexpr int64_t kIgnoredLabel = -100;

// Whether an input is made of `input.source` in any case, and not only where a file lacks it.
bool isDerived(const program::DataInput &input);

// What all values of an input are where the file lacks its source; nothing if the input then can't be.
absl::optional<int64_t> standInOf(const program::DataInput &input);

// Turns one row of the source into the row of a derived input, in place:
//
//   shift_right   7 8 -100 9   ->   start 7 8 pad
//   segments      5 E 6 7 E 8  ->   0 0 1 1 1 2     (E: the token that ends a document)
//   positions     5 E 6 7 E 8  ->   0 1 0 1 2 0
void deriveRow(const program::DataInput &input, const program::ModelFamily &family, absl::Span<int64_t> row);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_DERIVED_INPUTS_H
