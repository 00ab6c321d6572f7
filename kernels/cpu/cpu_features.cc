#include "kernels/cpu/cpu_features.h"

namespace cleave {

bool hasAvx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

std::vector<const VectorKernels *> supportedVectorKernels() {
  std::vector<const VectorKernels *> supported;
  const bool hasAvx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (hasAvx512() && hasAvx2) supported.push_back(&avx512::kVectorKernels);
  if (hasAvx2) supported.push_back(&avx2::kVectorKernels);
  supported.push_back(&baseline::kVectorKernels);
  return supported;
}

const VectorKernels &vectorKernels() {
  static const VectorKernels &kFastest = *supportedVectorKernels().front();
  return kFastest;
}

}  // namespace cleave
