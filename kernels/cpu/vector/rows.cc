#include "kernels/cpu/vector/loops.h"
#include "kernels/cpu/vector/simd.h"

namespace cleave {
namespace CLEAVE_ISA {
namespace {

// Folds n floats into four vectors, which hide the latency of each other, and these into one.
template <typename Fold>
CLEAVE_INLINE Floats foldVectors(const float *x, int64_t n, float identity, Fold fold) {
  Floats parts[4] = {all(identity), all(identity), all(identity), all(identity)};
  int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    for (int part = 0; part < 4; ++part) parts[part] = fold(parts[part], load(x + i + part * kLanes));
  for (; i + kLanes <= n; i += kLanes) parts[0] = fold(parts[0], load(x + i));
  if (i < n) parts[1] = fold(parts[1], loadFirst(x + i, n - i, identity));
  return fold(fold(parts[0], parts[1]), fold(parts[2], parts[3]));
}

}  // namespace

float sum(const float *x, int64_t n) {
  return sumOf(foldVectors(x, n, 0, [](Floats a, Floats b) { return a + b; }));
}
float largest(const float *x, int64_t n) {
  return largestOf(foldVectors(x, n, -__builtin_inff(), [](Floats a, Floats b) { return larger(a, b); }));
}
float smallest(const float *x, int64_t n) {
  return -largestOf(-foldVectors(x, n, __builtin_inff(), [](Floats a, Floats b) { return smaller(a, b); }));
}

// Each vector's squares are widened before they are added.
double sumSquares(const float *x, int64_t n) {
  typedef double Doubles __attribute__((vector_size(8 * kLanes)));
  Doubles parts[2] = {Doubles{}, Doubles{}};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    for (int part = 0; part < 2; ++part) {
      const Doubles wide = __builtin_convertvector(load(x + i + part * kLanes), Doubles);
      parts[part] += wide * wide;
    }
  const Doubles total = parts[0] + parts[1];
  double sum = 0;
  for (int lane = 0; lane < kLanes; ++lane) sum += total[lane];
  for (; i < n; ++i) sum += double(x[i]) * double(x[i]);
  return sum;
}

float dot(const float *a, const float *b, int64_t n) {
  Floats parts[2] = {all(0), all(0)};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes)
    for (int part = 0; part < 2; ++part) parts[part] += load(a + i + part * kLanes) * load(b + i + part * kLanes);
  for (; i + kLanes <= n; i += kLanes) parts[0] += load(a + i) * load(b + i);
  if (i < n) parts[1] += loadFirst(a + i, n - i) * loadFirst(b + i, n - i);
  return sumOf(parts[0] + parts[1]);
}

float expShifted(const float *x, float shift, float *y, int64_t n) {
  Floats parts[2] = {all(0), all(0)};
  int64_t i = 0;
  auto one = [&](int64_t at, int part) __attribute__((always_inline)) {
    const Floats value = exponential(load(x + at) - shift);
    if (y) store(y + at, value);
    parts[part] += value;
  };
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    one(i, 0);
    one(i + kLanes, 1);
  }
  for (; i + kLanes <= n; i += kLanes) one(i, 0);
  if (i < n) {
    const Floats value = exponential(loadFirst(x + i, n - i, -__builtin_inff()) - shift);
    float lanes[kLanes];
    store(lanes, value);
    for (int64_t lane = 0; lane < n - i; ++lane) {
      if (y) y[i + lane] = lanes[lane];
      parts[1][0] += lanes[lane];
    }
  }
  return sumOf(parts[0] + parts[1]);
}

void axpy(float factor, const float *x, float *y, int64_t n) {
  mapVectors(n, y, x, y, [factor](Floats a, Floats b) { return b + factor * a; });
}

void softmaxGradientRow(const float *y, const float *dy, float delta, float *dx, int64_t n) {
  mapVectors(n, dx, y, dy, [delta](Floats p, Floats d) { return p * (d - delta); });
}

void crossEntropyGradientRow(const float *x, float lse, float factor, float *dx, int64_t n) {
  mapVectors(n, dx, x, [lse, factor](Floats a) { return factor * exponential(a - lse); });
}

void rotateHalves(const float *x1, const float *x2, const float *cosine, const float *sine, float *y1, float *y2,
                  int64_t n) {
  forVectors(
      n,
      [&](int64_t i) {
        const Floats a = load(x1 + i), b = load(x2 + i), c = load(cosine + i), s = load(sine + i);
        store(y1 + i, a * c - b * s);
        store(y2 + i, b * c + a * s);
      },
      [&](int64_t i, int64_t rest) {
        for (int64_t j = i; j < i + rest; ++j) {
          const float a = x1[j], b = x2[j];
          y1[j] = a * cosine[j] - b * sine[j];
          y2[j] = b * cosine[j] + a * sine[j];
        }
      });
}

}  // namespace CLEAVE_ISA
}  // namespace cleave
