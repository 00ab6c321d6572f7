#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

void rotatePairs(const float *x, const float *cosine, const float *sine, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    y[2 * i] = a * cosine[i] - b * sine[i];
    y[2 * i + 1] = b * cosine[i] + a * sine[i];
  }
}

}  // namespace

absl::Status rotary(const KernelCall &call, KernelContext &context) {
  const TensorView &x = call.inputs[0];
  const int32_t *positions = call.inputs[1].as<int32_t>();
  const std::vector<double> &frequencies = call.attributes.getDoubles("frequencies");
  const bool isPairs = call.attributes.getString("layout") == "pairs";
  const double factor = call.attributes.getDouble("factor"), sign = call.attributes.getInt("inverse") ? -1 : 1;
  const int64_t heads = x.shape[2], d = x.shape[3], n = frequencies.size();
  const float *from = x.as<float>();
  float *to = call.outputs[0].as<float>();
  forRanges(context.pool, x.shape[0] * x.shape[1], rowGrain(heads * d), [&](int64_t begin, int64_t end) {
    std::vector<float> cosine(n), sine(n);
    for (int64_t token = begin; token < end; ++token) {
      for (int64_t i = 0; i < n; ++i) {
        const double angle = positions[token] * frequencies[i];
        cosine[i] = static_cast<float>(std::cos(angle) * factor);
        sine[i] = static_cast<float>(std::sin(angle) * factor * sign);
      }
      for (int64_t head = 0; head < heads; ++head) {
        const float *in = from + (token * heads + head) * d;
        float *out = to + (token * heads + head) * d;
        if (isPairs) {
          rotatePairs(in, cosine.data(), sine.data(), out, n);
        } else {
          vectorKernels().rotateHalves(in, in + n, cosine.data(), sine.data(), out, out + n, n);
        }
        if (in != out) std::memcpy(out + 2 * n, in + 2 * n, (d - 2 * n) * sizeof(float));
      }
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
