#include "kernels/reference/register.h"

#include "kernels/checks/checks.h"
#include "kernels/reference/families.h"

namespace cleave {
namespace {

struct Row {
  const char *name;
  absl::Status (*check)(const KernelCall &);
  reference::Run *run;
};

constexpr Row kRows[] = {
    {"add", checkBinaryNumber, reference::add},
    {"sub", checkBinaryNumber, reference::sub},
    {"mul", checkBinaryNumber, reference::mul},
    {"div", checkBinaryFloat, reference::div},
    {"pow", checkBinaryFloat, reference::pow},
    {"maximum", checkBinaryNumber, reference::maximum},
    {"minimum", checkBinaryNumber, reference::minimum},
    {"compare", checkCompare, reference::compare},
    {"logical_and", checkLogicalBinary, reference::logicalAnd},
    {"logical_or", checkLogicalBinary, reference::logicalOr},
    {"logical_not", checkLogicalNot, reference::logicalNot},
    {"select", checkSelect, reference::select},
    {"neg", checkUnaryNumber, reference::neg},
    {"abs", checkUnaryNumber, reference::abs},
    {"scale", checkScale, reference::scale},
    {"exp", checkUnaryFloat, reference::exp},
    {"log", checkUnaryFloat, reference::log},
    {"sqrt", checkUnaryFloat, reference::sqrt},
    {"rsqrt", checkUnaryFloat, reference::rsqrt},
    {"sin", checkUnaryFloat, reference::sin},
    {"cos", checkUnaryFloat, reference::cos},
    {"tanh", checkUnaryFloat, reference::tanh},
    {"sigmoid", checkUnaryFloat, reference::sigmoid},
    {"relu", checkUnaryFloat, reference::relu},
    {"silu", checkUnaryFloat, reference::silu},
    {"gelu", checkGelu, reference::gelu},
    {"relu_gradient", checkBinaryFloat, reference::reluGradient},
    {"silu_gradient", checkBinaryFloat, reference::siluGradient},
    {"gelu_gradient", checkGeluGradient, reference::geluGradient},
    {"convert", checkConvert, reference::convert},
    {"dropout", checkDropout, reference::dropout},
    {"add_n", checkAddN, reference::addN},
    {"constant", checkConstant, reference::constant},
    {"iota", checkIota, reference::iota},
    {"broadcast", checkBroadcast, reference::broadcast},
    {"copy", checkCopy, reference::copy},
    {"keep", checkKeep, reference::keep},
    {"transpose", checkTranspose, reference::transpose},
    {"slice", checkSlice, reference::slice},
    {"pad", checkPad, reference::pad},
    {"concat", checkConcat, reference::concat},
    {"gather", checkGather, reference::gather},
    {"gather_gradient", checkGatherGradient, reference::gatherGradient},
    {"cumulative_sum", checkCumulativeSum, reference::cumulativeSum},
    {"random", checkRandom, reference::random},
    {"reduce", checkReduce, reference::reduce},
    {"exp_sum", checkExpSum, reference::expSum},
    {"sum_squares", checkSumSquares, reference::sumSquares},
    {"softmax", checkSoftmax, reference::softmax},
    {"softmax_gradient", checkSoftmaxGradient, reference::softmaxGradient},
    {"matmul", checkMatmul, reference::matmul},
    {"outer", checkOuter, reference::outer},
    {"embedding", checkEmbedding, reference::embedding},
    {"embedding_gradient", checkEmbeddingGradient, reference::embeddingGradient},
    {"convolution", checkConvolution, reference::convolution},
    {"convolution_input_gradient", checkConvolutionInputGradient, reference::convolutionInputGradient},
    {"convolution_weight_gradient", checkConvolutionWeightGradient, reference::convolutionWeightGradient},
    {"max_pool", checkMaxPool, reference::maxPool},
    {"max_pool_gradient", checkMaxPoolGradient, reference::maxPoolGradient},
    {"average_pool", checkAveragePool, reference::averagePool},
    {"average_pool_gradient", checkAveragePoolGradient, reference::averagePoolGradient},
    {"layer_norm", checkLayerNorm, reference::layerNorm},
    {"layer_norm_gradient", checkLayerNormGradient, reference::layerNormGradient},
    {"rms_norm", checkRmsNorm, reference::rmsNorm},
    {"rms_norm_gradient", checkRmsNormGradient, reference::rmsNormGradient},
    {"rotary", checkRotary, reference::rotary},
    {"attention", checkAttention, reference::attention},
    {"attention_gradient", checkAttentionGradient, reference::attentionGradient},
    {"cross_entropy", checkCrossEntropy, reference::crossEntropy},
    {"cross_entropy_gradient", checkCrossEntropyGradient, reference::crossEntropyGradient},
    {"clip_scale", checkClipScale, reference::clipScale},
    {"adamw", checkAdamw, reference::adamw},
    {"sgd", checkSgd, reference::sgd},
};

}  // namespace

void registerReferenceKernels(Registry &registry) {
  for (const Row &row : kRows) registry.add("reference", row.name, {row.check, row.run, /*takes=*/nullptr});
}

}  // namespace cleave
