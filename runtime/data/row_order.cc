#include "runtime/data/row_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/api/random.h"

namespace cleave {
namespace {

// Stands in the place of an op's id, so that the order shares no random numbers with dropout.
constexpr uint32_t kOrderId = 0xDA7A04DE;

std::vector<int64_t> permutationOf(int64_t rows, uint64_t seed, uint64_t epoch) {
  std::vector<int64_t> permutation(static_cast<size_t>(rows));
  std::iota(permutation.begin(), permutation.end(), int64_t{0});
  const RandomKey key{uint32_t(seed), uint32_t(seed >> 32), uint32_t(epoch), uint32_t(epoch >> 32)};
  for (int64_t i = rows - 1; i > 0; --i) {
    const auto words = randomBlock(key, kOrderId, uint64_t(i));
    const uint64_t bits = uint64_t(words[1]) << 32 | words[0];
    const int64_t other = int64_t((unsigned __int128)bits * (unsigned __int128)(i + 1) >> 64);  // in [0, i]
    std::swap(permutation[size_t(i)], permutation[size_t(other)]);
  }
  return permutation;
}

}  // namespace

RowOrder RowOrder::mixed(SourceDraw draw, std::vector<RowOrder> parts) {
  int64_t rows = 0;
  for (const RowOrder &part : parts) rows += part.rows_;
  RowOrder order(rows, 0, /*isShuffled=*/false);
  order.draw_ = std::move(draw);
  order.taken_.resize(parts.size());
  order.parts_ = std::move(parts);
  return order;
}

int64_t RowOrder::mixedRowAt(int64_t position) {
  if (position < drawn_) {
    drawn_ = 0;
    std::fill(taken_.begin(), taken_.end(), 0);
  }
  for (; drawn_ < position; ++drawn_) ++taken_[draw_->sourceOf(drawn_)];
  const size_t source = draw_->sourceOf(position);
  int64_t first = 0;
  for (size_t i = 0; i < source; ++i) first += parts_[i].rows_;
  return first + parts_[source].rowAt(taken_[source]);
}

int64_t RowOrder::rowAt(int64_t position) {
  if (draw_) return mixedRowAt(position);
  const int64_t epoch = position / rows_, index = position % rows_;
  if (!isShuffled_) return index;
  if (epoch != epoch_) {
    permutation_ = permutationOf(rows_, seed_, uint64_t(epoch));
    epoch_ = epoch;
  }
  return permutation_[size_t(index)];
}

}  // namespace cleave
