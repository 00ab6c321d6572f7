// What the machine offers, found at run time.

#ifndef CLEAVE_KERNELS_CPU_CPU_FEATURES_H
#define CLEAVE_KERNELS_CPU_CPU_FEATURES_H

#include <vector>

#include "kernels/cpu/vector/vector_kernels.h"

namespace cleave {

bool hasAvx512();

// The loops that this CPU can run, fastest first; at least one.
std::vector<const VectorKernels *> supportedVectorKernels();

// The fastest of them.
const VectorKernels &vectorKernels();

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_CPU_FEATURES_H
