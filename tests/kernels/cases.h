// Random calls of every kernel, over odd shapes.

#ifndef CLEAVE_TESTS_KERNELS_CASES_H
#define CLEAVE_TESTS_KERNELS_CASES_H

#include "tests/kernels/testing.h"

namespace cleave::testing {

// At least one call of each kernel of the language; f32 where it has floats.
std::vector<Case> allCases(uint64_t seed);

// Draws tensors.
class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  Tensor normal(Shape shape, double deviation = 1, double mean = 0);
  Tensor integers(Shape shape, int64_t low, int64_t end);  // i32 in [low, end)
  Tensor bools(Shape shape);
  Tensor key();  // i32[4]
  Tensor scalar(double value) { return Tensor::of(DType::kF32, {}, {value}); }

 private:
  std::mt19937_64 random_;
};

Tensor empty(Shape shape, DType dtype = DType::kF32);  // an output

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_KERNELS_CASES_H
