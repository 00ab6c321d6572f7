// In which order examples are taken.

#ifndef CLEAVE_RUNTIME_DATA_ROW_ORDER_H
#define CLEAVE_RUNTIME_DATA_ROW_ORDER_H

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/data/source_draw.h"

namespace cleave {

// Positions 0, 1, 2, ... run through all rows of a file, epoch after epoch. Shuffled, each epoch has a permutation of
// its own, which follows from seed and epoch alone. Not thread safe: the current epoch's permutation is kept.
// A mixture's position is found by drawing up to it; from one to the next that is one draw.
class RowOrder {
 public:
  // `rows` is at least 1.
  static RowOrder sequential(int64_t rows) { return RowOrder(rows, 0, /*isShuffled=*/false); }
  static RowOrder shuffled(int64_t rows, uint64_t seed) { return RowOrder(rows, seed, /*isShuffled=*/true); }

  // Each position takes the next row of the part that is drawn for it. Parts lie one behind the other; there is one for each
  // source of the draw.
  static RowOrder mixed(SourceDraw draw, std::vector<RowOrder> parts);

  int64_t rowAt(int64_t position);
  int64_t rows() const { return rows_; }

 private:
  int64_t mixedRowAt(int64_t position);

  RowOrder(int64_t rows, uint64_t seed, bool isShuffled) : rows_(rows), seed_(seed), isShuffled_(isShuffled) {}

  int64_t rows_;
  uint64_t seed_;
  bool isShuffled_;
  int64_t epoch_ = -1;  // of `permutation_`
  std::vector<int64_t> permutation_;

  // Of a mixture.
  std::optional<SourceDraw> draw_;
  std::vector<RowOrder> parts_;
  int64_t drawn_ = 0;           // positions that are counted in `taken_`
  std::vector<int64_t> taken_;  // rows of each part
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_ROW_ORDER_H
