// The fast kernels of CPUs: f32, mostly on views without gaps; what they don't take is the reference backend's.

#ifndef CLEAVE_KERNELS_CPU_REGISTER_H
#define CLEAVE_KERNELS_CPU_REGISTER_H

#include <string>

#include "kernels/api/registry.h"

namespace cleave {

// Adds the fast kernels as backend "cpu". Add them before the reference kernels.
void registerCpuKernels(Registry &registry);

// What was chosen for this CPU, for a run's record: two runs with the same text and the same plan give the same bits.
std::string cpuKernelChoices();  // "vectors avx512, onednn 2.6.3 ..."

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_REGISTER_H
