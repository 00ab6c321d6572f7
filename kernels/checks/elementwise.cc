#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

// `inputs` inputs and one output, all of one shape and one dtype.
CallCheck sameAll(const KernelCall &call, size_t inputs) {
  CallCheck check(call);
  if (!check.counts(inputs, 1)) return check;
  for (size_t i = 1; i < inputs; ++i) check.like(absl::StrCat("input ", i), check.in(i), check.in(0));
  check.like("output", check.out(0), check.in(0));
  return check;
}

absl::Status checkNumbers(const KernelCall &call, size_t inputs) {
  CallCheck check = sameAll(call, inputs);
  check.numbers("input 0", check.in(0));
  return check.status();
}

absl::Status checkFloats(const KernelCall &call, size_t inputs) {
  CallCheck check = sameAll(call, inputs);
  check.floats("input 0", check.in(0));
  return check.status();
}

}  // namespace

absl::Status checkUnaryNumber(const KernelCall &call) { return checkNumbers(call, 1); }
absl::Status checkUnaryFloat(const KernelCall &call) { return checkFloats(call, 1); }
absl::Status checkBinaryNumber(const KernelCall &call) { return checkNumbers(call, 2); }
absl::Status checkBinaryFloat(const KernelCall &call) { return checkFloats(call, 2); }

absl::Status checkCompare(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.numbers("input 0", check.in(0));
  check.like("input 1", check.in(1), check.in(0));
  check.dtype("output", check.out(0), DType::kBool);
  check.shape("output", check.out(0), shapeOf(check.in(0)));
  check.choice("direction", {"eq", "ne", "lt", "le", "gt", "ge"});
  return check.status();
}

absl::Status checkLogicalBinary(const KernelCall &call) {
  CallCheck check = sameAll(call, 2);
  check.dtype("input 0", check.in(0), DType::kBool);
  return check.status();
}

absl::Status checkLogicalNot(const KernelCall &call) {
  CallCheck check = sameAll(call, 1);
  check.dtype("input 0", check.in(0), DType::kBool);
  return check.status();
}

absl::Status checkSelect(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(3, 1)) return check.status();
  check.dtype("condition", check.in(0), DType::kBool);
  check.shape("condition", check.in(0), shapeOf(check.out(0)));
  check.like("input 1", check.in(1), check.out(0));
  check.like("input 2", check.in(2), check.out(0));
  return check.status();
}

absl::Status checkScale(const KernelCall &call) {
  CallCheck check = sameAll(call, 1);
  check.floats("input 0", check.in(0));
  check.finite("factor");
  return check.status();
}

absl::Status checkGelu(const KernelCall &call) {
  CallCheck check = sameAll(call, 1);
  check.floats("input 0", check.in(0));
  check.choice("approximate", {"none", "tanh"});
  return check.status();
}

absl::Status checkGeluGradient(const KernelCall &call) {
  CallCheck check = sameAll(call, 2);
  check.floats("input 0", check.in(0));
  check.choice("approximate", {"none", "tanh"});
  return check.status();
}

absl::Status checkConvert(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  for (const TensorView *view : {&check.in(0), &check.out(0)})
    check.require(isNumber(view->dtype) || view->dtype == DType::kBool, "dtypes f32, f64, i32, i64 or i1",
                  nameOf(view->dtype));
  check.shape("output", check.out(0), shapeOf(check.in(0)));
  return check.status();
}

absl::Status checkDropout(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.floats("input 0", check.in(0));
  check.randomKey("key", check.in(1));
  check.like("output", check.out(0), check.in(0));
  const double rate = check.number("rate", 0, 1);
  check.require(rate < 1, "'rate' below 1", rate);
  check.integer("id", 0, kMaxUint32);
  check.integerOr("element_offset", 0, 0, kMaxElements);
  const size_t rank = check.out(0).rank;
  const Shape whole = check.integerList("global_shape", rank, 0, kMaxElements);
  const Shape offset = check.integerList("offset", rank, 0, kMaxElements);
  checkPart(check, whole, offset, shapeOf(check.out(0)), "output");
  return check.status();
}

absl::Status checkAddN(const KernelCall &call) {
  CallCheck check(call);
  check.require(check.inputs() > 0, "at least one input", 0);
  if (!check.outputCount(1)) return check.status();
  check.numbers("output", check.out(0));
  for (size_t i = 0; i < check.inputs(); ++i) check.like(absl::StrCat("input ", i), check.in(i), check.out(0));
  return check.status();
}

}  // namespace cleave
