#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {

absl::Status checkMatmul(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(2, 3) || !check.outputCount(1)) return check.status();
  check.segments(3, 2);
  const TensorView &lhs = check.in(0), &rhs = check.in(1), &out = check.out(0);
  check.floats("lhs", lhs);
  check.dtype("rhs", rhs, lhs.dtype);
  check.dtype("output", out, lhs.dtype);
  check.rank("lhs", lhs, 2);
  check.rank("rhs", rhs, 2);
  check.rank("output", out, lhs.rank, lhs.rank);
  const bool transposeLhs = check.integerOr("transpose_lhs", 0, 0, 1),
             transposeRhs = check.integerOr("transpose_rhs", 0, 0, 1);
  if (!check.ok()) return check.status();
  if (rhs.rank > 2) check.rank("rhs", rhs, lhs.rank, lhs.rank);
  if (!check.ok()) return check.status();

  const int last = lhs.rank - 1;
  const int64_t m = lhs.shape[transposeLhs ? last : last - 1], k = lhs.shape[transposeLhs ? last - 1 : last];
  const int64_t n = rhs.shape[transposeRhs ? rhs.rank - 2 : rhs.rank - 1];
  Shape wanted(lhs.dims().begin(), lhs.dims().end() - 2);
  if (rhs.rank > 2) {
    Shape rhsShape = wanted;
    rhsShape.push_back(transposeRhs ? n : k);
    rhsShape.push_back(transposeRhs ? k : n);
    check.shape("rhs", rhs, rhsShape);
  } else {
    check.shape("rhs", rhs, transposeRhs ? Shape{n, k} : Shape{k, n});
  }
  wanted.push_back(m);
  wanted.push_back(n);
  check.shape("output", out, wanted);
  if (call.inputs.size() == 3) {
    check.dtype("bias", check.in(2), lhs.dtype);
    check.shape("bias", check.in(2), {n});
  }
  return check.status();
}

absl::Status checkOuter(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(2, 3) || !check.outputCount(1)) return check.status();
  check.segments(3, 2);
  const TensorView &lhs = check.in(0), &rhs = check.in(1), &out = check.out(0);
  check.floats("lhs", lhs);
  check.dtype("rhs", rhs, lhs.dtype);
  check.dtype("output", out, lhs.dtype);
  check.rank("lhs", lhs, 1);
  check.rank("rhs", rhs, lhs.rank, lhs.rank);
  if (!check.ok()) return check.status();
  check.require(leadingOf(lhs) == leadingOf(rhs), absl::StrCat("rhs with the leading extents of ", lhs.str()),
                rhs.str());
  check.shape("output", out, {lhs.shape[lhs.rank - 1], rhs.shape[rhs.rank - 1]});
  if (call.inputs.size() == 3) check.like("accumulator", check.in(2), out);
  return check.status();
}

namespace {

// The rows [row_offset, row_offset + rows of `table`) of a table of "rows" rows.
void checkRows(CallCheck &check, const TensorView &table) {
  check.floats("table", table);
  check.rank("table", table, 2, 2);
  const int64_t rows = check.integer("rows", 0, kMaxElements);
  const int64_t offset = check.integer("row_offset", 0, kMaxElements);
  check.integerOr("padding_index", -1, -1, kMaxElements);
  check.integerOr("optional", 0, 0, 1);
  checkPart(check, {rows}, {offset}, {table.shape[0]}, "table's first dimension");
}

Shape rowsFor(const TensorView &ids, const TensorView &table) {
  Shape shape = shapeOf(ids);
  shape.push_back(table.shape[1]);
  return shape;
}

}  // namespace

absl::Status checkEmbedding(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(2, 1)) return check.status();
  const TensorView &table = check.in(0), &ids = check.in(1), &out = check.out(0);
  checkRows(check, table);
  check.integers("ids", ids);
  check.dtype("output", out, table.dtype);
  check.shape("output", out, rowsFor(ids, table));
  return check.status();
}

absl::Status checkEmbeddingGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(2, 3) || !check.outputCount(1)) return check.status();
  check.segments(3, 2);
  const TensorView &ids = check.in(0), &gradient = check.in(1), &out = check.out(0);
  checkRows(check, out);
  check.integers("ids", ids);
  check.dtype("gradient", gradient, out.dtype);
  check.shape("gradient", gradient, rowsFor(ids, out));
  if (call.inputs.size() == 3) check.like("accumulator", check.in(2), out);
  return check.status();
}

}  // namespace cleave
