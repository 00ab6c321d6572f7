#include <cmath>
#include <cstring>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

void copyUnlessSame(ThreadPool &pool, const TensorView &from, const TensorView &to) {
  if (from.data == to.data) return;
  forRanges(pool, to.elements(), kGrain, [&](int64_t begin, int64_t end) {
    std::memcpy(to.as<float>() + begin, from.as<float>() + begin, (end - begin) * sizeof(float));
  });
}

}  // namespace

absl::Status clipScale(const KernelCall &call, KernelContext &) {
  const double norm = *call.inputs[0].as<float>();
  const double ratio = call.attributes.getDouble("max_norm") / (norm + 1e-6);
  *call.outputs[0].as<float>() = ratio >= 1 ? 1.0f : static_cast<float>(ratio);  // a NaN stays one
  return absl::OkStatus();
}

absl::Status adamw(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const auto &in = call.inputs;
  const auto &out = call.outputs;
  if (*in[7].as<uint8_t>() == 0) {
    copyUnlessSame(context.pool, in[0], out[0]);
    copyUnlessSame(context.pool, in[2], out[1]);
    copyUnlessSame(context.pool, in[3], out[2]);
    return absl::OkStatus();
  }
  const double lr = *in[4].as<float>() * attributes.getDouble("lr_factor"), count = *in[6].as<float>();
  const double beta1 = attributes.getDouble("beta1"), beta2 = attributes.getDouble("beta2");
  AdamwStep step;
  step.lr = static_cast<float>(lr);
  step.gradientScale = *in[5].as<float>();
  step.beta1 = static_cast<float>(beta1);
  step.beta2 = static_cast<float>(beta2);
  step.beta1Rest = static_cast<float>(1 - beta1);
  step.beta2Rest = static_cast<float>(1 - beta2);
  step.epsilon = static_cast<float>(attributes.getDouble("epsilon"));
  step.decay = static_cast<float>(1 - lr * attributes.getDouble("weight_decay"));
  step.correction1 = static_cast<float>(1 / (1 - std::pow(beta1, count)));
  step.correction2 = static_cast<float>(1 / (1 - std::pow(beta2, count)));
  forRanges(context.pool, out[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    vectorKernels().adamw(step, in[0].as<float>() + begin, in[1].as<float>() + begin, in[2].as<float>() + begin,
                          in[3].as<float>() + begin, out[0].as<float>() + begin, out[1].as<float>() + begin,
                          out[2].as<float>() + begin, end - begin);
  });
  return absl::OkStatus();
}

absl::Status sgd(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const auto &in = call.inputs;
  const auto &out = call.outputs;
  const bool hasBuffer = out.size() == 2;
  const size_t scalars = hasBuffer ? 3 : 2;
  if (*in[scalars + 2].as<uint8_t>() == 0) {
    copyUnlessSame(context.pool, in[0], out[0]);
    if (hasBuffer) copyUnlessSame(context.pool, in[2], out[1]);
    return absl::OkStatus();
  }
  const SgdStep step = {static_cast<float>(*in[scalars].as<float>() * attributes.getDouble("lr_factor")),
                        *in[scalars + 1].as<float>(), static_cast<float>(attributes.getDouble("momentum")),
                        static_cast<float>(attributes.getDouble("weight_decay"))};
  forRanges(context.pool, out[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    vectorKernels().sgd(step, in[0].as<float>() + begin, in[1].as<float>() + begin,
                        hasBuffer ? in[2].as<float>() + begin : nullptr, out[0].as<float>() + begin,
                        hasBuffer ? out[1].as<float>() + begin : nullptr, end - begin);
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
