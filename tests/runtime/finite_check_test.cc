#include "runtime/finite_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace cleave {
namespace {

using ::testing::HasSubstr;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class FiniteCheckTest : public ::testing::Test {
 protected:
  FiniteCheckTest() {
    good_ = TensorView::contiguous(goodValues_.data(), DType::kF32, {2});
    bad_ = TensorView::contiguous(badValues_.data(), DType::kF32, {2});
    sums_ = TensorView::contiguous(sumValues_.data(), DType::kF32, {2});
  }

  static TaskLabel label(const std::string &op, const std::string &kernel, int order, int rank = 0) {
    TaskLabel label;
    label.op = op;
    label.kernel = kernel;
    label.order = order;
    label.rank = rank;
    return label;
  }
  std::string blamed() { return std::string(check_.take().message()); }

  std::vector<float> goodValues_ = {1, 2}, badValues_ = {1, NAN}, sumValues_ = {kInfinity, 2};
  TensorView good_, bad_, sums_;
  FiniteCheck check_;
};

TEST_F(FiniteCheckTest, BlamesTheFirstOfTheProgramWhateverTheOrderOfTheRuns) {
  const TaskLabel later = label("later", "exp", 7), first = label("first", "exp", 3);
  const TaskLabel passedOn = label("next", "add", 4);
  check_.onTask(later, {good_}, {bad_});
  check_.onTask(passedOn, {bad_}, {sums_});
  check_.onTask(first, {good_}, {bad_});
  EXPECT_THAT(blamed(), HasSubstr("op 'first'"));
  EXPECT_EQ(blamed(), "") << "the next run begins anew";
}

TEST_F(FiniteCheckTest, LeavesOutWhatIsInfiniteByIntent) {
  for (const char *kernel : {"constant", "select", "reduce", "copy"}) {
    const TaskLabel meant = label(kernel, kernel, 1);
    check_.onTask(meant, {good_}, {bad_});
    EXPECT_TRUE(check_.take().ok()) << kernel;
  }
  const TaskLabel attention = label("attention", "attention", 1);
  check_.onTask(attention, {good_}, {good_, bad_});
  EXPECT_TRUE(check_.take().ok()) << "a row that sees nothing";
  check_.onTask(attention, {good_}, {bad_, good_});
  EXPECT_FALSE(check_.take().ok());
}

TEST_F(FiniteCheckTest, BlamesNoSumForThePartOfAPeer) {
  const TaskLabel here = label("sum", "all_reduce", 2, 0), there = label("sum", "all_reduce", 2, 1);
  check_.onTask(here, {good_}, {sums_});
  check_.onTask(there, {bad_}, {sums_});
  EXPECT_TRUE(check_.take().ok());
  check_.onTask(here, {good_}, {sums_});
  check_.onTask(there, {good_}, {sums_});
  EXPECT_THAT(blamed(), HasSubstr("op 'sum'")) << "it overflowed";
}

TEST_F(FiniteCheckTest, SuspectsATaskThatWorksInPlace) {
  const TaskLabel task = label("update", "adamw", 5);
  check_.onTask(task, {bad_}, {bad_});
  EXPECT_THAT(blamed(), HasSubstr("op 'update'"));
}

TEST(IsFinite, LooksAtTheElementsOfAViewAlone) {
  std::vector<float> values = {1, kInfinity, 3, 4, -kInfinity, 6};
  TensorView column = TensorView::contiguous(values.data(), DType::kF32, {2, 3});
  EXPECT_FALSE(isFinite(column));
  column.shape[1] = 1;
  EXPECT_FALSE(isFinite(TensorView::contiguous(values.data() + 4, DType::kF32, {})));
  EXPECT_TRUE(isFinite(column)) << "the first of each row";
  column.shape[0] = 0;
  EXPECT_TRUE(isFinite(column));
}

TEST(IsFinite, KnowsEveryTypeOfFloat) {
  double d[] = {1, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_FALSE(isFinite(TensorView::contiguous(d, DType::kF64, {2})));
  uint16_t bf16[] = {0x3f80, 0x7f80}, f16[] = {0x3c00, 0x7c00};
  EXPECT_TRUE(isFinite(TensorView::contiguous(bf16, DType::kBF16, {1})));
  EXPECT_FALSE(isFinite(TensorView::contiguous(bf16, DType::kBF16, {2})));
  EXPECT_TRUE(isFinite(TensorView::contiguous(f16, DType::kF16, {1})));
  EXPECT_FALSE(isFinite(TensorView::contiguous(f16, DType::kF16, {2})));
  int32_t integers[] = {0x7f800000};
  EXPECT_TRUE(isFinite(TensorView::contiguous(integers, DType::kI32, {1})));
}

}  // namespace
}  // namespace cleave
