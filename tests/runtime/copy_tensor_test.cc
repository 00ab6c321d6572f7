#include "runtime/copy_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace cleave {
namespace {

using ::testing::ElementsAre;

TEST(CopyTensor, CopiesAnyStridesToAnyOthers) {
  std::vector<int32_t> source(6), target(12, -1);
  std::iota(source.begin(), source.end(), 0);
  TensorView from = TensorView::contiguous(source.data(), DType::kI32, {2, 3});
  TensorView to = TensorView::contiguous(target.data(), DType::kI32, {2, 3});
  to.strides[0] = 1;  // transposed, with a gap behind each column
  to.strides[1] = 4;
  copyTensor(to, from);
  EXPECT_THAT(target, ElementsAre(0, 3, -1, -1, 1, 4, -1, -1, 2, 5, -1, -1));
}

TEST(CopyTensor, CopiesWholeRowsWhereTheyLieDense) {
  std::vector<double> source = {0, 1, 2, 3, 4, 5}, target(8, -1);
  TensorView to = TensorView::contiguous(target.data(), DType::kF64, {2, 3});
  to.strides[0] = 4;
  copyTensor(to, TensorView::contiguous(source.data(), DType::kF64, {2, 3}));
  EXPECT_THAT(target, ElementsAre(0, 1, 2, -1, 3, 4, 5, -1));
}

TEST(CopyTensor, CopiesElementsOfEverySize) {
  uint8_t truths[] = {1, 9, 0, 9, 1}, seen[] = {7, 7, 7};
  TensorView from = TensorView::contiguous(truths, DType::kBool, {3});
  from.strides[0] = 2;
  copyTensor(TensorView::contiguous(seen, DType::kBool, {3}), from);
  EXPECT_THAT(seen, ElementsAre(1, 0, 1));
  uint16_t halves[] = {1, 2, 3, 4}, half[] = {0, 0};
  TensorView every = TensorView::contiguous(halves, DType::kF16, {2});
  every.strides[0] = 2;
  copyTensor(TensorView::contiguous(half, DType::kF16, {2}), every);
  EXPECT_THAT(half, ElementsAre(1, 3));
}

TEST(CopyTensor, CopiesScalarsAndNothing) {
  float from = 3, to = 0;
  copyTensor(TensorView::contiguous(&to, DType::kF32, {}), TensorView::contiguous(&from, DType::kF32, {}));
  EXPECT_EQ(to, 3);
  const TensorView nothing = TensorView::contiguous(nullptr, DType::kF32, {0, 3});
  copyTensor(nothing, nothing);
}

}  // namespace
}  // namespace cleave
