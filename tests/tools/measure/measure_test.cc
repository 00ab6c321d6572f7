#include <gtest/gtest.h>

#include <map>

#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"
#include "tools/measure/kernel_cases.h"

namespace cleave {
namespace {

KernelCall callOf(const KernelCase &held, std::vector<TensorView> &inputs, std::vector<TensorView> &outputs) {
  for (const KernelOperand &operand : held.inputs)
    inputs.push_back(TensorView::contiguous(nullptr, operand.dtype, operand.shape));
  for (const KernelOperand &operand : held.outputs)
    outputs.push_back(TensorView::contiguous(nullptr, operand.dtype, operand.shape));
  return {held.attributes, inputs, outputs};
}

TEST(KernelCasesTest, EveryCallIsOneThatItsKernelTakes) {
  Registry registry;
  registerCpuKernels(registry);
  registerReferenceKernels(registry);
  for (const KernelCase &held : trainingCases()) {
    std::vector<TensorView> inputs, outputs;
    const auto kernel = registry.find(held.kernel, callOf(held, inputs, outputs));
    EXPECT_TRUE(kernel.ok()) << held.kernel << ": " << kernel.status();
  }
}

TEST(KernelCasesTest, SizesOfAKernelGrow) {
  std::map<std::string, double> last;
  for (const KernelCase &held : trainingCases()) {
    if (held.isShallow) continue;
    double &size = last[held.kernel + held.variant];
    const double now = held.flops > 0 ? 1.5 * held.flops / held.elements() : held.allBytes();
    EXPECT_GE(now, size) << held.kernel;
    size = now;
  }
  EXPECT_GT(last.size(), 25u);
}

TEST(KernelCasesTest, OutputsInPlaceHaveTheShapesOfTheirInputs) {
  for (const KernelCase &held : trainingCases())
    for (size_t i = 0; i < held.inPlace.size(); ++i) {
      if (held.inPlace[i] < 0) continue;
      EXPECT_EQ(held.outputs[i].shape, held.inputs[held.inPlace[i]].shape) << held.kernel;
    }
}

}  // namespace
}  // namespace cleave
