// 16-bit floats of files, as f32 and back.

#ifndef CLEAVE_RUNTIME_WEIGHTS_HALF_H
#define CLEAVE_RUNTIME_WEIGHTS_HALF_H

#include <cstdint>
#include <cstring>

namespace cleave {

inline float floatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Exact: every bf16 is an f32 with 16 zero bits behind it.
inline float floatOfBf16(uint16_t bits) { return floatOfBits(uint32_t(bits) << 16); }

// Exact. 1 sign bit, 5 of the exponent (bias 15), 10 of the mantissa.
inline float floatOfF16(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16, exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  if (exponent == 31) return floatOfBits(sign | 0x7F800000 | mantissa << 13);
  if (exponent != 0) return floatOfBits(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = float(mantissa) * (1.0f / 16777216.0f);  // subnormal: mantissa * 2^-24
  return sign != 0 ? -tiny : tiny;
}

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_HALF_H
