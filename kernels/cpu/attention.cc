#include <cmath>
#include <limits>

#include "kernels/cpu/attention_tile.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Turns a row of scores into probabilities, dropped ones too; returns the logarithm of the sum.
float normalizeRow(const AttentionTile &tile, float *scores, int64_t row) {
  const VectorKernels &loops = vectorKernels();
  tile.biasAndMask(scores, row);
  const int64_t first = tile.firstOf(row), n = tile.endOf(row) - first;
  float *seen = scores + row * tile.width() + first;
  const float high = loops.largest(seen, n);
  tile.clearUnseen(scores, row);
  if (high == kMinusInfinity) {
    std::fill(seen, seen + n, 0.0f);
    return high;
  }
  const float sum = loops.expShifted(seen, high, seen, n);
  loops.scale(seen, 1.0f / sum, seen, n);
  tile.drop(scores, row);
  return high + std::log(sum);
}

}  // namespace

bool takesAttention(const KernelCall &call) {
  if (!isDenseFloat(call)) return false;
  const TensorView &q = call.inputs[0], &k = call.inputs[1];
  const int64_t mostKeys = kWorkspaceBytes / static_cast<int64_t>(2 * sizeof(float));
  return k.shape[1] <= mostKeys && q.shape[2] * q.shape[3] <= kMaxGemmExtent &&
         k.shape[2] * k.shape[3] <= kMaxGemmExtent;
}

absl::Status attention(const KernelCall &call, KernelContext &context) {
  const AttentionArguments a = AttentionArguments::of(call, /*isGradient=*/false);
  float *lse = call.outputs[1].as<float>();
  const int64_t block = queriesInBlock(a), blocks = tilesOf(a.s, block);
  context.pool.parallelFor(a.b * a.h * blocks, [&](int64_t number, int worker) {
    const int64_t batch = number / (a.h * blocks), head = number / blocks % a.h, query = number % blocks * block;
    const AttentionTile tile(a, batch, head, query, std::min(block, a.s - query));
    float *scores = reinterpret_cast<float *>(context.workspaces[worker]);
    tile.computeScores(scores);
    for (int64_t row = 0; row < tile.rows; ++row)
      lse[(batch * a.h + head) * a.s + query + row] = normalizeRow(tile, scores, row);
    gemm(tile.rows, a.d, tile.width(), 1.0f, {scores, tile.width()}, {tile.keysOf(*a.v), tile.keyStride()}, 0.0f,
         tile.queriesOf(call.outputs[0]), tile.queryStride());
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
