// What each kernel demands of a call: one function for each signature, shared by all backends. A kernel that is called
// with what its check accepted touches no element outside its views, whatever the data.

#ifndef CLEAVE_KERNELS_CHECKS_CHECKS_H
#define CLEAVE_KERNELS_CHECKS_CHECKS_H

#include "absl/status/status.h"
#include "kernels/api/registry.h"

namespace cleave {

// Elementwise.
absl::Status checkUnaryNumber(const KernelCall &call);
absl::Status checkUnaryFloat(const KernelCall &call);
absl::Status checkBinaryNumber(const KernelCall &call);
absl::Status checkBinaryFloat(const KernelCall &call);
absl::Status checkCompare(const KernelCall &call);
absl::Status checkLogicalBinary(const KernelCall &call);
absl::Status checkLogicalNot(const KernelCall &call);
absl::Status checkSelect(const KernelCall &call);
absl::Status checkScale(const KernelCall &call);
absl::Status checkGelu(const KernelCall &call);
absl::Status checkGeluGradient(const KernelCall &call);
absl::Status checkConvert(const KernelCall &call);
absl::Status checkDropout(const KernelCall &call);
absl::Status checkAddN(const KernelCall &call);

// Shape.
absl::Status checkConstant(const KernelCall &call);
absl::Status checkIota(const KernelCall &call);
absl::Status checkBroadcast(const KernelCall &call);
absl::Status checkCopy(const KernelCall &call);
absl::Status checkKeep(const KernelCall &call);
absl::Status checkTranspose(const KernelCall &call);
absl::Status checkSlice(const KernelCall &call);
absl::Status checkPad(const KernelCall &call);
absl::Status checkConcat(const KernelCall &call);
absl::Status checkGather(const KernelCall &call);
absl::Status checkGatherGradient(const KernelCall &call);
absl::Status checkCumulativeSum(const KernelCall &call);
absl::Status checkRandom(const KernelCall &call);

// Reductions.
absl::Status checkReduce(const KernelCall &call);
absl::Status checkExpSum(const KernelCall &call);
absl::Status checkSumSquares(const KernelCall &call);
absl::Status checkSoftmax(const KernelCall &call);
absl::Status checkSoftmaxGradient(const KernelCall &call);

// Dense.
absl::Status checkMatmul(const KernelCall &call);
absl::Status checkOuter(const KernelCall &call);
absl::Status checkEmbedding(const KernelCall &call);
absl::Status checkEmbeddingGradient(const KernelCall &call);

// Images.
absl::Status checkConvolution(const KernelCall &call);
absl::Status checkConvolutionInputGradient(const KernelCall &call);
absl::Status checkConvolutionWeightGradient(const KernelCall &call);
absl::Status checkMaxPool(const KernelCall &call);
absl::Status checkMaxPoolGradient(const KernelCall &call);
absl::Status checkAveragePool(const KernelCall &call);
absl::Status checkAveragePoolGradient(const KernelCall &call);

// Norms.
absl::Status checkLayerNorm(const KernelCall &call);
absl::Status checkLayerNormGradient(const KernelCall &call);
absl::Status checkRmsNorm(const KernelCall &call);
absl::Status checkRmsNormGradient(const KernelCall &call);

// Attention.
absl::Status checkRotary(const KernelCall &call);
absl::Status checkAttention(const KernelCall &call);
absl::Status checkAttentionGradient(const KernelCall &call);

// Loss.
absl::Status checkCrossEntropy(const KernelCall &call);
absl::Status checkCrossEntropyGradient(const KernelCall &call);

// Optimizer.
absl::Status checkClipScale(const KernelCall &call);
absl::Status checkAdamw(const KernelCall &call);
absl::Status checkSgd(const KernelCall &call);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CHECKS_CHECKS_H
