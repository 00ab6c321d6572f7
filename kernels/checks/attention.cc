#include <cmath>

#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

constexpr int64_t kMaxExtent = int64_t{1} << 40;  // of one whole dimension

void checkShardOfHeads(CallCheck &check, const Shape &whole, const TensorView &q, const TensorView &k) {
  const int64_t batchOffset = check.integer("batch_offset", 0, kMaxExtent);
  const int64_t headOffset = check.integer("head_offset", 0, kMaxExtent);
  const int64_t queryOffset = check.integer("query_offset", 0, kMaxExtent);
  const int64_t group = check.integer("group", 1, kMaxExtent),
                kvHeadOffset = check.integer("kv_head_offset", 0, kMaxExtent);
  if (!check.ok()) return;
  checkPart(check, whole, {batchOffset, headOffset, queryOffset, 0}, {q.shape[0], q.shape[2], q.shape[1], k.shape[1]},
            "probabilities");
  check.require(k.shape[1] == whole[3], absl::StrCat("all ", whole[3], " keys"), k.shape[1]);
  if (!check.ok() || q.shape[2] == 0) return;
  const int64_t first = headOffset / group - kvHeadOffset, last = (headOffset + q.shape[2] - 1) / group - kvHeadOffset;
  check.require(first >= 0 && last < k.shape[2],
                absl::StrCat("the kv heads of all query heads to be among the ", k.shape[2], " held"),
                absl::StrCat(first, " to ", last));
}

// bias, key_mask, query_segments, key_segments and key, which begin at operand `first` of "segments".
void checkOptionals(CallCheck &check, size_t first, const TensorView &q, const TensorView &k, bool *hasBias) {
  const std::vector<int> present = check.segments(first + 5, first);
  if (!check.ok()) return;
  size_t next = first;
  *hasBias = present[first];
  const Shape queries = {q.shape[0], q.shape[1]}, keys = {k.shape[0], k.shape[1]};
  if (present[first]) {
    const TensorView &bias = check.in(next++);
    check.dtype("bias", bias, q.dtype);
    check.shape("bias", bias, {q.shape[2], q.shape[1], k.shape[1]});
  }
  if (present[first + 1]) {
    const TensorView &mask = check.in(next++);
    check.require(isInteger(mask.dtype) || mask.dtype == DType::kBool, "key_mask of dtype i32, i64 or i1",
                  nameOf(mask.dtype));
    check.shape("key_mask", mask, keys);
  }
  check.require(present[first + 2] == present[first + 3], "query_segments and key_segments together", "one of them");
  if (present[first + 2]) {
    check.integers("query_segments", check.in(next));
    check.shape("query_segments", check.in(next++), queries);
  }
  if (present[first + 3]) {
    check.integers("key_segments", check.in(next));
    check.shape("key_segments", check.in(next++), keys);
  }
  if (present[first + 4]) check.randomKey("key", check.in(next++));
  const double rate = check.numberOr("dropout_rate", 0, 0, 1);
  check.require(rate < 1, "'dropout_rate' below 1", rate);
  check.require(rate == 0 || present[first + 4], "a key for dropout", "none");
}

void checkOperands(CallCheck &check, const TensorView &q, const TensorView &k, const TensorView &v) {
  check.floats("q", q);
  check.rank("q", q, 4, 4);
  check.dtype("k", k, q.dtype);
  check.rank("k", k, 4, 4);
  if (!check.ok()) return;
  check.shape("k", k, {q.shape[0], k.shape[1], k.shape[2], q.shape[3]});
  check.like("v", v, k);
  check.integerOr("causal", 0, 0, 1);
  check.integerOr("window", 0, 0, kMaxExtent);
  check.finite("scale");
  check.integerOr("id", 0, 0, kMaxUint32);
  check.integerOr("element_offset", 0, 0, kMaxElements);
  const Shape whole = check.integerList("global_shape", 4, 0, kMaxExtent);
  if (check.ok()) checkShardOfHeads(check, whole, q, k);
}

void checkLse(CallCheck &check, const TensorView &lse, const TensorView &q) {
  check.dtype("lse", lse, q.dtype);
  check.shape("lse", lse, {q.shape[0], q.shape[2], q.shape[1]});
}

}  // namespace

absl::Status checkRotary(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  const TensorView &x = check.in(0), &positions = check.in(1);
  check.floats("x", x);
  check.rank("x", x, 4, 4);
  check.integers("positions", positions);
  check.shape("positions", positions, {x.shape[0], x.shape[1]});
  check.like("output", check.out(0), x);
  check.choice("layout", {"halves", "pairs"});
  check.finite("factor");
  check.integerOr("inverse", 0, 0, 1);
  const std::vector<double> frequencies = check.numberList("frequencies");
  check.require(frequencies.size() <= size_t(x.shape[3] / 2), absl::StrCat("at most ", x.shape[3] / 2, " frequencies"),
                frequencies.size());
  for (double frequency : frequencies) check.require(std::isfinite(frequency), "finite frequencies", frequency);
  return check.status();
}

absl::Status checkAttention(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(3, 8) || !check.outputCount(2)) return check.status();
  checkOperands(check, check.in(0), check.in(1), check.in(2));
  bool hasBias = false;
  if (check.ok()) checkOptionals(check, 3, check.in(0), check.in(1), &hasBias);
  check.like("output 0", check.out(0), check.in(0));
  if (check.ok()) checkLse(check, check.out(1), check.in(0));
  return check.status();
}

absl::Status checkAttentionGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(6, 11)) return check.status();
  const TensorView &q = check.in(0), &k = check.in(1);
  checkOperands(check, q, k, check.in(2));
  bool hasBias = false;
  if (check.ok()) checkOptionals(check, 6, q, k, &hasBias);
  check.outputCount(hasBias ? 4 : 3);
  check.like("out", check.in(3), q);
  if (check.ok()) checkLse(check, check.in(4), q);
  check.like("dout", check.in(5), q);
  check.like("dq", check.out(0), q);
  check.like("dk", check.out(1), k);
  check.like("dv", check.out(2), k);
  if (check.ok() && hasBias) check.like("dbias", check.out(3), check.in(6));
  return check.status();
}

}  // namespace cleave
