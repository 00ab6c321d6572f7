// Loops over contiguous floats, in one version for each instruction set. No threads, no shapes, no checks: kernels/cpu
// cuts its tiles and calls these.

#ifndef CLEAVE_KERNELS_CPU_VECTOR_VECTOR_KERNELS_H
#define CLEAVE_KERNELS_CPU_VECTOR_VECTOR_KERNELS_H

#include <stdint.h>

namespace cleave {

struct AdamwStep {
  float lr, gradientScale, epsilon;
  float decay;                     // 1 - lr * weight_decay
  float beta1, beta1Rest;          // beta1 and 1 - beta1
  float beta2, beta2Rest;          // likewise
  float correction1, correction2;  // 1 / (1 - beta^t)
};

struct SgdStep {
  float lr, gradientScale, momentum, weightDecay;
};

// A stream of random bits: those of element e are word e % 4 of block e / 4.
struct RandomDraw {
  uint32_t key[4];  // seed low, high, step low, high
  uint32_t id;
};

constexpr int kRandomBlocks = 64;  // drawn together

using Unary = void(const float *x, float *y, int64_t n);
using Binary = void(const float *a, const float *b, float *y, int64_t n);

struct VectorKernels {
  const char *name;

  // y = f(x), and y = f(a, b). All may run in place.
  Unary *neg, *abs, *sqrt, *rsqrt, *relu, *exp, *tanh, *sigmoid, *silu, *gelu, *geluTanh;
  Binary *add, *sub, *mul, *div, *maximum, *minimum;
  Binary *reluGradient, *siluGradient, *geluGradient, *geluTanhGradient;  // (x, dy, dx)
  void (*scale)(const float *x, float factor, float *y, int64_t n);
  void (*select)(const uint8_t *condition, const float *a, const float *b, float *y, int64_t n);
  void (*addN)(const float *const *terms, int count, int64_t offset, float *y, int64_t n);  // reads terms[i] + offset
  // y = bits >= threshold ? x * factor : 0 for n elements from global `element`.
  void (*dropout)(const RandomDraw &draw, uint32_t threshold, float factor, uint64_t element, const float *x, float *y,
                  int64_t n);
  // The four words of each of kRandomBlocks blocks.
  void (*randomWords)(const RandomDraw &draw, uint64_t firstBlock, uint32_t *words);

  // Over one stretch of n floats.
  float (*sum)(const float *x, int64_t n);
  float (*largest)(const float *x, int64_t n);   // -infinity if empty; a NaN wins
  float (*smallest)(const float *x, int64_t n);  // infinity if empty; a NaN wins
  double (*sumSquares)(const float *x, int64_t n);
  float (*dot)(const float *a, const float *b, int64_t n);
  // y = exp(x - shift); the sum of y. y may be null (only the sum) or x.
  float (*expShifted)(const float *x, float shift, float *y, int64_t n);
  void (*axpy)(float factor, const float *x, float *y, int64_t n);  // y += factor * x
  // dx = y * (dy - delta)
  void (*softmaxGradientRow)(const float *y, const float *dy, float delta, float *dx, int64_t n);
  // dx = factor * exp(x - lse)
  void (*crossEntropyGradientRow)(const float *x, float lse, float factor, float *dx, int64_t n);

  // Rows of c features.
  void (*layerNormRow)(const float *x, const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                       float *rstd, int64_t c);
  // Writes dx and adds to dgamma and dbeta.
  void (*layerNormGradientRow)(const float *dy, const float *x, const float *gamma, float mean, float rstd, float *dx,
                               float *dgamma, float *dbeta, int64_t c);
  void (*rmsNormRow)(const float *x, const float *gamma, float epsilon, float *y, float *rstd, int64_t c);
  void (*rmsNormGradientRow)(const float *dy, const float *x, const float *gamma, float rstd, float *dx, float *dgamma,
                             int64_t c);
  // (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin), n of each.
  void (*rotateHalves)(const float *x1, const float *x2, const float *cosine, const float *sine, float *y1, float *y2,
                       int64_t n);

  void (*adamw)(const AdamwStep &step, const float *p, const float *g, const float *m, const float *v, float *pOut,
                float *mOut, float *vOut, int64_t n);
  // buffer and bufferOut are null without momentum's buffer.
  void (*sgd)(const SgdStep &step, const float *p, const float *g, const float *buffer, float *pOut, float *bufferOut,
              int64_t n);
};

// One for each instruction set; only call what the CPU has.
namespace baseline {
extern const VectorKernels kVectorKernels;
}
namespace avx2 {
extern const VectorKernels kVectorKernels;
}
namespace avx512 {
extern const VectorKernels kVectorKernels;
}

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_VECTOR_VECTOR_KERNELS_H
