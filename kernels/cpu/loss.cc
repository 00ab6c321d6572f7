#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/positions.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {

absl::Status crossEntropy(const KernelCall &call, KernelContext &context) {
  const TensorView &logits = call.inputs[0], &labels = call.inputs[1];
  const int64_t ignored = call.attributes.getInt("ignore_index", -100), n = lastExtent(logits),
                rows = labels.elements();
  if (absl::Status bounds = checkEntries(labels, n, "a label", ignored); !bounds.ok()) return bounds;
  const float *x = logits.as<float>();
  float *lse = call.outputs[2].as<float>();
  forRanges(context.pool, rows, rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float high = vectorKernels().largest(x + row * n, n);
      lse[row] = n == 0 ? high : high + std::log(vectorKernels().expShifted(x + row * n, high, nullptr, n));
    }
  });
  const int32_t *label = labels.as<int32_t>();
  double loss = 0, count = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (label[row] == ignored) continue;
    loss += double(lse[row]) - double(x[row * n + label[row]]);
    count += 1;
  }
  *call.outputs[0].as<float>() = static_cast<float>(loss);
  *call.outputs[1].as<float>() = static_cast<float>(count);
  return absl::OkStatus();
}

absl::Status crossEntropyGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &logits = call.inputs[0], &labels = call.inputs[1];
  const int64_t ignored = call.attributes.getInt("ignore_index", -100), offset = call.attributes.getInt("index_offset");
  if (absl::Status bounds = checkEntries(labels, call.attributes.getInt("index_size"), "a label", ignored);
      !bounds.ok())
    return bounds;
  const int64_t n = lastExtent(logits);
  const int32_t *label = labels.as<int32_t>();
  const float *x = logits.as<float>(), *lse = call.inputs[2].as<float>(), gradient = *call.inputs[3].as<float>();
  float *dx = call.outputs[0].as<float>();
  forRanges(context.pool, labels.elements(), rowGrain(n), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float *out = dx + row * n;
      if (label[row] == ignored) {
        std::memset(out, 0, n * sizeof(float));
        continue;
      }
      vectorKernels().crossEntropyGradientRow(x + row * n, lse[row], gradient, out, n);
      const int64_t target = label[row] - offset;
      if (target >= 0 && target < n) out[target] -= gradient;
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
