// Single-threaded convolutions by oneDNN.

#ifndef CLEAVE_KERNELS_CPU_CONVOLVE_H
#define CLEAVE_KERNELS_CPU_CONVOLVE_H

#include "kernels/checks/windows.h"

namespace cleave {

// Of images, weights and results without gaps, in the layouts of Convolution; no extent is 0, and none is above
// kMaxConvolutionExtent. `bias` may be null. Each writes its last argument; operands are copied into the layouts that
// the library is fastest in.
void convolve(const Convolution &sizes, const float *image, const float *weight, const float *bias, float *result);
void convolveInputGradient(const Convolution &sizes, const float *result, const float *weight, float *image);
void convolveWeightGradient(const Convolution &sizes, const float *image, const float *result, float *weight);

inline constexpr int64_t kMaxConvolutionExtent = 0x7FFFFFFF;

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_CONVOLVE_H
