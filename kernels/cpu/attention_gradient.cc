#include <cstring>
#include <limits>

#include "kernels/cpu/attention_tile.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

struct Gradients {
  const TensorView &q, &k, &v;
  const TensorView *bias;  // null without a bias
};

// Of one row: scores become probabilities (dropped ones 0), and the gradients of the probabilities those of the scores.
void differentiateRow(const AttentionTile &tile, float *scores, float *gradients, int64_t row) {
  const VectorKernels &loops = vectorKernels();
  const AttentionArguments &a = tile.a;
  const int64_t first = tile.firstOf(row), n = tile.endOf(row) - first;
  float *seen = scores + row * tile.width() + first, *gradient = gradients + row * tile.width() + first;
  tile.clearUnseen(scores, row);
  tile.clearUnseen(gradients, row);
  const float lse = a.lse->as<float>()[(tile.batch * a.h + tile.head) * a.s + tile.query + row];
  if (lse == kMinusInfinity) {
    std::fill(seen, seen + n, 0.0f);
    std::fill(gradient, gradient + n, 0.0f);
    return;
  }
  tile.biasAndMask(scores, row);
  loops.expShifted(seen, lse, seen, n);
  const int64_t start = row * tile.queryStride();
  const float delta = loops.dot(tile.queriesOf(*a.outGradient) + start, tile.queriesOf(*a.out) + start, a.d);
  tile.drop(gradients, row);
  loops.softmaxGradientRow(seen, gradient, delta, gradient, n);
  tile.drop(scores, row);
}

void addBiasGradient(const AttentionTile &tile, const float *gradients, const TensorView &bias) {
  const AttentionArguments &a = tile.a;
  for (int64_t row = 0; row < tile.rows; ++row) {
    float *sums = bias.as<float>() + (tile.head * a.s + tile.query + row) * a.t + tile.low;
    vectorKernels().add(sums, gradients + row * tile.width(), sums, tile.width());
  }
}

void differentiateTile(const AttentionTile &tile, char *workspace, const Gradients &to) {
  const AttentionArguments &a = tile.a;
  const int64_t width = tile.width(), rows = tile.rows, queryStride = tile.queryStride(), keyStride = tile.keyStride();
  float *scores = reinterpret_cast<float *>(workspace), *gradients = scores + rows * width;
  const float *outGradient = tile.queriesOf(*a.outGradient), scale = static_cast<float>(a.scale);
  tile.computeScores(scores);
  gemm(rows, width, a.d, 1.0f, {outGradient, queryStride}, {tile.keysOf(*a.v), keyStride, /*isTransposed=*/true}, 0.0f,
       gradients, width);
  for (int64_t row = 0; row < rows; ++row) differentiateRow(tile, scores, gradients, row);
  if (to.bias) addBiasGradient(tile, gradients, *to.bias);
  gemm(width, a.d, rows, 1.0f, {scores, width, /*isTransposed=*/true}, {outGradient, queryStride}, 1.0f,
       tile.keysOf(to.v), keyStride);
  gemm(rows, a.d, width, scale, {gradients, width}, {tile.keysOf(*a.k), keyStride}, 0.0f, tile.queriesOf(to.q),
       queryStride);
  gemm(width, a.d, rows, scale, {gradients, width, /*isTransposed=*/true}, {tile.queriesOf(*a.q), queryStride}, 1.0f,
       tile.keysOf(to.k), keyStride);
}

// All that adds to one kv head of one example, in a fixed order.
void differentiateKvHead(const AttentionArguments &a, int64_t batch, int64_t kvHead, char *workspace,
                         const Gradients &to) {
  for (int64_t key = 0; key < a.t; ++key) {
    const int64_t start = ((batch * a.t + key) * a.g + kvHead) * a.d;
    std::memset(to.k.as<float>() + start, 0, a.d * sizeof(float));
    std::memset(to.v.as<float>() + start, 0, a.d * sizeof(float));
  }
  const int64_t block = queriesInBlock(a);
  for (int64_t head = 0; head < a.h; ++head) {
    if (a.kvHeadOf(head) != kvHead) continue;
    for (int64_t query = 0; query < a.s; query += block)
      differentiateTile(AttentionTile(a, batch, head, query, std::min(block, a.s - query)), workspace, to);
  }
}

}  // namespace

absl::Status attentionGradient(const KernelCall &call, KernelContext &context) {
  const AttentionArguments a = AttentionArguments::of(call, /*isGradient=*/true);
  const Gradients to = {call.outputs[0], call.outputs[1], call.outputs[2], a.bias ? &call.outputs[3] : nullptr};
  // The bias is shared by all examples, so one worker takes them all, in order.
  if (to.bias) {
    std::memset(to.bias->data, 0, to.bias->bytes());
    context.pool.parallelFor(a.g, [&](int64_t kvHead, int worker) {
      for (int64_t batch = 0; batch < a.b; ++batch)
        differentiateKvHead(a, batch, kvHead, context.workspaces[worker], to);
    });
  } else {
    context.pool.parallelFor(a.b * a.g, [&](int64_t number, int worker) {
      differentiateKvHead(a, number / a.g, number % a.g, context.workspaces[worker], to);
    });
  }
  return absl::OkStatus();
}

}  // namespace cleave::cpu
