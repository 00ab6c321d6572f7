#include "kernels/cpu/vector/loops.h"
#include "kernels/cpu/vector/simd.h"

namespace cleave {
namespace CLEAVE_ISA {
namespace {

// The sum of term(i) over whole vectors and of term(j) of the rest, one by one.
template <typename Whole, typename Single>
CLEAVE_INLINE float sumTerms(int64_t n, Whole whole, Single single) {
  Floats parts[2] = {all(0), all(0)};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    parts[0] += whole(i);
    parts[1] += whole(i + kLanes);
  }
  for (; i + kLanes <= n; i += kLanes) parts[0] += whole(i);
  float rest = 0;
  for (; i < n; ++i) rest += single(i);
  return sumOf(parts[0] + parts[1]) + rest;
}

CLEAVE_INLINE float inverseRoot(float x) { return 1.0f / __builtin_sqrtf(x); }

}  // namespace

void layerNormRow(const float *x, const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                  float *rstd, int64_t c) {
  const float size = c > 0 ? float(c) : 1.0f;
  const float m = sum(x, c) / size;
  const float square = sumTerms(
      c,
      [&](int64_t i) {
        const Floats d = load(x + i) - m;
        return d * d;
      },
      [&](int64_t i) { return (x[i] - m) * (x[i] - m); });
  const float r = inverseRoot(square / size + epsilon);
  *mean = m;
  *rstd = r;
  forVectors(
      c, [&](int64_t i) { store(y + i, (load(x + i) - m) * r * load(gamma + i) + load(beta + i)); },
      [&](int64_t i, int64_t rest) {
        for (int64_t j = i; j < i + rest; ++j) y[j] = (x[j] - m) * r * gamma[j] + beta[j];
      });
}

void layerNormGradientRow(const float *dy, const float *x, const float *gamma, float mean, float rstd, float *dx,
                          float *dgamma, float *dbeta, int64_t c) {
  const float size = c > 0 ? float(c) : 1.0f;
  const float scaled = sumTerms(
      c, [&](int64_t i) { return load(dy + i) * load(gamma + i); }, [&](int64_t i) { return dy[i] * gamma[i]; });
  const float projected = sumTerms(
      c, [&](int64_t i) { return load(dy + i) * load(gamma + i) * ((load(x + i) - mean) * rstd); },
      [&](int64_t i) { return dy[i] * gamma[i] * ((x[i] - mean) * rstd); });
  const float scaledMean = scaled / size, projectedMean = projected / size;
  forVectors(
      c,
      [&](int64_t i) {
        const Floats d = load(dy + i), normalized = (load(x + i) - mean) * rstd;
        store(dgamma + i, load(dgamma + i) + d * normalized);
        store(dbeta + i, load(dbeta + i) + d);
        store(dx + i, (d * load(gamma + i) - scaledMean - normalized * projectedMean) * rstd);
      },
      [&](int64_t i, int64_t rest) {
        for (int64_t j = i; j < i + rest; ++j) {
          const float d = dy[j], normalized = (x[j] - mean) * rstd;
          dgamma[j] += d * normalized;
          dbeta[j] += d;
          dx[j] = (d * gamma[j] - scaledMean - normalized * projectedMean) * rstd;
        }
      });
}

void rmsNormRow(const float *x, const float *gamma, float epsilon, float *y, float *rstd, int64_t c) {
  const float size = c > 0 ? float(c) : 1.0f;
  const float r = inverseRoot(dot(x, x, c) / size + epsilon);
  *rstd = r;
  mapVectors(c, y, x, gamma, [r](Floats a, Floats g) { return a * r * g; });
}

void rmsNormGradientRow(const float *dy, const float *x, const float *gamma, float rstd, float *dx, float *dgamma,
                        int64_t c) {
  const float size = c > 0 ? float(c) : 1.0f;
  const float projected = sumTerms(
      c, [&](int64_t i) { return load(dy + i) * load(gamma + i) * (load(x + i) * rstd); },
      [&](int64_t i) { return dy[i] * gamma[i] * (x[i] * rstd); });
  const float projectedMean = projected / size;
  forVectors(
      c,
      [&](int64_t i) {
        const Floats d = load(dy + i), normalized = load(x + i) * rstd;
        store(dgamma + i, load(dgamma + i) + d * normalized);
        store(dx + i, (d * load(gamma + i) - normalized * projectedMean) * rstd);
      },
      [&](int64_t i, int64_t rest) {
        for (int64_t j = i; j < i + rest; ++j) {
          const float d = dy[j], normalized = x[j] * rstd;
          dgamma[j] += d * normalized;
          dx[j] = (d * gamma[j] - normalized * projectedMean) * rstd;
        }
      });
}

}  // namespace CLEAVE_ISA
}  // namespace cleave
