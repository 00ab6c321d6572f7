#include "kernels/cpu/vector/loops.h"
#include "kernels/cpu/vector/simd.h"

namespace cleave {
namespace CLEAVE_ISA {
namespace {

constexpr float kSqrtHalf = 0.707106781f, kInverseSqrtTwoPi = 0.398942280f;
constexpr float kSqrtTwoOverPi = 0.797884561f, kCubic = 0.044715f;

// x, where minus infinity counts as the lowest number: x * 0 is then 0.
CLEAVE_INLINE Floats held(Floats x) { return x < -3.4e38f ? all(-3.4e38f) : x; }

// e^x, finite. With e = e^-x, logistic(x) is s = 1 / (1 + e), and 1 - s is e * s without cancellation.
CLEAVE_INLINE Floats heldExponential(Floats x) { return exponential(smaller(x, all(80.0f))); }

CLEAVE_INLINE Floats geluTanhArgument(Floats x) { return kSqrtTwoOverPi * x * (1.0f + kCubic * x * x); }

}  // namespace

void neg(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return -a; });
}
void abs(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return absolute(a); });
}
void sqrt(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = __builtin_sqrtf(x[i]);
}
void rsqrt(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = 1.0f / __builtin_sqrtf(x[i]);
}
void relu(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return a < 0.0f ? all(0) : a; });
}
void exp(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return exponential(a); });
}
void tanh(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return hyperbolicTangent(a); });
}
void sigmoid(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return logistic(a); });
}
void silu(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return held(a) * logistic(a); });
}
void gelu(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, [](Floats a) { return 0.5f * held(a) * (1.0f + errorFunction(a * kSqrtHalf)); });
}
void geluTanh(const float *x, float *y, int64_t n) {
  mapVectors(n, y, x,
             [](Floats a) { return held(a) * logistic(2.0f * geluTanhArgument(a)); });  // 1 + tanh(u) = 2 logistic(2u)
}

void add(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return p + q; });
}
void sub(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return p - q; });
}
void mul(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return p * q; });
}
void div(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return p / q; });
}
void maximum(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return larger(p, q); });
}
void minimum(const float *a, const float *b, float *y, int64_t n) {
  mapVectors(n, y, a, b, [](Floats p, Floats q) { return smaller(p, q); });
}

void reluGradient(const float *x, const float *dy, float *dx, int64_t n) {
  mapVectors(n, dx, x, dy, [](Floats a, Floats d) { return a > 0.0f ? d : all(0); });
}
// Far from 0 a slope is 0 or 1; a is held where its powers would overflow.
void siluGradient(const float *x, const float *dy, float *dx, int64_t n) {
  mapVectors(n, dx, x, dy, [](Floats a, Floats d) {
    const Floats near = a < -1e4f ? all(-1e4f) : (a > 1e4f ? all(1e4f) : a);
    const Floats e = heldExponential(-near), s = 1.0f / (1.0f + e);
    return d * s * (1.0f + near * (e * s));
  });
}
void geluGradient(const float *x, const float *dy, float *dx, int64_t n) {
  mapVectors(n, dx, x, dy, [](Floats a, Floats d) {
    const Floats near = a < -1e4f ? all(-1e4f) : (a > 1e4f ? all(1e4f) : a);
    const Floats below = 0.5f * (1.0f + errorFunction(near * kSqrtHalf));
    return d * (below + near * kInverseSqrtTwoPi * exponential(-0.5f * near * near));
  });
}
void geluTanhGradient(const float *x, const float *dy, float *dx, int64_t n) {
  mapVectors(n, dx, x, dy, [](Floats a, Floats d) {
    const Floats near = a < -1e4f ? all(-1e4f) : (a > 1e4f ? all(1e4f) : a);
    const Floats e = heldExponential(-2.0f * geluTanhArgument(near)), s = 1.0f / (1.0f + e);
    const Floats inner = kSqrtTwoOverPi * (1.0f + 3.0f * kCubic * near * near);
    return d * (s + 2.0f * near * s * (e * s) * inner);
  });
}

void scale(const float *x, float factor, float *y, int64_t n) {
  mapVectors(n, y, x, [factor](Floats a) { return a * factor; });
}

void select(const uint8_t *condition, const float *a, const float *b, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = condition[i] ? a[i] : b[i];
}

void addN(const float *const *terms, int count, int64_t offset, float *y, int64_t n) {
  auto total = [&](int64_t i, auto read) __attribute__((always_inline)) {
    Floats sum = read(terms[0] + offset + i);
    for (int term = 1; term < count; ++term) sum += read(terms[term] + offset + i);
    return sum;
  };
  forVectors(
      n, [&](int64_t i) { store(y + i, total(i, [](const float *p) { return load(p); })); },
      [&](int64_t i, int64_t rest) {
        storeFirst(y + i, rest, total(i, [rest](const float *p) { return loadFirst(p, rest); }));
      });
}

}  // namespace CLEAVE_ISA
}  // namespace cleave
