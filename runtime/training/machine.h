// What this machine decides of a run.

#ifndef CLEAVE_RUNTIME_TRAINING_MACHINE_H
#define CLEAVE_RUNTIME_TRAINING_MACHINE_H

#include <map>
#include <string>

namespace cleave {

// Settings that the last bits of results may depend on, by name: "cpu" (the features that kernels choose by) and "threads".
std::map<std::string, std::string> machineRecord(int threadsPerDevice);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_MACHINE_H
