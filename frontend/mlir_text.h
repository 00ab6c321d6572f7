// What MLIR's parser may be given: text that makes it neither recurse without end nor count beyond 64 bits.

#ifndef CLEAVE_FRONTEND_MLIR_TEXT_H
#define CLEAVE_FRONTEND_MLIR_TEXT_H

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cleave {

inline constexpr size_t kMaxMlirBytes = size_t{1} << 26;

// A text of at most kMaxMlirBytes, in which
//   brackets match and are at most 64 deep, and aliases refer to each other at most 32 deep,
//   types have at most 16 dimensions and 2^46 elements,
//   numbers have at most 64 digits,
//   strings end on their line,
// and which has neither resources nor affine maps, which no model needs. Errors tell the line. The parser still has to
// say whether the text is a module.
absl::Status checkMlirText(absl::string_view text);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MLIR_TEXT_H
