// Calls of kernels as training makes them, at several sizes.

#ifndef CLEAVE_TOOLS_MEASURE_KERNEL_CASES_H
#define CLEAVE_TOOLS_MEASURE_KERNEL_CASES_H

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/api/attributes.h"
#include "kernels/api/tensor_view.h"

namespace cleave {

struct KernelOperand {
  std::vector<int64_t> shape;
  DType dtype = DType::kF32;
  int64_t below = 0;   // integers are drawn below it
  double scale = 1e-2; // of floats
};

struct KernelCase {
  // Where its operands lie when a step comes to it.
  enum class Lies {
    kPartlyNear,  // what the task before has made in the caches, what is older behind them
    kBehindCaches,
    kFarAway  // touched once a step: state, parameters that are updated
  };

  std::string kernel;
  std::string variant;  // behind the kernel's name in a cluster file: "/random", or nothing
  Attributes attributes;
  std::vector<KernelOperand> inputs, outputs;
  std::vector<int> inPlace;  // by output: the input whose bytes it takes, or -1; may be shorter
  double flops = 0;          // where arithmetic counts: the cost model's efficiency is measured, else the bandwidth
  double bytes = 0;          // read and written; 0: all of inputs and outputs
  Lies lies = Lies::kPartlyNear;
  // Of the size of another case, but less deep: tells apart what grows with the flops and what with the number of sums.
  bool isShallow = false;

  double depth() const;     // extent of the last dimension of the first operand
  double allBytes() const;
  double elements() const;  // of inputs and outputs
};

// By kernel, with growing sizes of each.
std::vector<KernelCase> trainingCases();

}  // namespace cleave

#endif  // CLEAVE_TOOLS_MEASURE_KERNEL_CASES_H
