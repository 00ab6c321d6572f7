#include "kernels/cpu/vector/loops.h"

namespace cleave {
namespace CLEAVE_ISA {

// Plain loops: the compiler vectorises them. In place or apart, never overlapping otherwise.
void adamw(const AdamwStep &step, const float *p, const float *g, const float *m, const float *v, float *pOut,
           float *mOut, float *vOut, int64_t n) {
  const AdamwStep s = step;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float gradient = g[i] * s.gradientScale;
    const float m1 = s.beta1 * m[i] + s.beta1Rest * gradient;
    const float v1 = s.beta2 * v[i] + s.beta2Rest * gradient * gradient;
    mOut[i] = m1;
    vOut[i] = v1;
    pOut[i] = p[i] * s.decay - s.lr * (m1 * s.correction1) / (__builtin_sqrtf(v1 * s.correction2) + s.epsilon);
  }
}

void sgd(const SgdStep &step, const float *p, const float *g, const float *buffer, float *pOut, float *bufferOut,
         int64_t n) {
  const SgdStep s = step;
  if (!buffer) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) pOut[i] = p[i] - s.lr * (g[i] * s.gradientScale + s.weightDecay * p[i]);
    return;
  }
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const float next = s.momentum * buffer[i] + (g[i] * s.gradientScale + s.weightDecay * p[i]);
    bufferOut[i] = next;
    pOut[i] = p[i] - s.lr * next;
  }
}

}  // namespace CLEAVE_ISA
}  // namespace cleave
