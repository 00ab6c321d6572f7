#include <cstring>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

constexpr int64_t kRows = 16;  // of one tile, at least

// Sums over rows of `vectors` vectors of c floats each, such as dgamma and dbeta. Every tile of rows has its own
// partial sums in the first worker's scratch memory, which are then added in the tiles' order.
class FeatureSums {
 public:
  FeatureSums(KernelContext &context, int64_t rows, int64_t c, int vectors)
      : pool_(context.pool), parts_(reinterpret_cast<float *>(context.workspaces[0])), c_(c), vectors_(vectors) {
    const int64_t largest = kWorkspaceBytes / static_cast<int64_t>(sizeof(float)) / std::max<int64_t>(1, vectors * c);
    grain_ = std::max(kRows, tilesOf(rows, std::max<int64_t>(1, largest)));
    tiles_ = tilesOf(rows, grain_);
    rows_ = rows;
  }

  // Calls body(row, sums) for every row; sums has vectors * c floats.
  template <typename Body>
  void forRows(Body body) {
    pool_.parallelFor(tiles_, [&](int64_t tile, int) {
      float *sums = parts_ + tile * vectors_ * c_;
      std::memset(sums, 0, vectors_ * c_ * sizeof(float));
      for (int64_t row = tile * grain_; row < std::min(rows_, (tile + 1) * grain_); ++row) body(row, sums);
    });
  }

  void storeInto(int vector, float *result) {
    forRanges(pool_, c_, 1024, [&](int64_t begin, int64_t end) {
      std::memset(result + begin, 0, (end - begin) * sizeof(float));
      for (int64_t tile = 0; tile < tiles_; ++tile)
        vectorKernels().add(result + begin, parts_ + (tile * vectors_ + vector) * c_ + begin, result + begin,
                            end - begin);
    });
  }

 private:
  ThreadPool &pool_;
  float *parts_;
  int64_t c_, vectors_, grain_, tiles_, rows_;
};

}  // namespace

bool takesNormGradient(const KernelCall &call) {
  return isDenseFloat(call) && lastExtent(call.inputs[1]) * 2 * static_cast<int64_t>(sizeof(float)) <= kWorkspaceBytes;
}

absl::Status layerNorm(const KernelCall &call, KernelContext &context) {
  const int64_t c = lastExtent(call.inputs[0]);
  const float epsilon = static_cast<float>(call.attributes.getDouble("epsilon"));
  const float *x = call.inputs[0].as<float>(), *gamma = call.inputs[1].as<float>(), *beta = call.inputs[2].as<float>();
  float *y = call.outputs[0].as<float>(), *mean = call.outputs[1].as<float>(), *rstd = call.outputs[2].as<float>();
  forRanges(context.pool, rowsOf(call.inputs[0]), rowGrain(c), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      vectorKernels().layerNormRow(x + row * c, gamma, beta, epsilon, y + row * c, mean + row, rstd + row, c);
  });
  return absl::OkStatus();
}

absl::Status layerNormGradient(const KernelCall &call, KernelContext &context) {
  const int64_t c = lastExtent(call.inputs[1]);
  const float *dy = call.inputs[0].as<float>(), *x = call.inputs[1].as<float>(), *gamma = call.inputs[2].as<float>();
  const float *mean = call.inputs[3].as<float>(), *rstd = call.inputs[4].as<float>();
  float *dx = call.outputs[0].as<float>();
  FeatureSums sums(context, rowsOf(call.inputs[1]), c, /*vectors=*/2);
  sums.forRows([&](int64_t row, float *parts) {
    vectorKernels().layerNormGradientRow(dy + row * c, x + row * c, gamma, mean[row], rstd[row], dx + row * c, parts,
                                         parts + c, c);
  });
  sums.storeInto(0, call.outputs[1].as<float>());
  sums.storeInto(1, call.outputs[2].as<float>());
  return absl::OkStatus();
}

absl::Status rmsNorm(const KernelCall &call, KernelContext &context) {
  const int64_t c = lastExtent(call.inputs[0]);
  const float epsilon = static_cast<float>(call.attributes.getDouble("epsilon"));
  const float *x = call.inputs[0].as<float>(), *gamma = call.inputs[1].as<float>();
  float *y = call.outputs[0].as<float>(), *rstd = call.outputs[1].as<float>();
  forRanges(context.pool, rowsOf(call.inputs[0]), rowGrain(c), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      vectorKernels().rmsNormRow(x + row * c, gamma, epsilon, y + row * c, rstd + row, c);
  });
  return absl::OkStatus();
}

absl::Status rmsNormGradient(const KernelCall &call, KernelContext &context) {
  const int64_t c = lastExtent(call.inputs[1]);
  const float *dy = call.inputs[0].as<float>(), *x = call.inputs[1].as<float>(), *gamma = call.inputs[2].as<float>();
  const float *rstd = call.inputs[3].as<float>();
  float *dx = call.outputs[0].as<float>();
  FeatureSums sums(context, rowsOf(call.inputs[1]), c, /*vectors=*/1);
  sums.forRows([&](int64_t row, float *parts) {
    vectorKernels().rmsNormGradientRow(dy + row * c, x + row * c, gamma, rstd[row], dx + row * c, parts, c);
  });
  sums.storeInto(0, call.outputs[1].as<float>());
  return absl::OkStatus();
}

}  // namespace cleave::cpu
