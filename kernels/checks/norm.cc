#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

// x [..., c], and everything else against it.
struct NormShapes {
  explicit NormShapes(CallCheck &check, const TensorView &x) : check(check), x(x) {
    check.floats("x", x);
    check.rank("x", x, 1);
  }
  void whole(absl::string_view name, const TensorView &view) { check.like(name, view, x); }
  void perFeature(absl::string_view name, const TensorView &view) {
    check.dtype(name, view, x.dtype);
    if (check.ok()) check.shape(name, view, {x.shape[x.rank - 1]});
  }
  void perRow(absl::string_view name, const TensorView &view) {
    check.dtype(name, view, x.dtype);
    check.shape(name, view, leadingOf(x));
  }

  CallCheck &check;
  const TensorView &x;
};

}  // namespace

absl::Status checkLayerNorm(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(3, 3)) return check.status();
  NormShapes shapes(check, check.in(0));
  shapes.perFeature("gamma", check.in(1));
  shapes.perFeature("beta", check.in(2));
  shapes.whole("y", check.out(0));
  shapes.perRow("mean", check.out(1));
  shapes.perRow("rstd", check.out(2));
  check.number("epsilon", 0, 1);
  return check.status();
}

absl::Status checkLayerNormGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(5, 3)) return check.status();
  NormShapes shapes(check, check.in(1));
  shapes.whole("dy", check.in(0));
  shapes.perFeature("gamma", check.in(2));
  shapes.perRow("mean", check.in(3));
  shapes.perRow("rstd", check.in(4));
  shapes.whole("dx", check.out(0));
  shapes.perFeature("dgamma", check.out(1));
  shapes.perFeature("dbeta", check.out(2));
  return check.status();
}

absl::Status checkRmsNorm(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 2)) return check.status();
  NormShapes shapes(check, check.in(0));
  shapes.perFeature("gamma", check.in(1));
  shapes.whole("y", check.out(0));
  shapes.perRow("rstd", check.out(1));
  check.number("epsilon", 0, 1);
  return check.status();
}

absl::Status checkRmsNormGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(4, 2)) return check.status();
  NormShapes shapes(check, check.in(1));
  shapes.whole("dy", check.in(0));
  shapes.perFeature("gamma", check.in(2));
  shapes.perRow("rstd", check.in(3));
  shapes.whole("dx", check.out(0));
  shapes.perFeature("dgamma", check.out(1));
  return check.status();
}

}  // namespace cleave
