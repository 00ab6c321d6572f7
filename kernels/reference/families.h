// The rows of the reference backend's table, by family.

#ifndef CLEAVE_KERNELS_REFERENCE_FAMILIES_H
#define CLEAVE_KERNELS_REFERENCE_FAMILIES_H

#include "kernels/api/registry.h"

namespace cleave::reference {

using Run = absl::Status(const KernelCall &call, KernelContext &context);

// elementwise.cc
Run add, sub, mul, div, pow, maximum, minimum;
Run logicalAnd, logicalOr, logicalNot, compare, select;
Run neg, abs, scale, convert, addN;
// activation.cc
Run exp, log, sqrt, rsqrt, sin, cos, tanh, sigmoid, relu, silu, gelu;
Run reluGradient, siluGradient, geluGradient;
// random.cc
Run dropout, random;
// shape.cc
Run constant, iota, broadcast, copy, keep, transpose, slice, pad, concat;
// gather.cc
Run gather, gatherGradient, embedding, embeddingGradient;
// reduce.cc
Run reduce, expSum, sumSquares, softmax, softmaxGradient, cumulativeSum;
// matmul.cc
Run matmul, outer;
// convolution.cc
Run convolution, convolutionInputGradient, convolutionWeightGradient;
// pool.cc
Run maxPool, maxPoolGradient, averagePool, averagePoolGradient;
// norm.cc
Run layerNorm, layerNormGradient, rmsNorm, rmsNormGradient;
// attention.cc
Run rotary, attention, attentionGradient;
// loss.cc
Run crossEntropy, crossEntropyGradient;
// optimizer.cc
Run clipScale, adamw, sgd;

}  // namespace cleave::reference

#endif  // CLEAVE_KERNELS_REFERENCE_FAMILIES_H
