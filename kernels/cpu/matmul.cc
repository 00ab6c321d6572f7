#include <algorithm>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// `batch` products of one shape; operand i begins `step` elements behind operand i - 1.
struct Product {
  int64_t batch, m, n, k;
  GemmMatrix a, b;
  int64_t aStep, bStep;
  const float *bias;  // [n], or null
  float *c;           // [batch, m, n]
  bool isAdded = false;  // to what c holds
};

struct Tiling {
  int64_t rows, columns;  // of c in one tile
};

constexpr int64_t kTileWork = int64_t{192} << 20;   // multiplications that are worth a tile of their own
constexpr int64_t kSharedWork = int64_t{16} << 20;  // from these on a second thread is welcome
constexpr int64_t kSmallWork = int64_t{3} << 20;    // products of less share a tile
constexpr int64_t kMaxParts = 32;
constexpr int64_t kNarrowest = 192;  // each tile packs its operands anew, which a narrow one repays badly
constexpr int64_t kLine = 16;        // floats; tiles begin at whole cache lines

int64_t cutInto(int64_t extent, int64_t parts) { return (tilesOf(extent, parts) + kLine - 1) / kLine * kLine; }

// From the extents alone: the larger extent of c is cut into few, large parts. Measured on GPT-2's products, oneDNN on
// AVX-512, GFLOP/s of one thread: 3072x768x256 in 2 parts 155, in 4 130; 50257x768x256 in 32 157, in 64 140.
Tiling chooseTiling(const Product &p) {
  const double work = double(p.m) * double(p.n) * double(p.k);
  int64_t parts = static_cast<int64_t>(std::min<double>(kMaxParts, work / double(kTileWork)));
  parts -= parts % 2;
  if (parts < 2 && work >= double(kSharedWork) && p.batch == 1) parts = 2;
  parts = std::clamp<int64_t>(parts, 1, std::max<int64_t>(1, std::max(p.m, p.n) / kNarrowest));
  if (p.n >= p.m) return {p.m, cutInto(p.n, parts)};
  return {cutInto(p.m, parts), p.n};
}

void multiplyTile(const Product &p, int64_t item, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  GemmMatrix a = p.a, b = p.b;
  a.data += item * p.aStep + (a.isTransposed ? row : row * a.stride);
  b.data += item * p.bStep + (b.isTransposed ? column * b.stride : column);
  float *c = p.c + (item * p.m + row) * p.n + column;
  if (p.bias)
    for (int64_t i = 0; i < rows; ++i) std::copy_n(p.bias + column, columns, c + i * p.n);
  gemm(rows, columns, p.k, 1.0f, a, b, p.bias || p.isAdded ? 1.0f : 0.0f, c, p.n);
}

// Where sums are much longer than both extents of c are wide, they are cut instead: into how many parts. The parts but
// the first wait in scratch memory. (256x768x50257 in 6 parts runs at 155 GFLOP/s.)
int64_t partsOfSums(const Product &p) {
  const double work = double(p.m) * double(p.n) * double(p.k);
  if (p.batch != 1 || p.k < 8 * std::max(p.m, p.n) || work < 2 * double(kTileWork)) return 1;
  const int64_t fitting = kWorkspaceBytes / (static_cast<int64_t>(sizeof(float)) * p.m * p.n);
  return std::min({int64_t{8}, 1 + fitting, static_cast<int64_t>(work / double(kTileWork))});
}

// c = the sum of `parts` products over stretches of k, added in their order.
void multiplyBySums(KernelContext &context, const Product &p, int64_t parts) {
  const int64_t step = cutInto(p.k, parts), results = p.m * p.n;
  float *scratch = reinterpret_cast<float *>(context.workspaces[0]);
  parts = tilesOf(p.k, step);
  context.pool.parallelFor(parts, [&](int64_t part, int) {
    Product piece = p;
    const int64_t begin = part * step;
    piece.k = std::min(step, p.k - begin);
    piece.a.data += piece.a.isTransposed ? begin * piece.a.stride : begin;
    piece.b.data += piece.b.isTransposed ? begin : begin * piece.b.stride;
    if (part > 0) {
      piece.bias = nullptr;
      piece.isAdded = false;
      piece.c = scratch + (part - 1) * results;
    }
    multiplyTile(piece, /*item=*/0, 0, p.m, 0, p.n);
  });
  forRanges(context.pool, results, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t part = 1; part < parts; ++part)
      vectorKernels().add(p.c + begin, scratch + (part - 1) * results + begin, p.c + begin, end - begin);
  });
}

void multiply(KernelContext &context, const Product &p) {
  if (p.batch == 0 || p.m == 0 || p.n == 0) return;
  if (const int64_t parts = partsOfSums(p); parts > 1) return multiplyBySums(context, p, parts);
  const Tiling tiling = chooseTiling(p);
  const int64_t across = tilesOf(p.n, tiling.columns), down = tilesOf(p.m, tiling.rows);
  const double work = double(tiling.rows) * double(tiling.columns) * double(p.k);
  // Small products share a tile.
  const int64_t group = std::max<int64_t>(1, static_cast<int64_t>(double(kSmallWork) / std::max(1.0, work)));
  forRanges(context.pool, p.batch * down * across, group, [&](int64_t begin, int64_t end) {
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t item = tile / (down * across), row = tile / across % down * tiling.rows;
      const int64_t column = tile % across * tiling.columns;
      multiplyTile(p, item, row, std::min(tiling.rows, p.m - row), column, std::min(tiling.columns, p.n - column));
    }
  });
}

bool fitsGemm(const KernelCall &call) {
  auto fits = [](const TensorView &view) {
    return view.elements() < (int64_t{1} << 40) && lastExtent(view) <= kMaxGemmExtent;
  };
  return fits(call.inputs[0]) && fits(call.inputs[1]) && fits(call.outputs[0]) &&
         rowsOf(call.inputs[0]) <= kMaxGemmExtent && rowsOf(call.inputs[1]) <= kMaxGemmExtent;
}

}  // namespace

bool takesMatmul(const KernelCall &call) { return isDenseFloat(call) && fitsGemm(call); }
bool takesOuter(const KernelCall &call) { return isDenseFloat(call) && fitsGemm(call); }

absl::Status matmul(const KernelCall &call, KernelContext &context) {
  const TensorView &lhs = call.inputs[0], &rhs = call.inputs[1], &out = call.outputs[0];
  const bool transposeLhs = call.attributes.getInt("transpose_lhs") != 0;
  const bool transposeRhs = call.attributes.getInt("transpose_rhs") != 0;
  Product p;
  p.batch = 1;
  for (int d = 0; d + 2 < out.rank; ++d) p.batch *= out.shape[d];
  p.m = out.shape[out.rank - 2];
  p.n = out.shape[out.rank - 1];
  p.k = lhs.shape[transposeLhs ? lhs.rank - 2 : lhs.rank - 1];
  p.a = {lhs.as<float>(), transposeLhs ? p.m : p.k, transposeLhs};
  p.b = {rhs.as<float>(), transposeRhs ? p.k : p.n, transposeRhs};
  p.aStep = p.m * p.k;
  p.bStep = rhs.rank == 2 ? 0 : p.k * p.n;
  p.bias = call.inputs.size() > 2 ? call.inputs[2].as<float>() : nullptr;
  p.c = out.as<float>();
  // A shared rhs multiplies all rows at once.
  if (rhs.rank == 2 && !transposeLhs) {
    p.m *= p.batch;
    p.batch = 1;
  }
  multiply(context, p);
  return absl::OkStatus();
}

absl::Status outer(const KernelCall &call, KernelContext &context) {
  const TensorView &lhs = call.inputs[0], &rhs = call.inputs[1], &out = call.outputs[0];
  Product p;
  p.batch = 1;
  p.m = out.shape[0];
  p.n = out.shape[1];
  p.k = rowsOf(lhs);
  p.a = {lhs.as<float>(), p.m, /*isTransposed=*/true};
  p.b = {rhs.as<float>(), p.n};
  p.aStep = p.bStep = 0;
  p.bias = nullptr;
  p.c = out.as<float>();
  if (call.inputs.size() > 2) {
    const float *accumulator = call.inputs[2].as<float>();
    p.isAdded = true;
    if (accumulator != p.c)
      forRanges(context.pool, out.elements(), kGrain,
                [&](int64_t begin, int64_t end) { std::copy(accumulator + begin, accumulator + end, p.c + begin); });
  }
  multiply(context, p);
  return absl::OkStatus();
}

}  // namespace cleave::cpu
