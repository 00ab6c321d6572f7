#include "kernels/cpu/attention_tile.h"

#include <algorithm>
#include <limits>

#include "kernels/cpu/cpu_features.h"

namespace cleave::cpu {
namespace {

constexpr int64_t kMostQueries = 64;
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Hides the keys whose entry is 0. T is the mask's type.
template <typename T>
void hideZeros(const T *mask, float *scores, int64_t n) {
  for (int64_t j = 0; j < n; ++j)
    if (mask[j] == 0) scores[j] = kMinusInfinity;
}

}  // namespace

int64_t queriesInBlock(const AttentionArguments &a) {
  const int64_t floats = kWorkspaceBytes / static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(floats / (2 * std::max<int64_t>(1, a.t)), 1, kMostQueries);
}

AttentionTile::AttentionTile(const AttentionArguments &a, int64_t batch, int64_t head, int64_t query, int64_t rows)
    : a(a),
      batch(batch),
      head(head),
      kvHead(a.kvHeadOf(head)),
      query(query),
      rows(rows),
      low(a.firstKey(query)),
      high(a.endKey(query + rows - 1)) {}

float *AttentionTile::queriesOf(const TensorView &view) const {
  return view.as<float>() + ((batch * a.s + query) * a.h + head) * a.d;
}

float *AttentionTile::keysOf(const TensorView &view) const {
  return view.as<float>() + ((batch * a.t + low) * a.g + kvHead) * a.d;
}

void AttentionTile::computeScores(float *scores) const {
  gemm(rows, width(), a.d, static_cast<float>(a.scale), {queriesOf(*a.q), queryStride()},
       {keysOf(*a.k), keyStride(), /*isTransposed=*/true}, 0.0f, scores, width());
}

void AttentionTile::biasAndMask(float *scores, int64_t row) const {
  const int64_t first = firstOf(row), n = endOf(row) - first, key = low + first;
  float *seen = scores + row * width() + first;
  if (a.bias) {
    const float *bias = a.bias->as<float>() + (head * a.s + query + row) * a.t + key;
    vectorKernels().add(seen, bias, seen, n);
  }
  if (a.keyMask) {
    const int64_t start = batch * a.t + key;
    a.keyMask->dtype == DType::kBool ? hideZeros(a.keyMask->as<uint8_t>() + start, seen, n)
                                     : hideZeros(a.keyMask->as<int32_t>() + start, seen, n);
  }
  if (a.querySegments) {
    const int32_t own = a.querySegments->as<int32_t>()[batch * a.s + query + row];
    const int32_t *segments = a.keySegments->as<int32_t>() + batch * a.t + key;
    for (int64_t j = 0; j < n; ++j)
      if (segments[j] != own) seen[j] = kMinusInfinity;
  }
}

void AttentionTile::drop(float *values, int64_t row) const {
  if (a.dropoutRate == 0) return;
  const RandomKey key = randomKeyOf(*a.key);
  const RandomDraw draw = {{key.seedLow, key.seedHigh, key.stepLow, key.stepHigh}, a.id};
  const int64_t first = firstOf(row);
  float *seen = values + row * width() + first;
  vectorKernels().dropout(draw, dropoutThreshold(a.dropoutRate), static_cast<float>(1 / (1 - a.dropoutRate)),
                          a.dropoutElement(batch, head, query + row, low + first), seen, seen, endOf(row) - first);
}

void AttentionTile::clearUnseen(float *values, int64_t row) const {
  float *start = values + row * width();
  std::fill(start, start + firstOf(row), 0.0f);
  std::fill(start + endOf(row), start + width(), 0.0f);
}

}  // namespace cleave::cpu
