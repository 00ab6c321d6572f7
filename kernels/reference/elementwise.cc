#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

template <typename T, typename Function>
void mapUnary(const KernelCall &call, Function function) {
  forEachIndex(call.outputs[0].dims(),
               [&](const Index &i) { at<T>(call.outputs[0], i) = function(at<T>(call.inputs[0], i)); });
}

template <typename T, typename Function>
void mapBinary(const KernelCall &call, Function function) {
  forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
    at<T>(call.outputs[0], i) = function(at<T>(call.inputs[0], i), at<T>(call.inputs[1], i));
  });
}

template <typename Function>
absl::Status numberBinary(const KernelCall &call, Function function) {
  withNumber(call.outputs[0].dtype, [&](auto type) { mapBinary<decltype(type)>(call, function); });
  return absl::OkStatus();
}

template <typename Function>
absl::Status floatBinary(const KernelCall &call, Function function) {
  withFloat(call.outputs[0].dtype, [&](auto type) { mapBinary<decltype(type)>(call, function); });
  return absl::OkStatus();
}

template <typename Function>
absl::Status boolBinary(const KernelCall &call, Function function) {
  mapBinary<uint8_t>(call, [&](uint8_t a, uint8_t b) -> uint8_t { return function(a != 0, b != 0); });
  return absl::OkStatus();
}

// Integers wrap around; floats do as they do.
template <typename T, typename Function>
T wrapping(T a, T b, Function function) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(function(static_cast<U>(a), static_cast<U>(b)));
  } else {
    return function(a, b);
  }
}

template <typename T>
bool holds(absl::string_view direction, T a, T b) {
  if (direction == "eq") return a == b;
  if (direction == "ne") return a != b;
  if (direction == "lt") return a < b;
  if (direction == "le") return a <= b;
  if (direction == "gt") return a > b;
  return a >= b;
}

// Floats truncate to integers, held at the integer's range; NaN gives 0. A bool is whether the value is not 0.
template <typename To, typename From>
To converted(From value) {
  if constexpr (std::is_same_v<To, uint8_t>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (std::isnan(value)) return 0;
    if (value <= static_cast<From>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (value >= static_cast<From>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

absl::Status add(const KernelCall &call, KernelContext &) {
  return numberBinary(call, [](auto a, auto b) { return wrapping(a, b, [](auto x, auto y) { return x + y; }); });
}

absl::Status sub(const KernelCall &call, KernelContext &) {
  return numberBinary(call, [](auto a, auto b) { return wrapping(a, b, [](auto x, auto y) { return x - y; }); });
}

absl::Status mul(const KernelCall &call, KernelContext &) {
  return numberBinary(call, [](auto a, auto b) { return wrapping(a, b, [](auto x, auto y) { return x * y; }); });
}

absl::Status div(const KernelCall &call, KernelContext &) {
  return floatBinary(call, [](auto a, auto b) { return a / b; });
}

absl::Status pow(const KernelCall &call, KernelContext &) {
  return floatBinary(call, [](auto a, auto b) { return std::pow(a, b); });
}

// NaN wins over every number.
absl::Status maximum(const KernelCall &call, KernelContext &) {
  return numberBinary(call, [](auto a, auto b) { return a != a || a > b ? a : b; });
}

absl::Status minimum(const KernelCall &call, KernelContext &) {
  return numberBinary(call, [](auto a, auto b) { return a != a || a < b ? a : b; });
}

absl::Status logicalAnd(const KernelCall &call, KernelContext &) {
  return boolBinary(call, [](bool a, bool b) { return a && b; });
}

absl::Status logicalOr(const KernelCall &call, KernelContext &) {
  return boolBinary(call, [](bool a, bool b) { return a || b; });
}

absl::Status logicalNot(const KernelCall &call, KernelContext &) {
  mapUnary<uint8_t>(call, [](uint8_t a) -> uint8_t { return a == 0; });
  return absl::OkStatus();
}

absl::Status compare(const KernelCall &call, KernelContext &) {
  const std::string &direction = call.attributes.getString("direction");
  withNumber(call.inputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
      at<uint8_t>(call.outputs[0], i) = holds(direction, at<T>(call.inputs[0], i), at<T>(call.inputs[1], i));
    });
  });
  return absl::OkStatus();
}

absl::Status select(const KernelCall &call, KernelContext &) {
  forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
    copyElement(call.outputs[0], i, call.inputs[at<uint8_t>(call.inputs[0], i) ? 1 : 2], i);
  });
  return absl::OkStatus();
}

absl::Status neg(const KernelCall &call, KernelContext &) {
  withNumber(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    mapUnary<T>(call, [](T a) {
      if constexpr (std::is_integral_v<T>)
        return wrapping(T(0), a, [](auto x, auto y) { return x - y; });
      else
        return -a;
    });
  });
  return absl::OkStatus();
}

absl::Status abs(const KernelCall &call, KernelContext &) {
  withNumber(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    mapUnary<T>(call, [](T a) {
      if constexpr (std::is_integral_v<T>)
        return a < 0 ? wrapping(T(0), a, [](auto x, auto y) { return x - y; }) : a;
      else
        return std::abs(a);
    });
  });
  return absl::OkStatus();
}

absl::Status scale(const KernelCall &call, KernelContext &) {
  const double factor = call.attributes.getDouble("factor");
  withFloat(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    mapUnary<T>(call, [factor](T a) { return a * static_cast<T>(factor); });
  });
  return absl::OkStatus();
}

absl::Status convert(const KernelCall &call, KernelContext &) {
  withNumberOrBool(call.inputs[0].dtype, [&](auto from) {
    withNumberOrBool(call.outputs[0].dtype, [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      forEachIndex(call.outputs[0].dims(),
                   [&](const Index &i) { at<To>(call.outputs[0], i) = converted<To>(at<From>(call.inputs[0], i)); });
    });
  });
  return absl::OkStatus();
}

absl::Status addN(const KernelCall &call, KernelContext &) {
  withNumber(call.outputs[0].dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(call.outputs[0].dims(), [&](const Index &i) {
      T sum = at<T>(call.inputs[0], i);
      for (size_t n = 1; n < call.inputs.size(); ++n)
        sum = wrapping(sum, at<T>(call.inputs[n], i), [](auto x, auto y) { return x + y; });
      at<T>(call.outputs[0], i) = sum;
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
