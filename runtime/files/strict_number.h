// Numbers as users type them: each has one spelling of its digits, and nothing around them.

#ifndef CLEAVE_RUNTIME_FILES_STRICT_NUMBER_H
#define CLEAVE_RUNTIME_FILES_STRICT_NUMBER_H

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace cleave {

// "0", "12", "-3". Nothing for a plus, a leading zero, a space, a fraction or exponent, and what 64 bits don't hold.
absl::optional<int64_t> parseInteger(absl::string_view text);

// The same with a fraction and an exponent of ten: "0.5", ".5", "1e-05". Nothing for what is beyond all doubles, and
// for "inf", "nan" and hexadecimal digits.
absl::optional<double> parseNumber(absl::string_view text);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FILES_STRICT_NUMBER_H
