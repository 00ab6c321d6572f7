#include "runtime/training/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace cleave {
namespace {

constexpr int kDraws = 4096;

// How often each token is drawn when the random bits run evenly through their range.
std::vector<double> shares(const std::vector<float> &logits, const ChoiceOptions &choice) {
  std::vector<double> share(logits.size());
  for (uint64_t i = 0; i < kDraws; ++i) {
    const int64_t token = chooseToken(logits, choice, i << 52);
    if (token >= 0) share[size_t(token)] += 1.0 / kDraws;
  }
  return share;
}

TEST(ChooseToken, DrawsBySoftmaxOfLogitsOverTemperature) {
  const std::vector<float> logits = {0.0f, 1.0f, -1.0f, 2.0f};
  for (double temperature : {0.5, 1.0, 3.0}) {
    const std::vector<double> share = shares(logits, {temperature});
    double sum = 0;
    for (float logit : logits) sum += std::exp(logit / temperature);
    for (size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(share[i], std::exp(logits[i] / temperature) / sum, 2.0 / kDraws) << i << " at " << temperature;
  }
}

TEST(ChooseToken, LeavesOutAllButTheLikeliest) {
  const std::vector<double> share = shares({0.0f, 1.0f, 1.0f, 2.0f, 1.0f}, {1.0, 3});
  EXPECT_EQ(share[0], 0.0);
  EXPECT_EQ(share[4], 0.0) << "of equal logits the earlier ones stay";
  EXPECT_GT(share[1], 0.0);
  EXPECT_NEAR(share[1], share[2], 2.0 / kDraws);
  EXPECT_GT(share[3], share[1]);
}

// Of softmax 0.5, 0.25, 0.125, 0.125.
TEST(ChooseToken, TakesTheFewestThatAreProbableEnough) {
  const std::vector<float> logits = {std::log(0.125f), std::log(0.5f), std::log(0.125f), std::log(0.25f)};
  const std::pair<double, std::vector<double>> cases[] = {
      {0.1, {0, 1, 0, 0}},
      {0.6, {0, 2.0 / 3, 0, 1.0 / 3}},
      {0.76, {1.0 / 7, 4.0 / 7, 0, 2.0 / 7}},
      {1.0, {0.125, 0.5, 0.125, 0.25}},
  };
  for (const auto &[topP, expected] : cases) {
    const std::vector<double> share = shares(logits, {1, 0, topP});
    for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(share[i], expected[i], 2.0 / kDraws) << i << " of " << topP;
  }
  EXPECT_EQ(shares(logits, {1, 1, 0.9})[1], 1.0) << "among those that top-k leaves";
}

TEST(ChooseToken, TakesTheLikeliestAtTemperatureZero) {
  EXPECT_EQ(chooseToken(std::vector<float>{1, 3, 3, 2}, {0}, 12345), 1);
  EXPECT_EQ(chooseToken(std::vector<float>{1, 3, 3, 2}, {1, 1}, ~uint64_t{0}), 1);
}

TEST(ChooseToken, NeverTakesALogitThatIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity(), none = std::nanf("");
  const std::vector<double> share = shares({none, 0.0f, -infinity, 0.0f}, {});
  EXPECT_EQ(share[0] + share[2], 0.0);
  EXPECT_NEAR(share[1] + share[3], 1.0, 1e-9);
  EXPECT_EQ(chooseToken(std::vector<float>{none, none}, {}, 0), -1);
  EXPECT_EQ(chooseToken({}, {}, 0), -1);
}

TEST(ChooseToken, IsSafeForLogitsOfAnySize) {
  EXPECT_EQ(chooseToken(std::vector<float>{1e30f, -1e30f, 3e38f}, {1e-6}, ~uint64_t{0}), 2);
}

}  // namespace
}  // namespace cleave
