// The rows of the CPU backend's table, by family.

#ifndef CLEAVE_KERNELS_CPU_FAMILIES_H
#define CLEAVE_KERNELS_CPU_FAMILIES_H

#include "kernels/api/registry.h"

namespace cleave::cpu {

using Run = absl::Status(const KernelCall &call, KernelContext &context);
using Takes = bool(const KernelCall &call);

// elementwise.cc
Run add, sub, mul, div, pow, maximum, minimum, select, scale, addN;
Run neg, abs, exp, log, sqrt, rsqrt, sin, cos, tanh, sigmoid, relu, silu, gelu;
Run reluGradient, siluGradient, geluGradient;
// compare.cc
Run compare, logicalAnd, logicalOr, logicalNot, convert;
// random.cc
Run dropout, random;
// shape.cc
Run constant, iota, broadcast, copy, keep, transpose, slice, pad, concat;
Takes takesConstant, takesCopy, takesAny;
// gather.cc
Run gather, gatherGradient, embedding, embeddingGradient;
// reduce.cc
Run reduce, cumulativeSum, expSum, sumSquares, softmax, softmaxGradient;
Takes takesReduce;
// matmul.cc
Run matmul, outer;
Takes takesMatmul, takesOuter;
// convolution.cc
Run convolution, convolutionInputGradient, convolutionWeightGradient;
Takes takesConvolution;
// pool.cc
Run maxPool, maxPoolGradient, averagePool, averagePoolGradient;
// norm.cc
Run layerNorm, layerNormGradient, rmsNorm, rmsNormGradient;
Takes takesNormGradient;
// attention.cc, attention_gradient.cc
Run attention, attentionGradient;
Takes takesAttention;
// rotary.cc
Run rotary;
// loss.cc
Run crossEntropy, crossEntropyGradient;
// optimizer.cc
Run clipScale, adamw, sgd;

}  // namespace cleave::cpu

#endif  // CLEAVE_KERNELS_CPU_FAMILIES_H
