// What forward and backward attention share: the scores of a block of queries of one head, in a worker's scratch
// memory.

#ifndef CLEAVE_KERNELS_CPU_ATTENTION_TILE_H
#define CLEAVE_KERNELS_CPU_ATTENTION_TILE_H

#include "kernels/checks/arguments.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/vector/vector_kernels.h"

namespace cleave::cpu {

// The queries of a block: a scratch memory holds two matrices of so many rows and all keys. From the shapes alone.
int64_t queriesInBlock(const AttentionArguments &a);

// Queries [query, query + rows) of one head and the keys [low, high) that any of them may see by position.
struct AttentionTile {
  AttentionTile(const AttentionArguments &a, int64_t batch, int64_t head, int64_t query, int64_t rows);

  const AttentionArguments &a;
  int64_t batch, head, kvHead, query, rows, low, high;

  int64_t width() const { return high - low; }
  // The keys of one row, counted from low.
  int64_t firstOf(int64_t row) const { return a.firstKey(query + row) - low; }
  int64_t endOf(int64_t row) const { return a.endKey(query + row) - low; }

  // The block's part of a tensor shaped like q, and like k: rows are `stride` apart.
  float *queriesOf(const TensorView &view) const;
  float *keysOf(const TensorView &view) const;
  int64_t queryStride() const { return a.h * a.d; }
  int64_t keyStride() const { return a.g * a.d; }

  // scores [rows, width] = scale * q * k^T.
  void computeScores(float *scores) const;
  // Adds the bias to a row of scores, and makes what masks hide minus infinity.
  void biasAndMask(float *scores, int64_t row) const;
  // Drops entries of a row, by their global elements.
  void drop(float *values, int64_t row) const;
  // 0 where the row sees nothing by position.
  void clearUnseen(float *values, int64_t row) const;
};

}  // namespace cleave::cpu

#endif  // CLEAVE_KERNELS_CPU_ATTENTION_TILE_H
