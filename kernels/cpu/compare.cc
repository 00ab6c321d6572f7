// Comparisons, truth values and conversions: plain loops, which the compiler vectorises.

#include <functional>
#include <limits>
#include <type_traits>

#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

template <typename To, typename From, typename Function>
absl::Status mapOne(const KernelCall &call, KernelContext &context, Function function) {
  const From *x = call.inputs[0].as<From>();
  To *y = call.outputs[0].as<To>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = function(x[i]);
  });
  return absl::OkStatus();
}

template <typename T, typename Function>
absl::Status mapTwo(const KernelCall &call, KernelContext &context, Function function) {
  const T *a = call.inputs[0].as<T>(), *b = call.inputs[1].as<T>();
  uint8_t *y = call.outputs[0].as<uint8_t>();
  forRanges(context.pool, call.outputs[0].elements(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = function(a[i], b[i]);
  });
  return absl::OkStatus();
}

template <typename T>
absl::Status compareAs(const KernelCall &call, KernelContext &context) {
  const std::string &direction = call.attributes.getString("direction");
  if (direction == "eq") return mapTwo<T>(call, context, std::equal_to<T>());
  if (direction == "ne") return mapTwo<T>(call, context, std::not_equal_to<T>());
  if (direction == "lt") return mapTwo<T>(call, context, std::less<T>());
  if (direction == "le") return mapTwo<T>(call, context, std::less_equal<T>());
  if (direction == "gt") return mapTwo<T>(call, context, std::greater<T>());
  return mapTwo<T>(call, context, std::greater_equal<T>());
}

// Floats truncate to integers, held at the integer's range; NaN gives 0.
int32_t truncated(float value) {
  constexpr float kEnd = 2147483648.0f;
  const int32_t inside = static_cast<int32_t>(value > -kEnd && value < kEnd ? value : 0.0f);
  const int32_t below = value <= -kEnd ? std::numeric_limits<int32_t>::min() : inside;
  return value >= kEnd ? std::numeric_limits<int32_t>::max() : below;
}

// A bool is whether the value is not 0.
template <typename From>
absl::Status convertFrom(const KernelCall &call, KernelContext &context) {
  switch (call.outputs[0].dtype) {
    case DType::kBool:
      return mapOne<uint8_t, From>(call, context, [](From value) { return uint8_t{value != 0}; });
    case DType::kI32:
      return mapOne<int32_t, From>(call, context, [](From value) {
        if constexpr (std::is_same_v<From, float>) return truncated(value);
        return static_cast<int32_t>(value);
      });
    default:
      return mapOne<float, From>(call, context, [](From value) { return static_cast<float>(value); });
  }
}

}  // namespace

absl::Status compare(const KernelCall &call, KernelContext &context) {
  return call.inputs[0].dtype == DType::kI32 ? compareAs<int32_t>(call, context) : compareAs<float>(call, context);
}

absl::Status logicalAnd(const KernelCall &call, KernelContext &context) {
  return mapTwo<uint8_t>(call, context, [](uint8_t a, uint8_t b) { return uint8_t((a != 0) & (b != 0)); });
}

absl::Status logicalOr(const KernelCall &call, KernelContext &context) {
  return mapTwo<uint8_t>(call, context, [](uint8_t a, uint8_t b) { return uint8_t((a | b) != 0); });
}

absl::Status logicalNot(const KernelCall &call, KernelContext &context) {
  return mapOne<uint8_t, uint8_t>(call, context, [](uint8_t a) { return uint8_t{a == 0}; });
}

absl::Status convert(const KernelCall &call, KernelContext &context) {
  switch (call.inputs[0].dtype) {
    case DType::kBool:
      return convertFrom<uint8_t>(call, context);
    case DType::kI32:
      return convertFrom<int32_t>(call, context);
    default:
      return convertFrom<float>(call, context);
  }
}

}  // namespace cleave::cpu
