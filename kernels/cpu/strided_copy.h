// Copies elements from anywhere to anywhere.

#ifndef CLEAVE_KERNELS_CPU_STRIDED_COPY_H
#define CLEAVE_KERNELS_CPU_STRIDED_COPY_H

#include "kernels/api/registry.h"

namespace cleave {

// to[i] = from[i] for each index i of their common shape. Strides of `from` may be 0. The views don't overlap.
void copyStrided(ThreadPool &pool, const TensorView &to, const TensorView &from);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_STRIDED_COPY_H
