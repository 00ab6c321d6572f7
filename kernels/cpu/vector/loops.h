// The functions that table.cc lists, by file. Compiled once for each instruction set.

#ifndef CLEAVE_KERNELS_CPU_VECTOR_LOOPS_H
#define CLEAVE_KERNELS_CPU_VECTOR_LOOPS_H

#include "kernels/cpu/vector/vector_kernels.h"

namespace cleave {
namespace CLEAVE_ISA {

// elementwise.cc
Unary neg, abs, sqrt, rsqrt, relu, exp, tanh, sigmoid, silu, gelu, geluTanh;
Binary add, sub, mul, div, maximum, minimum, reluGradient, siluGradient, geluGradient, geluTanhGradient;
void scale(const float *x, float factor, float *y, int64_t n);
void select(const uint8_t *condition, const float *a, const float *b, float *y, int64_t n);
void addN(const float *const *terms, int count, int64_t offset, float *y, int64_t n);

// random.cc
void dropout(const RandomDraw &draw, uint32_t threshold, float factor, uint64_t element, const float *x, float *y,
             int64_t n);
void randomWords(const RandomDraw &draw, uint64_t firstBlock, uint32_t *words);

// rows.cc
float sum(const float *x, int64_t n);
float largest(const float *x, int64_t n);
float smallest(const float *x, int64_t n);
double sumSquares(const float *x, int64_t n);
float dot(const float *a, const float *b, int64_t n);
float expShifted(const float *x, float shift, float *y, int64_t n);
void axpy(float factor, const float *x, float *y, int64_t n);
void softmaxGradientRow(const float *y, const float *dy, float delta, float *dx, int64_t n);
void crossEntropyGradientRow(const float *x, float lse, float factor, float *dx, int64_t n);
void rotateHalves(const float *x1, const float *x2, const float *cosine, const float *sine, float *y1, float *y2,
                  int64_t n);

// norm.cc
void layerNormRow(const float *x, const float *gamma, const float *beta, float epsilon, float *y, float *mean,
                  float *rstd, int64_t c);
void layerNormGradientRow(const float *dy, const float *x, const float *gamma, float mean, float rstd, float *dx,
                          float *dgamma, float *dbeta, int64_t c);
void rmsNormRow(const float *x, const float *gamma, float epsilon, float *y, float *rstd, int64_t c);
void rmsNormGradientRow(const float *dy, const float *x, const float *gamma, float rstd, float *dx, float *dgamma,
                        int64_t c);

// optimizer.cc
void adamw(const AdamwStep &step, const float *p, const float *g, const float *m, const float *v, float *pOut,
           float *mOut, float *vOut, int64_t n);
void sgd(const SgdStep &step, const float *p, const float *g, const float *buffer, float *pOut, float *bufferOut,
         int64_t n);

}  // namespace CLEAVE_ISA
}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_VECTOR_LOOPS_H
