// Vectors of floats, as wide as the instruction set that the including file is compiled for. The files of this folder
// are compiled once for each instruction set, with CLEAVE_ISA naming a namespace, so nothing here may have external
// linkage outside that namespace, and only headers without inline functions of their own may be included: the linker
// would be free to choose the copy with instructions that the machine lacks.

#ifndef CLEAVE_KERNELS_CPU_VECTOR_SIMD_H
#define CLEAVE_KERNELS_CPU_VECTOR_SIMD_H

#include <stdint.h>

namespace cleave {
namespace CLEAVE_ISA {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Floats __attribute__((vector_size(4 * kLanes)));
typedef int32_t Ints __attribute__((vector_size(4 * kLanes)));
typedef float UnalignedFloats __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));
typedef int32_t UnalignedInts __attribute__((vector_size(4 * kLanes), aligned(4), may_alias));

#define CLEAVE_INLINE static inline __attribute__((always_inline))

CLEAVE_INLINE Floats load(const float *p) { return *reinterpret_cast<const UnalignedFloats *>(p); }
CLEAVE_INLINE void store(float *p, Floats value) { *reinterpret_cast<UnalignedFloats *>(p) = value; }
CLEAVE_INLINE Floats all(float value) { return Floats{} + value; }

// The first n < kLanes elements; the other lanes are `rest`.
CLEAVE_INLINE Floats loadFirst(const float *p, int64_t n, float rest = 0) {
  Floats value = all(rest);
  for (int64_t i = 0; i < n; ++i) value[i] = p[i];
  return value;
}
CLEAVE_INLINE void storeFirst(float *p, int64_t n, Floats value) {
  for (int64_t i = 0; i < n; ++i) p[i] = value[i];
}

CLEAVE_INLINE Ints bitsOf(Floats x) { return reinterpret_cast<Ints>(x); }
CLEAVE_INLINE Floats floatsOf(Ints x) { return reinterpret_cast<Floats>(x); }
CLEAVE_INLINE Floats absolute(Floats x) { return floatsOf(bitsOf(x) & 0x7FFFFFFF); }
CLEAVE_INLINE Floats signOf(Floats x, Floats magnitude) {
  return floatsOf(bitsOf(magnitude) | (bitsOf(x) & int32_t(0x80000000)));
}

// NaN in `a` wins; NaN in `b` is returned too, as no comparison holds.
CLEAVE_INLINE Floats larger(Floats a, Floats b) { return (a > b) | (a != a) ? a : b; }
CLEAVE_INLINE Floats smaller(Floats a, Floats b) { return (a < b) | (a != a) ? a : b; }

// Sums in a fixed order: halves onto halves.
CLEAVE_INLINE float sumOf(Floats x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  return lanes[0];
}
// A NaN wins.
CLEAVE_INLINE float largestOf(Floats x) {
  float lanes[kLanes];
  store(lanes, x);
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i)
      lanes[i] = lanes[i] > lanes[i + width] || lanes[i] != lanes[i] ? lanes[i] : lanes[i + width];
  return lanes[0];
}

// Calls body(i) for each whole vector of [0, n) and tail(i, count) for what is left.
template <typename Body, typename Tail>
CLEAVE_INLINE void forVectors(int64_t n, Body body, Tail tail) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i);
  if (i < n) tail(i, n - i);
}

// y[i] = function(x[i]...) over n elements.
template <typename Function>
CLEAVE_INLINE void mapVectors(int64_t n, float *y, const float *a, Function function) {
  forVectors(
      n, [&](int64_t i) __attribute__((always_inline)) { store(y + i, function(load(a + i))); },
      [&](int64_t i, int64_t rest)
          __attribute__((always_inline)) { storeFirst(y + i, rest, function(loadFirst(a + i, rest))); });
}
template <typename Function>
CLEAVE_INLINE void mapVectors(int64_t n, float *y, const float *a, const float *b, Function function) {
  forVectors(
      n, [&](int64_t i) __attribute__((always_inline)) { store(y + i, function(load(a + i), load(b + i))); },
      [&](int64_t i, int64_t rest) __attribute__((always_inline)) {
        storeFirst(y + i, rest, function(loadFirst(a + i, rest), loadFirst(b + i, rest)));
      });
}

// The nearest integer of |x| < 2^22.
CLEAVE_INLINE Floats rounded(Floats x) { return (x + 12582912.0f) - 12582912.0f; }

// e^x within 1e-7 relative; 0 below -87.3, infinity above 88.7, NaN of a NaN.
CLEAVE_INLINE Floats exponential(Floats x) {
  const Floats held = x < -87.33654f ? all(-87.33654f) : (x > 88.72283f ? all(88.72283f) : x);
  const Floats n = rounded(held * 1.44269504f);
  const Floats r = (held - n * 0.693145752f) - n * 1.42860677e-6f;
  Floats q = all(0.0013942165533080697f);
  q = q * r + 0.008363775908946991f;
  q = q * r + 0.041666362434625626f;
  q = q * r + 0.16666573286056519f;
  q = q * r + 0.5f;
  const Floats value = 1.0f + (r + r * r * q);
  // 2^n in two factors, as n may be 128.
  const Ints whole = __builtin_convertvector(n, Ints), half = whole >> 1;
  const Floats scaled = value * floatsOf((half + 127) << 23) * floatsOf((whole - half + 127) << 23);
  const Floats bounded = x < -87.33654f ? all(0) : (x > 88.72283f ? all(__builtin_inff()) : scaled);
  return x != x ? x : bounded;
}

CLEAVE_INLINE Floats hyperbolicTangent(Floats x) {
  const Floats a = absolute(x), s = x * x;
  Floats p = all(-0.006010652985423803f);
  p = p * s + 0.020938675850629807f;
  p = p * s + -0.05383887141942978f;
  p = p * s + 0.1333269476890564f;
  p = p * s + -0.333333283662796f;
  const Floats nearZero = x + x * s * p;
  const Floats far = 1.0f - 2.0f / (exponential(2.0f * a) + 1.0f);
  return a < 0.625f ? nearZero : signOf(x, far);
}

CLEAVE_INLINE Floats errorFunction(Floats x) {
  const Floats a = absolute(x), s = x * x;
  Floats p = all(-0.0005886776489205658f);
  p = p * s + 0.004973117262125015f;
  p = p * s + -0.02675333432853222f;
  p = p * s + 0.11281466484069824f;
  p = p * s + -0.37612462043762207f;
  p = p * s + 0.12837915122509003f;
  const Floats nearZero = x + x * p;
  const Floats t = a > 4.0f ? all(4.0f) : a;  // erf(4) rounds to 1
  Floats e = all(0.00019718159455806017f);
  e = e * t + -0.003055606270208955f;
  e = e * t + 0.02227708324790001f;
  e = e * t + -0.10403735190629959f;
  e = e * t + -0.63705974817276f;
  e = e * t + -1.1277495622634888f;
  e = e * t + -0.00017749595281202346f;
  const Floats far = 1.0f - exponential(e);
  return a < 0.93f ? nearZero : signOf(x, far);
}

CLEAVE_INLINE Floats logistic(Floats x) { return 1.0f / (1.0f + exponential(-x)); }

}  // namespace CLEAVE_ISA
}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_VECTOR_SIMD_H
