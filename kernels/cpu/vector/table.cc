#include "kernels/cpu/vector/loops.h"

#define CLEAVE_TEXT_OF(name) #name
#define CLEAVE_TEXT(name) CLEAVE_TEXT_OF(name)

namespace cleave {
namespace CLEAVE_ISA {

const VectorKernels kVectorKernels = {
    CLEAVE_TEXT(CLEAVE_ISA),
    neg,
    abs,
    sqrt,
    rsqrt,
    relu,
    exp,
    tanh,
    sigmoid,
    silu,
    gelu,
    geluTanh,
    add,
    sub,
    mul,
    div,
    maximum,
    minimum,
    reluGradient,
    siluGradient,
    geluGradient,
    geluTanhGradient,
    scale,
    select,
    addN,
    dropout,
    randomWords,
    sum,
    largest,
    smallest,
    sumSquares,
    dot,
    expShifted,
    axpy,
    softmaxGradientRow,
    crossEntropyGradientRow,
    layerNormRow,
    layerNormGradientRow,
    rmsNormRow,
    rmsNormGradientRow,
    rotateHalves,
    adamw,
    sgd,
};

}  // namespace CLEAVE_ISA
}  // namespace cleave
