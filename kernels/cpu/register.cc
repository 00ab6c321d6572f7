#include "kernels/cpu/register.h"

#include "absl/strings/str_cat.h"
#include "kernels/checks/checks.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/tiles.h"

namespace cleave {
namespace {

struct Row {
  const char *name;
  absl::Status (*check)(const KernelCall &);
  cpu::Run *run;
  cpu::Takes *takes;
};

constexpr Row kRows[] = {
    {"add", checkBinaryNumber, cpu::add, isDenseFloat},
    {"sub", checkBinaryNumber, cpu::sub, isDenseFloat},
    {"mul", checkBinaryNumber, cpu::mul, isDenseFloat},
    {"div", checkBinaryFloat, cpu::div, isDenseFloat},
    {"pow", checkBinaryFloat, cpu::pow, isDenseFloat},
    {"maximum", checkBinaryNumber, cpu::maximum, isDenseFloat},
    {"minimum", checkBinaryNumber, cpu::minimum, isDenseFloat},
    {"select", checkSelect, cpu::select, isDenseFloat},
    {"compare", checkCompare, cpu::compare, isDense},
    {"logical_and", checkLogicalBinary, cpu::logicalAnd, isDense},
    {"logical_or", checkLogicalBinary, cpu::logicalOr, isDense},
    {"logical_not", checkLogicalNot, cpu::logicalNot, isDense},
    {"convert", checkConvert, cpu::convert, isDense},
    {"neg", checkUnaryNumber, cpu::neg, isDenseFloat},
    {"abs", checkUnaryNumber, cpu::abs, isDenseFloat},
    {"scale", checkScale, cpu::scale, isDenseFloat},
    {"exp", checkUnaryFloat, cpu::exp, isDenseFloat},
    {"log", checkUnaryFloat, cpu::log, isDenseFloat},
    {"sqrt", checkUnaryFloat, cpu::sqrt, isDenseFloat},
    {"rsqrt", checkUnaryFloat, cpu::rsqrt, isDenseFloat},
    {"sin", checkUnaryFloat, cpu::sin, isDenseFloat},
    {"cos", checkUnaryFloat, cpu::cos, isDenseFloat},
    {"tanh", checkUnaryFloat, cpu::tanh, isDenseFloat},
    {"sigmoid", checkUnaryFloat, cpu::sigmoid, isDenseFloat},
    {"relu", checkUnaryFloat, cpu::relu, isDenseFloat},
    {"silu", checkUnaryFloat, cpu::silu, isDenseFloat},
    {"gelu", checkGelu, cpu::gelu, isDenseFloat},
    {"relu_gradient", checkBinaryFloat, cpu::reluGradient, isDenseFloat},
    {"silu_gradient", checkBinaryFloat, cpu::siluGradient, isDenseFloat},
    {"gelu_gradient", checkGeluGradient, cpu::geluGradient, isDenseFloat},
    {"add_n", checkAddN, cpu::addN, isDenseFloat},
    {"dropout", checkDropout, cpu::dropout, isDenseFloat},
    {"random", checkRandom, cpu::random, isDenseFloat},
    {"constant", checkConstant, cpu::constant, cpu::takesConstant},
    {"iota", checkIota, cpu::iota, isDense},
    {"broadcast", checkBroadcast, cpu::broadcast, cpu::takesAny},
    {"copy", checkCopy, cpu::copy, cpu::takesCopy},
    {"keep", checkKeep, cpu::keep, isDenseFloat},
    {"transpose", checkTranspose, cpu::transpose, cpu::takesAny},
    {"slice", checkSlice, cpu::slice, cpu::takesAny},
    {"pad", checkPad, cpu::pad, cpu::takesAny},
    {"concat", checkConcat, cpu::concat, cpu::takesAny},
    {"gather", checkGather, cpu::gather, isDenseFloat},
    {"gather_gradient", checkGatherGradient, cpu::gatherGradient, isDenseFloat},
    {"embedding", checkEmbedding, cpu::embedding, isDenseFloat},
    {"embedding_gradient", checkEmbeddingGradient, cpu::embeddingGradient, isDenseFloat},
    {"reduce", checkReduce, cpu::reduce, cpu::takesReduce},
    {"cumulative_sum", checkCumulativeSum, cpu::cumulativeSum, isDense},
    {"exp_sum", checkExpSum, cpu::expSum, isDenseFloat},
    {"sum_squares", checkSumSquares, cpu::sumSquares, isDenseFloat},
    {"softmax", checkSoftmax, cpu::softmax, isDenseFloat},
    {"softmax_gradient", checkSoftmaxGradient, cpu::softmaxGradient, isDenseFloat},
    {"matmul", checkMatmul, cpu::matmul, cpu::takesMatmul},
    {"outer", checkOuter, cpu::outer, cpu::takesOuter},
    {"convolution", checkConvolution, cpu::convolution, cpu::takesConvolution},
    {"convolution_input_gradient", checkConvolutionInputGradient, cpu::convolutionInputGradient, cpu::takesConvolution},
    {"convolution_weight_gradient", checkConvolutionWeightGradient, cpu::convolutionWeightGradient,
     cpu::takesConvolution},
    {"max_pool", checkMaxPool, cpu::maxPool, isDenseFloat},
    {"max_pool_gradient", checkMaxPoolGradient, cpu::maxPoolGradient, isDenseFloat},
    {"average_pool", checkAveragePool, cpu::averagePool, isDenseFloat},
    {"average_pool_gradient", checkAveragePoolGradient, cpu::averagePoolGradient, isDenseFloat},
    {"layer_norm", checkLayerNorm, cpu::layerNorm, isDenseFloat},
    {"layer_norm_gradient", checkLayerNormGradient, cpu::layerNormGradient, cpu::takesNormGradient},
    {"rms_norm", checkRmsNorm, cpu::rmsNorm, isDenseFloat},
    {"rms_norm_gradient", checkRmsNormGradient, cpu::rmsNormGradient, cpu::takesNormGradient},
    {"rotary", checkRotary, cpu::rotary, isDenseFloat},
    {"attention", checkAttention, cpu::attention, cpu::takesAttention},
    {"attention_gradient", checkAttentionGradient, cpu::attentionGradient, cpu::takesAttention},
    {"cross_entropy", checkCrossEntropy, cpu::crossEntropy, isDenseFloat},
    {"cross_entropy_gradient", checkCrossEntropyGradient, cpu::crossEntropyGradient, isDenseFloat},
    {"clip_scale", checkClipScale, cpu::clipScale, isDenseFloat},
    {"adamw", checkAdamw, cpu::adamw, isDenseFloat},
    {"sgd", checkSgd, cpu::sgd, isDenseFloat},
};

}  // namespace

void registerCpuKernels(Registry &registry) {
  for (const Row &row : kRows) registry.add("cpu", row.name, {row.check, row.run, row.takes});
}

std::string cpuKernelChoices() { return absl::StrCat("vectors ", vectorKernels().name, ", ", describeGemm()); }

}  // namespace cleave
