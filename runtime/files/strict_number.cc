#include "runtime/files/strict_number.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace cleave {
namespace {

// Takes the digits that `text` begins with.
absl::string_view takeDigits(absl::string_view &text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(text[count])) ++count;
  const absl::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

bool hasLeadingZero(absl::string_view digits) { return digits.size() > 1 && digits[0] == '0'; }

}  // namespace

absl::optional<int64_t> parseInteger(absl::string_view text) {
  absl::string_view rest = text;
  const bool isNegative = absl::ConsumePrefix(&rest, "-");
  const absl::string_view digits = takeDigits(rest);
  int64_t value = 0;
  if (digits.empty() || hasLeadingZero(digits) || !rest.empty() || !absl::SimpleAtoi(text, &value)) return absl::nullopt;
  if (isNegative && value == 0) return absl::nullopt;
  return value;
}

absl::optional<double> parseNumber(absl::string_view text) {
  absl::string_view rest = text;
  absl::ConsumePrefix(&rest, "-");
  const absl::string_view whole = takeDigits(rest);
  const bool hasFraction = absl::ConsumePrefix(&rest, ".");
  if (hasFraction ? takeDigits(rest).empty() : whole.empty()) return absl::nullopt;
  if (absl::ConsumePrefix(&rest, "e") || absl::ConsumePrefix(&rest, "E")) {
    if (!absl::ConsumePrefix(&rest, "-")) absl::ConsumePrefix(&rest, "+");
    if (takeDigits(rest).empty()) return absl::nullopt;
  }
  double value = 0;
  if (hasLeadingZero(whole) || !rest.empty() || !absl::SimpleAtod(text, &value) || !std::isfinite(value))
    return absl::nullopt;
  return value;
}

}  // namespace cleave
