#include "runtime/training/learning_rate.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

TEST(LearningRate, RisesToItsHighestAndStaysThere) {
  program::Training training;
  training.learningRate = 0.5;
  training.schedule = "constant";
  training.warmup = 4;
  for (int64_t step = 1; step <= 4; ++step) EXPECT_DOUBLE_EQ(learningRateAt(training, step), 0.5 * double(step) / 4);
  EXPECT_EQ(learningRateAt(training, 5), 0.5);
  EXPECT_EQ(learningRateAt(training, 1000000), 0.5);
  training.warmup = 0;
  EXPECT_EQ(learningRateAt(training, 1), 0.5);
}

TEST(LearningRate, FollowsACosineDownToItsLowestAndStaysThere) {
  program::Training training;
  training.learningRate = 1.0;
  training.minLearningRate = 0.1;
  training.schedule = "cosine";
  training.warmup = 10;
  training.totalSteps = 110;
  EXPECT_DOUBLE_EQ(learningRateAt(training, 5), 0.5);
  EXPECT_DOUBLE_EQ(learningRateAt(training, 10), 1.0);
  EXPECT_DOUBLE_EQ(learningRateAt(training, 60), 0.55);
  EXPECT_DOUBLE_EQ(learningRateAt(training, 110), 0.1);
  EXPECT_DOUBLE_EQ(learningRateAt(training, 500), 0.1);
}

}  // namespace
}  // namespace cleave
