#include "runtime/data/derived_inputs.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cleave {
namespace {

void shiftRight(const program::ModelFamily &family, absl::Span<int64_t> row) {
  for (size_t i = row.size(); i-- > 1;) row[i] = row[i - 1] == kIgnoredLabel ? family.padToken : row[i - 1];
  if (!row.empty()) row[0] = family.decoderStartToken;
}

void splitDocuments(int64_t endToken, bool wantsPositions, absl::Span<int64_t> row) {
  int64_t segment = 0, position = 0;
  for (int64_t &value : row) {
    const bool isEnd = value == endToken;
    value = wantsPositions ? position : segment;
    ++position;
    if (isEnd) {
      ++segment;
      position = 0;
    }
  }
}

}  // namespace

bool isHostPort(const std::string &name) { return name == "lr" || name == "rng"; }

program::DataInput inputOf(const program::Port &port, const program::ModelFamily &family) {
  for (const program::DataInput &input : family.inputs)
    if (input.name == port.name) return input;
  program::DataInput plain;
  plain.name = plain.source = port.name;
  plain.otherwise = "required";
  return plain;
}

bool isDerived(const program::DataInput &input) {
  return input.otherwise == "shift_right" || input.otherwise == "segments" || input.otherwise == "positions";
}

absl::optional<int64_t> standInOf(const program::DataInput &input) {
  static constexpr std::pair<absl::string_view, int64_t> kStandIns[] = {{"ones", 1}, {"zeros", 0}, {"minus_ones", -1}};
  for (const auto &[name, value] : kStandIns)
    if (input.otherwise == name) return value;
  return absl::nullopt;
}

std::string ValueRange::str() const {
  return absl::StrCat("from ", least, " to ", most, mayBeIgnored ? absl::StrCat(", or ", kIgnoredLabel) : "");
}

ValueRange rangeOf(const program::DataInput &input, DType dtype) {
  ValueRange range;
  range.mayBeIgnored = (input.source == "labels" && !isDerived(input)) || input.otherwise == "shift_right";
  if (input.limit > 0) {
    range.most = input.limit - 1;
  } else if (dtype == DType::kI32) {
    range.least = std::numeric_limits<int32_t>::min();
    range.most = std::numeric_limits<int32_t>::max();
  } else {
    range.least = INT64_MIN;
    range.most = INT64_MAX;
  }
  return range;
}

void deriveRow(const program::DataInput &input, const program::ModelFamily &family, absl::Span<int64_t> row) {
  if (input.otherwise == "shift_right") {
    shiftRight(family, row);
  } else if (isDerived(input)) {
    splitDocuments(family.documentEnd, /*wantsPositions=*/input.otherwise == "positions", row);
  }
}

}  // namespace cleave
