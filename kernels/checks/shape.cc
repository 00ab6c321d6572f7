#include <algorithm>

#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

bool isPermutation(std::vector<int64_t> entries) {
  std::sort(entries.begin(), entries.end());
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i] != int64_t(i)) return false;
  return true;
}

// `values` [..., v], one index for each of its rows, and the part of the indexed dimension that v covers.
void checkIndexed(CallCheck &check, const TensorView &values, const TensorView &indices) {
  check.integers("indices", indices);
  check.rank("indexed tensor", values, 1);
  check.shape("indices", indices, leadingOf(values));
  const int64_t size = check.integer("index_size", 0, kMaxElements);
  const int64_t offset = check.integer("index_offset", 0, kMaxElements);
  if (!check.ok()) return;
  checkPart(check, {size}, {offset}, {values.shape[values.rank - 1]}, "indexed dimension");
}

}  // namespace

absl::Status checkConstant(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(0, 1)) return check.status();
  const TensorView &out = check.out(0);
  check.require(isNumber(out.dtype) || out.dtype == DType::kBool, "output of dtype f32, f64, i32, i64 or i1",
                nameOf(out.dtype));
  const std::vector<double> values = check.numberList("values");
  const int64_t count = values.size();
  check.require(count == 1 || count == out.elements(), absl::StrCat("1 or ", out.elements(), " 'values'"), count);
  return check.status();
}

absl::Status checkIota(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(0, 1)) return check.status();
  check.numbers("output", check.out(0));
  check.rank("output", check.out(0), 1);
  check.integer("dimension", 0, check.out(0).rank - 1);
  check.integer("start", 0, kMaxElements);
  return check.status();
}

absl::Status checkBroadcast(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &in = check.in(0), &out = check.out(0);
  check.dtype("output", out, in.dtype);
  const std::vector<int64_t> dimensions = check.integerList("dimensions", in.rank, 0, int64_t{out.rank} - 1);
  std::array<bool, kMaxRank> taken{};
  for (size_t i = 0; i < dimensions.size() && check.ok(); ++i) {
    check.require(!taken[dimensions[i]], "'dimensions' that differ", dimensions[i]);
    taken[dimensions[i]] = true;
    check.require(in.shape[i] == out.shape[dimensions[i]],
                  absl::StrCat("dimension ", i, " of the input to have the output's extent ", out.shape[dimensions[i]]),
                  in.shape[i]);
  }
  return check.status();
}

absl::Status checkCopy(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  check.dtype("output", check.out(0), check.in(0).dtype);
  check.require(check.in(0).elements() == check.out(0).elements(),
                absl::StrCat("an output of ", check.in(0).elements(), " elements"), check.out(0).elements());
  return check.status();
}

absl::Status checkKeep(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  check.like("output", check.out(0), check.in(0));
  check.require(isNumber(check.in(0).dtype) || check.in(0).dtype == DType::kBool, "dtype f32, f64, i32, i64 or i1",
                nameOf(check.in(0).dtype));
  check.integer("keep", 0, 1);
  check.choice("combiner", {"sum", "max", "min"});
  return check.status();
}

absl::Status checkTranspose(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &in = check.in(0), &out = check.out(0);
  check.dtype("output", out, in.dtype);
  check.rank("output", out, in.rank, in.rank);
  const auto permutation = check.integerList("permutation", in.rank, 0, int64_t{in.rank} - 1);
  check.require(isPermutation(permutation), "'permutation' to name each dimension once", "one that does not");
  for (size_t i = 0; i < permutation.size() && check.ok(); ++i)
    check.require(out.shape[i] == in.shape[permutation[i]],
                  absl::StrCat("dimension ", i, " of the output to have extent ", in.shape[permutation[i]]),
                  out.shape[i]);
  return check.status();
}

absl::Status checkSlice(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &in = check.in(0), &out = check.out(0);
  check.dtype("output", out, in.dtype);
  check.rank("output", out, in.rank, in.rank);
  const auto starts = check.integerList("starts", in.rank, 0, kMaxElements);
  const auto steps = check.integerList("steps", in.rank, 1, kMaxElements);
  for (int d = 0; d < in.rank && check.ok(); ++d)
    check.require(
        out.shape[d] == 0 || (starts[d] < in.shape[d] && out.shape[d] - 1 <= (in.shape[d] - 1 - starts[d]) / steps[d]),
        absl::StrCat("a slice inside extent ", in.shape[d], " of dimension ", d),
        absl::StrCat(out.shape[d], " elements from ", starts[d], " by ", steps[d]));
  return check.status();
}

absl::Status checkPad(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &in = check.in(0), &out = check.out(0);
  check.dtype("output", out, in.dtype);
  check.rank("output", out, in.rank, in.rank);
  const auto low = check.integerList("low", in.rank, 0, kMaxElements);
  const auto high = check.integerList("high", in.rank, 0, kMaxElements);
  for (int d = 0; d < in.rank && check.ok(); ++d)
    check.require(out.shape[d] == low[d] + in.shape[d] + high[d],
                  absl::StrCat("dimension ", d, " of the output to have extent ", low[d] + in.shape[d] + high[d]),
                  out.shape[d]);
  return check.status();
}

absl::Status checkConcat(const KernelCall &call) {
  CallCheck check(call);
  check.require(check.inputs() > 0, "at least one input", 0);
  if (!check.outputCount(1)) return check.status();
  const TensorView &out = check.out(0);
  check.rank("output", out, 1);
  const int64_t dimension = check.integer("dimension", 0, out.rank - 1);
  int64_t sum = 0;
  for (size_t i = 0; i < check.inputs() && check.ok(); ++i) {
    const TensorView &in = check.in(i);
    const std::string name = absl::StrCat("input ", i);
    check.dtype(name, in, out.dtype);
    check.rank(name, in, out.rank, out.rank);
    Shape wanted = shapeOf(out);
    wanted[dimension] = in.shape[dimension];
    check.shape(name, in, wanted);
    check.require(in.shape[dimension] <= out.shape[dimension] - sum, "inputs that fill the output", "more");
    sum += in.shape[dimension];
  }
  if (check.ok())
    check.require(sum == out.shape[dimension], absl::StrCat("inputs that fill ", out.shape[dimension]), sum);
  return check.status();
}

absl::Status checkGather(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.numbers("input 0", check.in(0));
  checkIndexed(check, check.in(0), check.in(1));
  check.dtype("output", check.out(0), check.in(0).dtype);
  check.shape("output", check.out(0), shapeOf(check.in(1)));
  return check.status();
}

absl::Status checkGatherGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  check.numbers("output", check.out(0));
  checkIndexed(check, check.out(0), check.in(0));
  check.dtype("input 1", check.in(1), check.out(0).dtype);
  check.shape("input 1", check.in(1), shapeOf(check.in(0)));
  return check.status();
}

absl::Status checkCumulativeSum(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  check.numbers("input 0", check.in(0));
  check.rank("input 0", check.in(0), 1);
  check.like("output", check.out(0), check.in(0));
  check.integerOr("reverse", 0, 0, 1);
  return check.status();
}

absl::Status checkRandom(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  const TensorView &out = check.out(0);
  check.randomKey("key", check.in(0));
  check.floats("output", out);
  check.choice("distribution", {"normal", "uniform"});
  check.finite("mean");
  check.finite("deviation");
  check.integer("id", 0, kMaxUint32);
  check.integerOr("zero_row", -1, -1, kMaxElements);
  const Shape whole = check.integerList("global_shape", out.rank, 0, kMaxElements);
  const Shape offset = check.integerList("offset", out.rank, 0, kMaxElements);
  checkPart(check, whole, offset, shapeOf(out), "output");
  return check.status();
}

}  // namespace cleave
