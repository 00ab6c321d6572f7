#include "tools/cli/link_spec.h"

#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"

namespace cleave::cli {
namespace {

struct Unit {
  absl::string_view name;
  double size;
};
constexpr Unit kBandwidths[] = {{"GB/s", 1e9}, {"MB/s", 1e6}, {"kB/s", 1e3}, {"B/s", 1}};
constexpr Unit kLatencies[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};

constexpr double kMostBandwidth = 1e18;  // bytes/s
constexpr double kMostLatency = 1e4;     // s

// Digits and a unit: no sign, no spaces, nothing else that a number may be spelt with.
bool parseQuantity(absl::string_view text, absl::Span<const Unit> units, double &value) {
  for (const Unit &unit : units) {
    absl::string_view digits = text;
    if (!absl::ConsumeSuffix(&digits, unit.name)) continue;
    if (digits.empty() || digits.find_first_not_of("0123456789.eE+-") != absl::string_view::npos) return false;
    if (digits[0] == '-' || digits[0] == '+' || !absl::SimpleAtod(digits, &value)) return false;
    value *= unit.size;
    return std::isfinite(value);
  }
  return false;
}

}  // namespace

absl::StatusOr<LinkSpec> parseLink(absl::string_view text) {
  const auto wrong = [&](absl::string_view rule) {
    return absl::InvalidArgumentError(absl::StrCat("requires ", rule, ", got \"", text, "\""));
  };
  const size_t equals = text.find('='), comma = text.find(',');
  if (equals == absl::string_view::npos || equals == 0 || comma == absl::string_view::npos || comma < equals)
    return wrong("AXIS=BANDWIDTH,LATENCY like model=1GB/s,50us");
  LinkSpec link;
  link.axis = std::string(text.substr(0, equals));
  if (!parseQuantity(text.substr(equals + 1, comma - equals - 1), kBandwidths, link.bytesPerSecond) ||
      link.bytesPerSecond <= 0 || link.bytesPerSecond > kMostBandwidth)
    return wrong(absl::StrCat("a bandwidth above 0 and up to ", kMostBandwidth, " in B/s, kB/s, MB/s or GB/s"));
  if (!parseQuantity(text.substr(comma + 1), kLatencies, link.latencySeconds) || link.latencySeconds > kMostLatency)
    return wrong(absl::StrCat("a latency from 0 to ", kMostLatency, " seconds in ns, us, ms or s"));
  return link;
}

}  // namespace cleave::cli
