// The reference kernels: naive and obviously right, on any views. They are the oracle of the fast ones, and run what
// those leave to others.

#ifndef CLEAVE_KERNELS_REFERENCE_REGISTER_H
#define CLEAVE_KERNELS_REFERENCE_REGISTER_H

#include "kernels/api/registry.h"

namespace cleave {

// Adds every kernel of the language as backend "reference".
void registerReferenceKernels(Registry &registry);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_REFERENCE_REGISTER_H
