#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {

absl::Status checkReduce(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &in = check.in(0);
  check.numbers("input", in);
  check.dtype("output", check.out(0), in.dtype);
  const std::string kind = check.choice("kind", {"sum", "max", "min", "mean"});
  if (kind == "mean") {
    check.floats("input of a mean", in);
    check.integer("count", 0, kMaxElements);
  }
  if (!check.ok()) return check.status();
  std::array<bool, kMaxRank> reduced{};
  const auto dimensions = call.attributes.findInts("dimensions");
  if (!dimensions.ok()) return dimensions.status();
  for (int64_t d : *dimensions) {
    if (!check.require(d >= 0 && d < in.rank, absl::StrCat("'dimensions' from 0 to ", in.rank - 1), d)) break;
    if (!check.require(!reduced[d], "each of 'dimensions' once", d)) break;
    reduced[d] = true;
  }
  Shape kept;
  for (int d = 0; d < in.rank; ++d)
    if (!reduced[d]) kept.push_back(in.shape[d]);
  check.shape("output", check.out(0), kept);
  return check.status();
}

absl::Status checkExpSum(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.floats("input 0", check.in(0));
  check.rank("input 0", check.in(0), 1);
  check.dtype("shift", check.in(1), check.in(0).dtype);
  check.shape("shift", check.in(1), leadingOf(check.in(0)));
  check.like("output", check.out(0), check.in(1));
  return check.status();
}

absl::Status checkSumSquares(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  check.floats("input", check.in(0));
  check.dtype("output", check.out(0), check.in(0).dtype);
  check.shape("output", check.out(0), {});
  return check.status();
}

absl::Status checkSoftmax(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  check.floats("input", check.in(0));
  check.rank("input", check.in(0), 1);
  check.like("output", check.out(0), check.in(0));
  return check.status();
}

absl::Status checkSoftmaxGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.floats("input 0", check.in(0));
  check.rank("input 0", check.in(0), 1);
  check.like("input 1", check.in(1), check.in(0));
  check.like("output", check.out(0), check.in(0));
  return check.status();
}

}  // namespace cleave
