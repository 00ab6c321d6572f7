#include <cmath>
#include <vector>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// A loop over the tiles of one input, or of two.
absl::Status unary(const KernelCall &call, KernelContext &context, Unary *loop) {
  const float *x = call.inputs[0].as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain,
            [&](int64_t begin, int64_t end) { loop(x + begin, y + begin, end - begin); });
  return absl::OkStatus();
}

absl::Status binary(const KernelCall &call, KernelContext &context, Binary *loop) {
  const float *a = call.inputs[0].as<float>(), *b = call.inputs[1].as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain,
            [&](int64_t begin, int64_t end) { loop(a + begin, b + begin, y + begin, end - begin); });
  return absl::OkStatus();
}

// Functions of the C library, one by one.
template <float (*kFunction)(float)>
void each(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = kFunction(x[i]);
}

void powers(const float *a, const float *b, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = std::pow(a[i], b[i]);
}

bool usesTanh(const KernelCall &call) { return call.attributes.getString("approximate") == "tanh"; }

}  // namespace

absl::Status add(const KernelCall &call, KernelContext &context) { return binary(call, context, vectorKernels().add); }
absl::Status sub(const KernelCall &call, KernelContext &context) { return binary(call, context, vectorKernels().sub); }
absl::Status mul(const KernelCall &call, KernelContext &context) { return binary(call, context, vectorKernels().mul); }
absl::Status div(const KernelCall &call, KernelContext &context) { return binary(call, context, vectorKernels().div); }
absl::Status pow(const KernelCall &call, KernelContext &context) { return binary(call, context, powers); }
absl::Status maximum(const KernelCall &call, KernelContext &context) {
  return binary(call, context, vectorKernels().maximum);
}
absl::Status minimum(const KernelCall &call, KernelContext &context) {
  return binary(call, context, vectorKernels().minimum);
}
absl::Status reluGradient(const KernelCall &call, KernelContext &context) {
  return binary(call, context, vectorKernels().reluGradient);
}
absl::Status siluGradient(const KernelCall &call, KernelContext &context) {
  return binary(call, context, vectorKernels().siluGradient);
}
absl::Status geluGradient(const KernelCall &call, KernelContext &context) {
  return binary(call, context, usesTanh(call) ? vectorKernels().geluTanhGradient : vectorKernels().geluGradient);
}

absl::Status neg(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().neg); }
absl::Status abs(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().abs); }
absl::Status exp(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().exp); }
absl::Status log(const KernelCall &call, KernelContext &context) { return unary(call, context, each<std::log>); }
absl::Status sqrt(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().sqrt); }
absl::Status rsqrt(const KernelCall &call, KernelContext &context) {
  return unary(call, context, vectorKernels().rsqrt);
}
absl::Status sin(const KernelCall &call, KernelContext &context) { return unary(call, context, each<std::sin>); }
absl::Status cos(const KernelCall &call, KernelContext &context) { return unary(call, context, each<std::cos>); }
absl::Status tanh(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().tanh); }
absl::Status sigmoid(const KernelCall &call, KernelContext &context) {
  return unary(call, context, vectorKernels().sigmoid);
}
absl::Status relu(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().relu); }
absl::Status silu(const KernelCall &call, KernelContext &context) { return unary(call, context, vectorKernels().silu); }
absl::Status gelu(const KernelCall &call, KernelContext &context) {
  return unary(call, context, usesTanh(call) ? vectorKernels().geluTanh : vectorKernels().gelu);
}

absl::Status scale(const KernelCall &call, KernelContext &context) {
  const float *x = call.inputs[0].as<float>();
  const float factor = static_cast<float>(call.attributes.getDouble("factor"));
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain,
            [&](int64_t begin, int64_t end) { vectorKernels().scale(x + begin, factor, y + begin, end - begin); });
  return absl::OkStatus();
}

absl::Status select(const KernelCall &call, KernelContext &context) {
  const uint8_t *condition = call.inputs[0].as<uint8_t>();
  const float *a = call.inputs[1].as<float>(), *b = call.inputs[2].as<float>();
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    vectorKernels().select(condition + begin, a + begin, b + begin, y + begin, end - begin);
  });
  return absl::OkStatus();
}

absl::Status addN(const KernelCall &call, KernelContext &context) {
  std::vector<const float *> terms;
  for (const TensorView &view : call.inputs) terms.push_back(view.as<float>());
  float *y = call.outputs[0].as<float>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    vectorKernels().addN(terms.data(), static_cast<int>(terms.size()), begin, y + begin, end - begin);
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
