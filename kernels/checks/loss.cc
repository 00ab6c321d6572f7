#include <limits>

#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

void checkLogits(CallCheck &check, const TensorView &logits, const TensorView &labels) {
  check.floats("logits", logits);
  check.rank("logits", logits, 1);
  check.integers("labels", labels);
  check.shape("labels", labels, leadingOf(logits));
  check.integerOr("ignore_index", -100, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
}

}  // namespace

absl::Status checkCrossEntropy(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 3)) return check.status();
  const TensorView &logits = check.in(0);
  checkLogits(check, logits, check.in(1));
  for (size_t i : {0, 1}) {
    check.dtype(i == 0 ? "loss sum" : "count", check.out(i), logits.dtype);
    check.shape(i == 0 ? "loss sum" : "count", check.out(i), {});
  }
  check.dtype("lse", check.out(2), logits.dtype);
  check.shape("lse", check.out(2), leadingOf(logits));
  return check.status();
}

absl::Status checkCrossEntropyGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(4, 1)) return check.status();
  const TensorView &logits = check.in(0);
  checkLogits(check, logits, check.in(1));
  check.dtype("lse", check.in(2), logits.dtype);
  check.shape("lse", check.in(2), leadingOf(logits));
  check.dtype("dloss", check.in(3), logits.dtype);
  check.shape("dloss", check.in(3), {});
  check.like("dlogits", check.out(0), logits);
  const int64_t size = check.integer("index_size", 0, kMaxElements);
  const int64_t offset = check.integer("index_offset", 0, kMaxElements);
  if (check.ok()) checkPart(check, {size}, {offset}, {logits.shape[logits.rank - 1]}, "vocabulary");
  return check.status();
}

}  // namespace cleave
