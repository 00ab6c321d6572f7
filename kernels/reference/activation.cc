#include <cmath>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

constexpr double kSqrtHalf = 0.70710678118654752440;
constexpr double kInverseSqrtTwoPi = 0.39894228040143267794;
constexpr double kSqrtTwoOverPi = 0.79788456080286535588;
constexpr double kGeluCubic = 0.044715;

// Computes in double whatever the dtype, and rounds once.
template <typename Function>
absl::Status unary(const KernelCall &call, Function function) {
  withFloat(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
      at<T>(call.outputs[0], i) = static_cast<T>(function(static_cast<double>(at<T>(call.inputs[0], i))));
    });
  });
  return absl::OkStatus();
}

// dx = slope(x) * dy.
template <typename Slope>
absl::Status gradient(const KernelCall &call, Slope slope) {
  withFloat(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
      const double x = at<T>(call.inputs[0], i), dy = at<T>(call.inputs[1], i);
      at<T>(call.outputs[0], i) = static_cast<T>(slope(x) * dy);
    });
  });
  return absl::OkStatus();
}

double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }

// x * P(X <= x) of a standard normal X; the limits hold where 0 * infinity would be NaN.
double geluOf(double x) {
  if (x == -HUGE_VAL) return 0;
  return 0.5 * x * std::erfc(-x * kSqrtHalf);
}

double geluTanhOf(double x) {
  if (x == -HUGE_VAL) return 0;
  return 0.5 * x * (1 + std::tanh(kSqrtTwoOverPi * (x + kGeluCubic * x * x * x)));
}

double geluSlope(double x) {
  if (std::isinf(x)) return x > 0;
  return 0.5 * std::erfc(-x * kSqrtHalf) + x * kInverseSqrtTwoPi * std::exp(-0.5 * x * x);
}

double geluTanhSlope(double x) {
  if (std::abs(x) > 1e50) return x > 0;
  const double t = std::tanh(kSqrtTwoOverPi * (x + kGeluCubic * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * kSqrtTwoOverPi * (1 + 3 * kGeluCubic * x * x);
}

bool usesTanh(const KernelCall &call) { return call.attributes.getString("approximate") == "tanh"; }

}  // namespace

absl::Status exp(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::exp(x); });
}

absl::Status log(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::log(x); });
}

absl::Status sqrt(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::sqrt(x); });
}

absl::Status rsqrt(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return 1 / std::sqrt(x); });
}

absl::Status sin(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::sin(x); });
}

absl::Status cos(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::cos(x); });
}

absl::Status tanh(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return std::tanh(x); });
}

absl::Status sigmoid(const KernelCall &call, KernelContext &) { return unary(call, sigmoidOf); }

absl::Status relu(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return x < 0 ? 0 : x; });
}

absl::Status silu(const KernelCall &call, KernelContext &) {
  return unary(call, [](double x) { return x == -HUGE_VAL ? 0 : x * sigmoidOf(x); });
}

absl::Status gelu(const KernelCall &call, KernelContext &) { return unary(call, usesTanh(call) ? geluTanhOf : geluOf); }

absl::Status reluGradient(const KernelCall &call, KernelContext &) {
  withFloat(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
      at<T>(call.outputs[0], i) = at<T>(call.inputs[0], i) > 0 ? at<T>(call.inputs[1], i) : T(0);
    });
  });
  return absl::OkStatus();
}

absl::Status siluGradient(const KernelCall &call, KernelContext &) {
  return gradient(call, [](double x) {
    if (std::isinf(x)) return x > 0 ? 1.0 : 0.0;
    return sigmoidOf(x) * (1 + x * sigmoidOf(-x));
  });
}

absl::Status geluGradient(const KernelCall &call, KernelContext &) {
  return gradient(call, usesTanh(call) ? geluTanhSlope : geluSlope);
}

}  // namespace cleave::reference
