#include "passes/training_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"

namespace cleave {
namespace {

using testing::HasSubstr;

class TrainingOptionsTest : public testing::Test {
 protected:
  absl::StatusOr<TrainingOptions> read(const std::string &text) {
    auto attribute = mlir::dyn_cast_or_null<mlir::DictionaryAttr>(mlir::parseAttribute(text, &context_));
    if (!attribute) return absl::InternalError("the test's text is no dictionary");
    return TrainingOptions::fromAttribute(attribute);
  }
  std::string errorOf(const std::string &text) { return std::string(read(text).status().message()); }

  mlir::MLIRContext context_;
};

TEST_F(TrainingOptionsTest, ComeBackFromTheirAttribute) {
  TrainingOptions options;
  options.optimizer = "sgd";
  options.learningRate = 0.1;
  options.momentum = 0.9;
  options.clipNorm = 2;
  options.microbatches = 4;
  options.schedule = "cosine";
  options.warmup = 5;
  options.totalSteps = 50;
  options.batch = 16;
  options.groups = {{"*.bias", std::nullopt, 0.0, std::nullopt}, {"wte", 0.5, std::nullopt, false}};

  const auto read = TrainingOptions::fromAttribute(options.toAttribute(&context_));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->toAttribute(&context_), options.toAttribute(&context_));
  EXPECT_EQ(read->momentum, 0.9);
  EXPECT_EQ(read->clipNorm, 2);
  ASSERT_EQ(read->groups.size(), 2u);
  EXPECT_EQ(read->groups[0].lr, std::nullopt);
  EXPECT_EQ(read->groups[0].weightDecay, 0.0);
  EXPECT_EQ(read->groups[1].trainable, false);
}

TEST_F(TrainingOptionsTest, AbsentFieldsHaveDefaults) {
  const auto options = read("{}");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->optimizer, "adamw");
  EXPECT_EQ(options->learningRate, 1e-3);
  EXPECT_EQ(options->microbatches, 1);
  EXPECT_EQ(options->clipNorm, std::nullopt);
}

TEST_F(TrainingOptionsTest, AFieldThatNobodyKnowsIsNamed) {
  EXPECT_THAT(errorOf("{lerning_rate = 1.0}"), HasSubstr("requires known fields, got \"lerning_rate\""));
  EXPECT_THAT(errorOf("{groups = [{match = \"*\", rate = 1.0}]}"),
              HasSubstr("cleave.training.groups requires known fields"));
}

TEST_F(TrainingOptionsTest, AFieldOfAnotherTypeIsNamed) {
  EXPECT_THAT(errorOf("{optimizer = 1 : i64}"), HasSubstr("requires another type for \"optimizer\""));
  EXPECT_THAT(errorOf("{microbatches = 2.0}"), HasSubstr("requires another type for \"microbatches\""));
  EXPECT_THAT(errorOf("{learning_rate = true}"), HasSubstr("requires another type for \"learning_rate\""));
  EXPECT_THAT(errorOf("{groups = [\"*\"]}"), HasSubstr("requires another type for \"groups\""));
}

TEST_F(TrainingOptionsTest, ValuesOutOfRangeAreRefused) {
  EXPECT_THAT(errorOf("{optimizer = \"a-b\"}"), HasSubstr("requires an optimizer's name of letters, digits and _, got \"a-b\""));
  EXPECT_THAT(errorOf("{schedule = \"linear\"}"), HasSubstr("requires schedule constant or cosine"));
  EXPECT_THAT(errorOf("{schedule = \"cosine\"}"), HasSubstr("requires total_steps"));
  EXPECT_THAT(errorOf("{microbatches = 0}"), HasSubstr("requires at least 1 microbatch, got 0"));
  EXPECT_THAT(errorOf("{warmup = -1}"), HasSubstr("got -1"));
  EXPECT_THAT(errorOf("{learning_rate = -1.0}"), HasSubstr("requires learning_rate of at least 0, got -1"));
  EXPECT_THAT(errorOf("{beta1 = 1.0}"), HasSubstr("requires beta1 of at least 0 and below 1, got 1"));
  EXPECT_THAT(errorOf("{epsilon = 0.0}"), HasSubstr("requires epsilon above 0"));
  EXPECT_THAT(errorOf("{clip_norm = 0.0}"), HasSubstr("requires clip_norm above 0"));
  EXPECT_THAT(errorOf("{weight_decay = 0x7FF8000000000000 : f64}"), HasSubstr("requires weight_decay"));
  EXPECT_THAT(errorOf("{groups = [{lr = 1.0}]}"), HasSubstr("requires a \"match\" in each group"));
  EXPECT_THAT(errorOf("{groups = [{match = \"a\", lr = -1.0}]}"), HasSubstr("requires lr of group \"a\""));
  EXPECT_THAT(errorOf("{groups = [{match = \"[\"}]}"), HasSubstr("requires a well-formed glob, got \"[\""));
}

TEST_F(TrainingOptionsTest, GlobsMatchWholeNames) {
  EXPECT_TRUE(*matchesGlob("*.bias", "h.0.attn.bias"));
  EXPECT_TRUE(*matchesGlob("h.?.attn.*", "h.1.attn.bias"));
  EXPECT_TRUE(*matchesGlob("h.[01].*", "h.1.mlp"));
  EXPECT_FALSE(*matchesGlob("bias", "h.0.attn.bias"));
  EXPECT_FALSE(matchesGlob("[", "x").ok());
}

}  // namespace
}  // namespace cleave
