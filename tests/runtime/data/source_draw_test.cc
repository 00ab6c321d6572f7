#include "runtime/data/source_draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace cleave {
namespace {

using ::testing::HasSubstr;

std::vector<size_t> drawsOf(const std::vector<double> &weights, uint64_t seed, int64_t count) {
  auto draw = SourceDraw::create(weights, seed);
  EXPECT_TRUE(draw.ok()) << draw.status();
  std::vector<size_t> sources;
  for (int64_t i = 0; draw.ok() && i < count; ++i) sources.push_back(draw->sourceOf(i));
  return sources;
}

TEST(SourceDraw, TakesSourcesInProportionToTheirWeights) {
  constexpr int64_t kDraws = 100000;
  std::vector<int64_t> taken(3);
  for (size_t source : drawsOf({1, 2, 5}, 7, kDraws)) ++taken[source];
  // Five standard deviations of the largest variance.
  constexpr double kTolerance = 0.008;
  EXPECT_NEAR(double(taken[0]) / kDraws, 1.0 / 8, kTolerance);
  EXPECT_NEAR(double(taken[1]) / kDraws, 2.0 / 8, kTolerance);
  EXPECT_NEAR(double(taken[2]) / kDraws, 5.0 / 8, kTolerance);
}

TEST(SourceDraw, FollowsFromSeedAndNumberAlone) {
  EXPECT_EQ(drawsOf({3, 4}, 5, 200), drawsOf({3, 4}, 5, 200));
  EXPECT_EQ(drawsOf({3, 4}, 5, 200), drawsOf({6, 8}, 5, 200)) << "weights are relative";
  EXPECT_NE(drawsOf({3, 4}, 5, 200), drawsOf({3, 4}, 6, 200));
  EXPECT_NE(drawsOf({3, 4}, 5, 200), drawsOf({3, 4}, uint64_t{5} + (uint64_t{1} << 32), 200));
}

TEST(SourceDraw, OfOneSourceTakesIt) { EXPECT_EQ(drawsOf({0.1}, 0, 50), std::vector<size_t>(50, 0)); }

TEST(SourceDraw, RefusesWeightsThatAreNone) {
  const double infinity = std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::max();
  const auto refusal = [](const std::vector<double> &weights) {
    return std::string(SourceDraw::create(weights, 0).status().message());
  };
  EXPECT_THAT(refusal({}), HasSubstr("at least one source"));
  EXPECT_THAT(refusal({1, 0}), HasSubstr("above 0, got 0"));
  EXPECT_THAT(refusal({-1}), HasSubstr("above 0, got -1"));
  EXPECT_THAT(refusal({infinity}), HasSubstr("above 0, got inf"));
  EXPECT_THAT(refusal({std::numeric_limits<double>::quiet_NaN()}), HasSubstr("above 0, got nan"));
  EXPECT_THAT(refusal({most, most}), HasSubstr("finite sum"));
}

}  // namespace
}  // namespace cleave
