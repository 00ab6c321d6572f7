// Tokens that a session writes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "runtime/load_plan.h"
#include "runtime/plan/plan_hash.h"
#include "runtime/training/sampler.h"
#include "tests/runtime/training/bigram_plan.h"

namespace cleave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A model of 16 tokens, in windows of 8, that has learnt that 3 t + 1 follows t.
class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() {
    session_ = *Session::create(*loadPlan(serializePlan(makeBigramPlan()), registry_), {});
    HostTensor table(DType::kF32, {16, 16});
    for (int t = 0; t < 16; ++t) table.as<float>()[t * 16 + (3 * t + 1) % 16] = 9;
    EXPECT_TRUE(session_->write("table.weight", table.view()).ok());
  }

  std::vector<Token> written(const std::vector<Token> &prompt, const GenerateOptions &options) {
    std::vector<Token> tokens;
    const absl::Status status = generateTokens(*session_, prompt, options, [&](Token token) {
      tokens.push_back(token);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return tokens;
  }

  std::string errorOf(const std::vector<Token> &prompt, const GenerateOptions &options) {
    return std::string(generateTokens(*session_, prompt, options, [](Token) { return true; }).message());
  }

  static GenerateOptions likeliest(int64_t tokens) {
    GenerateOptions options;
    options.tokens = tokens;
    options.choice.temperature = 0;
    return options;
  }

  Registry registry_ = makeReferenceRegistry();
  std::unique_ptr<Session> session_;
};

TEST_F(GenerateTest, EachTokenFollowsTheOneBeforeIt) {
  EXPECT_THAT(written({5, 1}, likeliest(4)), ElementsAre(4, 13, 8, 9));
  EXPECT_THAT(written({5, 1}, likeliest(0)), ElementsAre());
}

TEST_F(GenerateTest, TextThatIsLongerThanThePlansSequenceGoesOn) {
  EXPECT_EQ(written({1}, likeliest(100)).size(), 100u);
  EXPECT_EQ(written({1}, likeliest(100))[99], written({1}, likeliest(10))[99 % 8]);
}

TEST_F(GenerateTest, AStopEndsTheTextAndIsNoPartOfIt) {
  GenerateOptions options = likeliest(10);
  options.stops = {7, 8};
  EXPECT_THAT(written({1}, options), ElementsAre(4, 13));
}

TEST_F(GenerateTest, TheCallerEndsTheText) {
  std::vector<Token> tokens;
  EXPECT_TRUE(generateTokens(*session_, {1}, likeliest(10), [&](Token token) {
                tokens.push_back(token);
                return tokens.size() < 2;
              }).ok());
  EXPECT_THAT(tokens, ElementsAre(4, 13));
  const absl::Status refused = generateTokens(*session_, {1}, likeliest(10), [](Token) -> absl::StatusOr<bool> {
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(refused.message(), "enough");
}

TEST_F(GenerateTest, DrawsFollowFromTheSeed) {
  GenerateOptions options;
  options.tokens = 30;
  options.choice.temperature = 4;
  const std::vector<Token> first = written({1}, options);
  EXPECT_EQ(written({1}, options), first);
  options.seed = 1;
  EXPECT_NE(written({1}, options), first);
  options.vocabulary = 3;
  for (Token token : written({1}, options)) EXPECT_LT(token, 3);
}

TEST_F(GenerateTest, WhatDoesNotFitIsRefused) {
  EXPECT_THAT(errorOf({}, likeliest(1)), HasSubstr("requires a prompt of 1 to 8 tokens"));
  EXPECT_THAT(errorOf(std::vector<Token>(9), likeliest(1)), HasSubstr("got 9"));
  EXPECT_THAT(errorOf({1, 16}, likeliest(1)), HasSubstr("requires tokens from 0 to 15, got 16 at position 1"));
  EXPECT_THAT(errorOf({1}, likeliest(-1)), HasSubstr("requires 0 or more new tokens, got -1"));
  auto with = [&](ChoiceOptions choice, int64_t vocabulary) {
    GenerateOptions options;
    options.choice = choice;
    options.vocabulary = vocabulary;
    return errorOf({1}, options);
  };
  EXPECT_THAT(with({-1}, 0), HasSubstr("requires a temperature of at least 0, got -1"));
  EXPECT_THAT(with({1, -2}, 0), HasSubstr("requires top-k of at least 0, got -2"));
  EXPECT_THAT(with({1, 0, 1.5}, 0), HasSubstr("requires top-p above 0 and up to 1, got 1.5"));
  EXPECT_THAT(with({}, 17), HasSubstr("requires a vocabulary of at most the model's 16 tokens, got 17"));
}

}  // namespace
}  // namespace cleave
