#include "runtime/data/source_draw.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kernels/api/random.h"

namespace cleave {
namespace {

// Stands in the place of an op's id, so that draws share no random numbers with dropout or the order of rows.
constexpr uint32_t kDrawId = 0xDA7A0417;

}  // namespace

absl::StatusOr<SourceDraw> SourceDraw::create(const std::vector<double> &weights, uint64_t seed) {
  if (weights.empty()) return absl::InvalidArgumentError("requires at least one source, got none");
  std::vector<double> upTo;
  double sum = 0;
  for (double weight : weights) {
    if (!(weight > 0) || !std::isfinite(weight))
      return absl::InvalidArgumentError(absl::StrCat("requires finite weights above 0, got ", weight));
    upTo.push_back(sum += weight);
  }
  if (!std::isfinite(sum)) return absl::InvalidArgumentError("requires weights with a finite sum, got infinity");
  return SourceDraw(std::move(upTo), seed);
}

size_t SourceDraw::sourceOf(int64_t draw) const {
  const RandomKey key{uint32_t(seed_), uint32_t(seed_ >> 32), 0, 0};
  const auto words = randomBlock(key, kDrawId, uint64_t(draw));
  const double uniform = double((uint64_t(words[1]) << 32 | words[0]) >> 11) * 0x1p-53;  // in [0, 1)
  const auto found = std::upper_bound(upTo_.begin(), upTo_.end(), uniform * upTo_.back());
  return std::min(size_t(found - upTo_.begin()), upTo_.size() - 1);  // the product may be rounded up to the sum
}

}  // namespace cleave
