// In which order examples are taken.

#ifndef CLEAVE_RUNTIME_DATA_ROW_ORDER_H
#define CLEAVE_RUNTIME_DATA_ROW_ORDER_H

#include <cstdint>
#include <vector>

namespace cleave {

// Positions 0, 1, 2, ... run through all rows of a file, epoch after epoch. Shuffled, each epoch has a permutation of
// its own, which follows from seed and epoch alone. Not thread safe: the current epoch's permutation is kept.
class RowOrder {
 public:
  // `rows` is at least 1.
  static RowOrder sequential(int64_t rows) { return RowOrder(rows, 0, /*isShuffled=*/false); }
  static RowOrder shuffled(int64_t rows, uint64_t seed) { return RowOrder(rows, seed, /*isShuffled=*/true); }

  int64_t rowAt(int64_t position);
  int64_t rows() const { return rows_; }

 private:
  RowOrder(int64_t rows, uint64_t seed, bool isShuffled) : rows_(rows), seed_(seed), isShuffled_(isShuffled) {}

  int64_t rows_;
  uint64_t seed_;
  bool isShuffled_;
  int64_t epoch_ = -1;  // of `permutation_`
  std::vector<int64_t> permutation_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_ROW_ORDER_H
