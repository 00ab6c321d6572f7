#include "ir/sharding_rule.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

using Texts = std::vector<std::string>;

struct RuleOf {
  llvm::StringRef text;
  std::vector<int64_t> operandRanks, resultRanks;
  Linearity linearity = {};
  std::vector<unsigned> operandCounts = {};  // one each, if empty
  Combiner combiner = Combiner::Sum;
};

ShardingRule make(const RuleOf &of) {
  const auto [operands, results] = ShardingRule::countFields(of.text);
  const std::vector<unsigned> ones(operands, 1), resultOnes(results, 1);
  return ShardingRule(of.text, of.operandCounts.empty() ? ones : of.operandCounts, of.operandRanks, resultOnes,
                      of.resultRanks,
                      of.linearity, of.combiner);
}

Texts strategiesOf(const ShardingRule &rule) {
  Texts seen;
  for (const Strategy &strategy : rule.strategies()) seen.push_back(strategy.str());
  return seen;
}

constexpr int kFirst[] = {0}, kSecond[] = {1}, kThird[] = {2}, kBoth[] = {0, 1};

TEST(ShardingRule, LeavesAPartialSumWhereAMatmulSplitsItsSummedIndex) {
  const Texts expected = {"B, B -> B",       "S(0), B -> S(0)",     "S(1), S(0) -> P(sum)",
                          "B, S(1) -> S(1)", "P(sum), B -> P(sum)", "B, P(sum) -> P(sum)"};
  EXPECT_EQ(strategiesOf(make({"m k, k n -> m n", {2, 2}, {2}, {/*each=*/kBoth}})), expected);
}

TEST(ShardingRule, AddsPartialSumsOnlyToPartialSums) {
  const Texts expected = {"B, B -> B", "S(0), S(0) -> S(0)", "P(sum), P(sum) -> P(sum)"};
  EXPECT_EQ(strategiesOf(make({"n, n -> n", {1, 1}, {1}, {/*each=*/{}, /*together=*/kBoth}})), expected);
}

TEST(ShardingRule, WantsAddendsPartialWhereTheResultIs) {
  const Texts expected = {"B, B, B -> B",          "S(0), B, B -> S(0)",          "S(1), S(0), P(sum) -> P(sum)",
                          "B, S(1), S(0) -> S(1)", "P(sum), B, P(sum) -> P(sum)"};
  EXPECT_EQ(strategiesOf(make({"m k, k n, n -> m n", {2, 2, 1}, {2}, {/*each=*/kFirst, {}, /*addends=*/kThird}})),
            expected);
}

TEST(ShardingRule, NeverSplitsABracketedIndex) {
  const Texts expected = {"B -> B", "S(0) -> S(0)"};
  EXPECT_EQ(strategiesOf(make({"n [c] -> n [c]", {2}, {2}})), expected);
}

TEST(ShardingRule, KeepsWhatIsBracketedAnywhereWholeEverywhere) {
  EXPECT_EQ(strategiesOf(make({"n [c], c -> n", {2, 1}, {1}})), (Texts{"B, B -> B", "S(0), B -> S(0)"}));
}

TEST(ShardingRule, GivesStarredDimensionsSizesOfTheirOwn) {
  const ShardingRule rule = make({"n [*] -> n [*]", {2, 2}, {2}, {}, /*operandCounts=*/{2}});
  EXPECT_EQ(strategiesOf(rule), (Texts{"B, B -> B", "S(0), S(0) -> S(0)"}));
  EXPECT_NE(rule.operandIndices()[0][1], rule.operandIndices()[1][1]);
  EXPECT_NE(rule.operandIndices()[0][1], rule.resultIndices()[0][1]);
}

TEST(ShardingRule, LetsDotsStandForTheDimensionsThatAreNotNamed) {
  const Texts expected = {"B, B -> B",       "S(0), B -> S(0)", "S(1), B -> S(1)", "S(2), B -> S(2)",
                          "S(3), S(0) -> P(sum)", "B, S(1) -> S(3)"};
  EXPECT_EQ(strategiesOf(make({"... m k, ... k n -> ... m n", {4, 2}, {4}})), expected);
}

TEST(ShardingRule, HasNoSplitsForScalars) {
  EXPECT_EQ(strategiesOf(make({" -> ", {0}, {0}})), Texts{"B -> B"});
  EXPECT_EQ(strategiesOf(make({"-> ...", {}, {2}})), (Texts{" -> B", " -> S(0)", " -> S(1)"}));
}

TEST(ShardingRule, LeavesTheCombinerOfTheReductionWhereAReducedIndexIsSplit) {
  EXPECT_EQ(strategiesOf(make({"i j -> i", {2}, {1}, {}, {}, Combiner::Max})),
            (Texts{"B -> B", "S(0) -> S(0)", "S(1) -> P(max)"}));
}

TEST(ShardingRule, SwapsMaximumAndMinimumWhereAnOpIsAntitone) {
  EXPECT_EQ(strategiesOf(make({"... -> ...", {0}, {0}, {{}, {}, {}, /*monotone=*/kFirst}})),
            (Texts{"B -> B", "P(max) -> P(max)", "P(min) -> P(min)"}));
  EXPECT_EQ(strategiesOf(make({"... -> ...", {0}, {0}, {{}, {}, {}, {}, /*antitone=*/kFirst}})),
            (Texts{"B -> B", "P(max) -> P(min)", "P(min) -> P(max)"}));
}

TEST(ShardingRule, TreatsAllValuesOfAVariadicOperandAlike) {
  EXPECT_EQ(strategiesOf(make({"... -> ...", {1, 1, 1}, {1}, {{}, /*together=*/kFirst}, /*operandCounts=*/{3}})),
            (Texts{"B, B, B -> B", "S(0), S(0), S(0) -> S(0)", "P(sum), P(sum), P(sum) -> P(sum)"}));
}

TEST(ShardingRule, LeavesAbsentOperandsOut) {
  const ShardingRule rule = make({"m k, k, m -> m",
                                  {2, 1},
                                  {1},
                                  {/*each=*/kSecond, {}, /*addends=*/kSecond},
                                  /*operandCounts=*/{1, 0, 1}});
  EXPECT_EQ(strategiesOf(rule), (Texts{"B, B -> B", "S(0), S(0) -> S(0)", "S(1), B -> P(sum)"}));
  EXPECT_EQ(rule.operandCounts(), (llvm::SmallVector<int64_t>{1, 0, 1}));
}

Strategy ofOne(AxisPlacement operand, AxisPlacement result) { return {{operand}, {result}}; }

TEST(ShardingRule, MatchesAStrategyInAnyUnitAsLongAsItIsOne) {
  const ShardingRule rule = make({"... -> ...", {1}, {1}});
  EXPECT_TRUE(rule.match(ofOne(AxisPlacement::split(0, 64), AxisPlacement::split(0, 64))));
  EXPECT_FALSE(rule.match(ofOne(AxisPlacement::split(0, 64), AxisPlacement::split(0))));
}

TEST(ShardingRule, MatchesAStrategyMajorOrMinorButNotBoth) {
  const ShardingRule rule = make({"... -> ...", {1}, {1}});
  const AxisPlacement minor = AxisPlacement::split(0, 1, /*minor=*/true);
  EXPECT_TRUE(rule.match(ofOne(minor, minor)));
  EXPECT_FALSE(rule.match(ofOne(AxisPlacement::split(0, 1, /*minor=*/true), AxisPlacement::split(0))));
}

TEST(ShardingRule, CountsEachSplitInMultiplesOfItsOwnUnit) {
  ShardingRule rule = make({"[x] -> [y] [z]", {1}, {2}});
  rule.addStrategy(ofOne(AxisPlacement::split(0, 64), AxisPlacement::split(0)));
  EXPECT_TRUE(rule.match(ofOne(AxisPlacement::split(0, 128), AxisPlacement::split(0, 2))));
  EXPECT_FALSE(rule.match(ofOne(AxisPlacement::split(0, 128), AxisPlacement::split(0))));
  EXPECT_FALSE(rule.match(ofOne(AxisPlacement::split(0, 96), AxisPlacement::split(0))));
}

TEST(ShardingRule, InstantiatesSplitsAndNothingElse) {
  const Strategy pattern{{AxisPlacement::split(1, 64), AxisPlacement::broadcast()},
                         {AxisPlacement::partial(Combiner::Sum)}};
  EXPECT_EQ(instantiate(pattern, /*unit=*/2, /*minor=*/true).str(), "S(1, unit=128, minor), B -> P(sum)");
}

TEST(FindConflict, SeesNoneWhereAxesSplitDifferentDimensions) {
  EXPECT_FALSE(findConflict({Strategy{{AxisPlacement::split(0), AxisPlacement::broadcast()}, {}},
                             Strategy{{AxisPlacement::split(1), AxisPlacement::split(0)}, {}}}));
}

TEST(FindConflict, WantsTheAxisThatSplitsMoreValuesToBeMajor) {
  const Strategy queries{{AxisPlacement::split(2), AxisPlacement::broadcast()}, {}};
  const Strategy both{{AxisPlacement::split(2), AxisPlacement::split(2)}, {}};
  EXPECT_FALSE(findConflict({both, queries}));
  EXPECT_EQ(findConflict({queries, both}), (std::pair<size_t, size_t>(0, 1)));
}

TEST(FindConflict, ReadsTheOrderFromTheMinorMark) {
  const Strategy queries{{AxisPlacement::split(2, 1, /*minor=*/true), AxisPlacement::broadcast()}, {}};
  const Strategy both{{AxisPlacement::split(2), AxisPlacement::split(2)}, {}};
  EXPECT_FALSE(findConflict({queries, both}));
}

}  // namespace
}  // namespace cleave
