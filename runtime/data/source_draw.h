// Which of several sources of data each draw takes.

#ifndef CLEAVE_RUNTIME_DATA_SOURCE_DRAW_H
#define CLEAVE_RUNTIME_DATA_SOURCE_DRAW_H

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace cleave {

// Draws sources with probabilities in proportion to their weights. A draw follows from the seed and its number alone, so
// that a run goes on where it was by knowing how many draws were made.
class SourceDraw {
 public:
  // At least one weight, each finite and above 0.
  static absl::StatusOr<SourceDraw> create(const std::vector<double> &weights, uint64_t seed);

  // The index of the source that draw `draw` (from 0) takes.
  size_t sourceOf(int64_t draw) const;

 private:
  SourceDraw(std::vector<double> upTo, uint64_t seed) : upTo_(std::move(upTo)), seed_(seed) {}

  std::vector<double> upTo_;  // sums of the weights up to each source
  uint64_t seed_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_DATA_SOURCE_DRAW_H
