#include "absl/strings/str_cat.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

absl::Status checkCall(const KernelCall &call, size_t inputs) {
  if (call.inputs.size() != inputs || call.outputs.size() != 1)
    return absl::InvalidArgumentError(absl::StrCat("requires ", inputs, " inputs and one output, got ",
                                                   call.inputs.size(), " and ", call.outputs.size()));
  for (const auto *views : {&call.inputs, &call.outputs})
    for (const TensorView &view : *views)
      if (view.dtype != DType::kF32 || !view.isContiguous())
        return absl::InvalidArgumentError(absl::StrCat("requires contiguous f32, got ", view.str()));
  return absl::OkStatus();
}

absl::Status checkSame(const KernelCall &call, size_t inputs) {
  if (absl::Status status = checkCall(call, inputs); !status.ok()) return status;
  for (const TensorView &input : call.inputs)
    if (input.elements() != call.outputs[0].elements())
      return absl::InvalidArgumentError(
          absl::StrCat("requires equal shapes, got ", input.str(), " and ", call.outputs[0].str()));
  return absl::OkStatus();
}

absl::Status checkScale(const KernelCall &call) {
  if (const auto factor = call.attributes.findDouble("factor"); !factor.ok()) return factor.status();
  return checkSame(call, 1);
}
absl::Status runScale(const KernelCall &call, KernelContext &context) {
  const float factor = static_cast<float>(call.attributes.getDouble("factor"));
  const float *in = call.inputs[0].as<float>();
  float *out = call.outputs[0].as<float>();
  context.pool.parallelFor(call.outputs[0].elements(), [&](int64_t i, int) { out[i] = in[i] * factor; });
  return absl::OkStatus();
}

absl::Status checkUnary(const KernelCall &call) { return checkSame(call, 1); }
absl::Status runCopy(const KernelCall &call, KernelContext &) {
  for (int64_t i = 0; i < call.outputs[0].elements(); ++i)
    call.outputs[0].as<float>()[i] = call.inputs[0].as<float>()[i];
  return absl::OkStatus();
}
absl::Status runCheckPositive(const KernelCall &call, KernelContext &context) {
  for (int64_t i = 0; i < call.inputs[0].elements(); ++i)
    if (const float value = call.inputs[0].as<float>()[i]; value < 0)
      return absl::OutOfRangeError(absl::StrCat("requires values of at least 0, got ", value, " at ", i));
  return runCopy(call, context);
}

absl::Status checkAdd(const KernelCall &call) { return checkSame(call, 2); }
absl::Status runAdd(const KernelCall &call, KernelContext &) {
  for (int64_t i = 0; i < call.outputs[0].elements(); ++i)
    call.outputs[0].as<float>()[i] = call.inputs[0].as<float>()[i] + call.inputs[1].as<float>()[i];
  return absl::OkStatus();
}

absl::Status checkAddToAll(const KernelCall &call) {
  if (absl::Status status = checkCall(call, 2); !status.ok()) return status;
  if (call.inputs[0].elements() != call.outputs[0].elements() || call.inputs[1].rank != 0)
    return absl::InvalidArgumentError(absl::StrCat("requires a tensor and a scalar, got ", call.inputs[1].str()));
  return absl::OkStatus();
}
absl::Status runAddToAll(const KernelCall &call, KernelContext &) {
  for (int64_t i = 0; i < call.outputs[0].elements(); ++i)
    call.outputs[0].as<float>()[i] = call.inputs[0].as<float>()[i] + *call.inputs[1].as<float>();
  return absl::OkStatus();
}

absl::Status checkTotal(const KernelCall &call) {
  if (absl::Status status = checkCall(call, 1); !status.ok()) return status;
  if (call.outputs[0].rank != 0)
    return absl::InvalidArgumentError(absl::StrCat("requires a scalar result, got ", call.outputs[0].str()));
  return absl::OkStatus();
}
absl::Status runTotal(const KernelCall &call, KernelContext &) {
  float total = 0;
  for (int64_t i = 0; i < call.inputs[0].elements(); ++i) total += call.inputs[0].as<float>()[i];
  *call.outputs[0].as<float>() = total;
  return absl::OkStatus();
}

}  // namespace

Registry makeTestRegistry() {
  Registry registry;
  registry.add("test", "scale", {checkScale, runScale});
  registry.add("test", "copy", {checkUnary, runCopy});
  registry.add("test", "check_positive", {checkUnary, runCheckPositive});
  registry.add("test", "add", {checkAdd, runAdd});
  registry.add("test", "add_to_all", {checkAddToAll, runAddToAll});
  registry.add("test", "total", {checkTotal, runTotal});
  return registry;
}

}  // namespace cleave
