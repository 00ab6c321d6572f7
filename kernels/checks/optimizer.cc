#include <limits>

#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();

void checkScalar(CallCheck &check, absl::string_view name, const TensorView &view) {
  check.floats(name, view);
  check.shape(name, view, {});
}

void checkActive(CallCheck &check, const TensorView &view) {
  check.dtype("active", view, DType::kBool);
  check.shape("active", view, {});
}

}  // namespace

absl::Status checkClipScale(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  checkScalar(check, "norm", check.in(0));
  check.like("output", check.out(0), check.in(0));
  check.number("max_norm", 0, kLargest);
  return check.status();
}

absl::Status checkAdamw(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(8, 3)) return check.status();
  check.floats("param", check.in(0));
  check.like("grad", check.in(1), check.in(0));
  check.like("m", check.in(2), check.in(0));
  check.like("v", check.in(3), check.in(0));
  checkScalar(check, "lr", check.in(4));
  checkScalar(check, "scale", check.in(5));
  checkScalar(check, "count", check.in(6));
  checkActive(check, check.in(7));
  for (size_t i = 0; i < 3; ++i) check.like(absl::StrCat("output ", i), check.out(i), check.in(0));
  check.number("beta1", 0, 1);
  check.number("beta2", 0, 1);
  check.number("epsilon", 0, kLargest);
  check.finite("weight_decay");
  check.finite("lr_factor");
  return check.status();
}

absl::Status checkSgd(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(5, 6)) return check.status();
  const bool hasBuffer = call.inputs.size() == 6;
  check.outputCount(hasBuffer ? 2 : 1);
  if (call.attributes.has("segments")) {
    const auto segments = check.integerList("segments", 6, 0, 1);
    for (size_t i = 0; i < segments.size(); ++i)
      check.require(segments[i] == (i == 2 ? hasBuffer : 1), "'segments' to match the inputs", segments[i]);
  }
  const size_t scalars = hasBuffer ? 3 : 2;
  check.floats("param", check.in(0));
  check.like("grad", check.in(1), check.in(0));
  if (hasBuffer) check.like("buffer", check.in(2), check.in(0));
  checkScalar(check, "lr", check.in(scalars));
  checkScalar(check, "scale", check.in(scalars + 1));
  checkActive(check, check.in(scalars + 2));
  check.like("output 0", check.out(0), check.in(0));
  if (hasBuffer) check.like("output 1", check.out(1), check.in(0));
  const double momentum = check.number("momentum", 0, 1);
  check.require(momentum == 0 || hasBuffer, "a buffer for momentum", "none");
  check.finite("weight_decay");
  check.finite("lr_factor");
  return check.status();
}

}  // namespace cleave
