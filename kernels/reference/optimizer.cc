#include <cmath>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {

absl::Status clipScale(const KernelCall &call, KernelContext &) {
  const double largest = call.attributes.getDouble("max_norm");
  withFloat(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    const double ratio = largest / (double(at<T>(call.inputs[0], {})) + 1e-6);
    at<T>(call.outputs[0], {}) = ratio >= 1 ? T(1) : static_cast<T>(ratio);  // a NaN stays one
  });
  return absl::OkStatus();
}

absl::Status adamw(const KernelCall &call, KernelContext &) {
  const Attributes &attributes = call.attributes;
  const auto &in = call.inputs;
  const auto &out = call.outputs;
  const double lr = numberAt(in[4]) * attributes.getDouble("lr_factor"), scale = numberAt(in[5]),
               count = numberAt(in[6]);
  const bool isActive = numberAt(in[7]) != 0;
  const double beta1 = attributes.getDouble("beta1"), beta2 = attributes.getDouble("beta2");
  const double epsilon = attributes.getDouble("epsilon"), decay = attributes.getDouble("weight_decay");
  const double correction1 = 1 - std::pow(beta1, count), correction2 = 1 - std::pow(beta2, count);
  withFloat(out[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out[0].dims(), [&](const Index &i) {
      double p = at<T>(in[0], i), m = at<T>(in[2], i), v = at<T>(in[3], i);
      if (isActive) {
        const double g = at<T>(in[1], i) * scale;
        m = beta1 * m + (1 - beta1) * g;
        v = beta2 * v + (1 - beta2) * g * g;
        p *= 1 - lr * decay;
        p -= lr * (m / correction1) / (std::sqrt(v / correction2) + epsilon);
      }
      at<T>(out[0], i) = static_cast<T>(p);
      at<T>(out[1], i) = static_cast<T>(m);
      at<T>(out[2], i) = static_cast<T>(v);
    });
  });
  return absl::OkStatus();
}

absl::Status sgd(const KernelCall &call, KernelContext &) {
  const Attributes &attributes = call.attributes;
  const auto &in = call.inputs;
  const auto &out = call.outputs;
  const bool hasBuffer = out.size() == 2;
  const size_t scalars = hasBuffer ? 3 : 2;
  const double lr = numberAt(in[scalars]) * attributes.getDouble("lr_factor"), scale = numberAt(in[scalars + 1]);
  const bool isActive = numberAt(in[scalars + 2]) != 0;
  const double momentum = attributes.getDouble("momentum"), decay = attributes.getDouble("weight_decay");
  withFloat(out[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out[0].dims(), [&](const Index &i) {
      double p = at<T>(in[0], i), buffer = hasBuffer ? at<T>(in[2], i) : T(0);
      if (isActive) {
        buffer = momentum * buffer + at<T>(in[1], i) * scale + decay * p;
        p -= lr * buffer;
      }
      at<T>(out[0], i) = static_cast<T>(p);
      if (hasBuffer) at<T>(out[1], i) = static_cast<T>(buffer);
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
