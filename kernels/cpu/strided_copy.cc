#include "kernels/cpu/strided_copy.h"

#include <cstdlib>
#include <cstring>

#include "kernels/cpu/tiles.h"

namespace cleave {
namespace {

struct Dimension {
  int64_t size, to, from;  // strides in elements
};

constexpr int64_t kBlock = 16;  // lines of a square that is transposed at once

// Without dimensions of size 1, the fastest of `to` last, and neighbours that are one stretch in both views joined.
int normalize(const TensorView &to, const TensorView &from, Dimension *dims) {
  int rank = 0;
  for (int d = 0; d < to.rank; ++d)
    if (to.shape[d] != 1) dims[rank++] = {to.shape[d], to.strides[d], from.strides[d]};
  std::stable_sort(dims, dims + rank,
                   [](const Dimension &a, const Dimension &b) { return std::abs(a.to) > std::abs(b.to); });
  int joined = 0;
  for (int d = 1; d < rank; ++d) {
    Dimension &outer = dims[joined];
    const Dimension inner = dims[d];
    if (outer.to == inner.to * inner.size && outer.from == inner.from * inner.size) {
      outer = {outer.size * inner.size, inner.to, inner.from};
    } else {
      dims[++joined] = inner;
    }
  }
  return rank == 0 ? 0 : joined + 1;
}

template <typename T>
void copyLine(T *to, const T *from, const Dimension &d) {
  if (d.to == 1 && d.from == 1) {
    std::memcpy(to, from, d.size * sizeof(T));
  } else if (d.to == 1 && d.from == 0) {
    std::fill(to, to + d.size, *from);
  } else {
    for (int64_t i = 0; i < d.size; ++i) to[i * d.to] = from[i * d.from];
  }
}

// Two dimensions, in squares, so that both views are read and written by whole cache lines.
template <typename T>
void copySquares(T *to, const T *from, const Dimension &outer, const Dimension &inner) {
  for (int64_t i = 0; i < outer.size; i += kBlock)
    for (int64_t j = 0; j < inner.size; j += kBlock) {
      const int64_t iEnd = std::min(outer.size, i + kBlock), jEnd = std::min(inner.size, j + kBlock);
      for (int64_t a = i; a < iEnd; ++a)
        for (int64_t b = j; b < jEnd; ++b) to[a * outer.to + b * inner.to] = from[a * outer.from + b * inner.from];
    }
}

// The dimensions before the last `inner` are walked by number, `grain` of them in a tile.
template <typename T>
void copyAll(ThreadPool &pool, T *to, const T *from, Dimension *dims, int rank) {
  // A transposition: the dimension that is fastest in `from` comes next to last.
  int inner = rank > 0 ? 1 : 0;
  if (rank > 1 && std::abs(dims[rank - 1].from) != 1 && dims[rank - 1].from != 0) {
    for (int d = 0; d + 1 < rank; ++d)
      if (std::abs(dims[d].from) == 1) {
        std::rotate(dims + d, dims + d + 1, dims + rank - 1);
        inner = 2;
        break;
      }
  }
  // One large line or square is cut along its outer dimension, so that threads can share it.
  const int outerRank = rank - inner;
  int64_t lines = 1, lineElements = 1;
  for (int d = 0; d < outerRank; ++d) lines *= dims[d].size;
  for (int d = outerRank; d < rank; ++d) lineElements *= dims[d].size;
  const int64_t cutSize = inner > 0 ? dims[outerRank].size : 1;
  const int64_t perStep = inner == 2 ? dims[rank - 1].size : 1;
  const int64_t step = std::max<int64_t>(kBlock, kGrain / std::max<int64_t>(1, perStep) / kBlock * kBlock);
  const int64_t cuts = inner > 0 ? tilesOf(cutSize, step) : 1;
  auto copyCut = [&](int64_t line, int64_t cut) {
    T *target = to;
    const T *source = from;
    for (int d = outerRank - 1; d >= 0; --d) {
      const int64_t index = line % dims[d].size;
      line /= dims[d].size;
      target += index * dims[d].to;
      source += index * dims[d].from;
    }
    if (inner == 0) {
      *target = *source;
      return;
    }
    Dimension part = dims[outerRank];
    target += cut * step * part.to;
    source += cut * step * part.from;
    part.size = std::min(step, cutSize - cut * step);
    inner == 2 ? copySquares(target, source, part, dims[rank - 1]) : copyLine(target, source, part);
  };
  const int64_t cutElements = std::max<int64_t>(1, lineElements / cuts);
  forRanges(pool, lines * cuts, rowGrain(cutElements), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) copyCut(i / cuts, i % cuts);
  });
}

}  // namespace

void copyStrided(ThreadPool &pool, const TensorView &to, const TensorView &from) {
  if (to.elements() == 0) return;
  Dimension dims[kMaxRank];
  const int rank = normalize(to, from, dims);
  switch (bytesOf(to.dtype)) {
    case 1: return copyAll(pool, to.as<uint8_t>(), from.as<uint8_t>(), dims, rank);
    case 2: return copyAll(pool, to.as<uint16_t>(), from.as<uint16_t>(), dims, rank);
    case 4: return copyAll(pool, to.as<uint32_t>(), from.as<uint32_t>(), dims, rank);
    default: return copyAll(pool, to.as<uint64_t>(), from.as<uint64_t>(), dims, rank);
  }
}

}  // namespace cleave
