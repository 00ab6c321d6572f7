// The expected numbers were computed by Transformers 5.23.

#include "frontend/models/rope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave {
namespace {

using testing::DoubleNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr int64_t kHeadSize = 8;

Config configOf(const std::string &fields) {
  return *parseConfig("{\"model_type\": \"llama\"" + (fields.empty() ? "" : ", " + fields) + "}", "config.json");
}

MATCHER(IsRelativelyNear, "") { return std::abs(std::get<0>(arg) / std::get<1>(arg) - 1) < 1e-6; }

void expectRope(const std::string &fields, int64_t positions, int64_t sequence, const std::vector<double> &frequencies,
                double factor) {
  const Config config = configOf(fields);
  ConfigReader reader(config);
  const RotarySpec spec = Rope(reader, kHeadSize, positions).at(sequence);
  ASSERT_TRUE(reader.finish(nullptr).ok()) << reader.finish(nullptr);
  EXPECT_STREQ(spec.layout, "halves");
  EXPECT_THAT(spec.frequencies, Pointwise(IsRelativelyNear(), frequencies)) << fields;
  EXPECT_THAT(spec.factor, DoubleNear(factor, 1e-6)) << fields;
}

std::string errorOf(const std::string &fields) {
  const Config config = configOf(fields);
  ConfigReader reader(config);
  Rope(reader, kHeadSize, 64);
  return std::string(reader.finish(nullptr).message());
}

TEST(Rope, TakesThetaFromTheFieldThatHasIt) {
  const std::vector<double> plain = {1, 0.1, 0.01, 0.001},
                            other = {1, 0.2114742398262024, 0.04472136124968529, 0.009457415901124477};
  expectRope("", 64, 8, plain, 1);
  expectRope(R"("rope_theta": 500)", 64, 8, other, 1);
  expectRope(R"("rope_parameters": {"rope_type": "default", "rope_theta": 500})", 64, 8, other, 1);
  expectRope(R"("rope_theta": 500, "rope_scaling": null, "rope_parameters": {"rope_type": "default"})", 64, 8, other,
             1);
}

TEST(Rope, PrefersScalingToParameters) {
  expectRope(
      R"("rope_scaling": {"type": "linear", "factor": 4.0}, "rope_parameters": {"rope_type": "default", "rope_theta": 3.0})",
      64, 8, {0.25, 0.025, 0.0025, 0.00025}, 1);
}

TEST(Rope, StretchesDynamicallyBeyondTheModelsLength) {
  const std::string fields = R"("rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0})";
  expectRope(fields, 16, 8, {1, 0.1, 0.01, 0.001}, 1);
  expectRope(fields, 16, 40, {1, 0.06299605220556259, 0.00396850286051631, 0.0002500000118743628}, 1);
}

TEST(Rope, StretchesLlama3ByPart) {
  expectRope(R"("rope_theta": 100.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 32})",
             64, 8, {1, 0.0958399772644043, 0.012500000186264515, 0.0039528473280370235}, 1);
}

TEST(Rope, RampsYarn) {
  const std::string yarn = R"("rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, )";
  expectRope(yarn + R"("original_max_position_embeddings": 16})", 64, 8, {1, 0.025, 0.0025, 0.00025},
             1.138629436111989);
  expectRope(
      yarn +
          R"("original_max_position_embeddings": 1024, "mscale": 0.7, "mscale_all_dim": 1.2, "beta_fast": 16, "beta_slow": 2,
                       "truncate": false})",
      64, 8, {1, 0.1, 0.0025, 0.00025}, 0.9405715251010841);
  expectRope(yarn + R"("original_max_position_embeddings": 2000, "attention_factor": 1.25})", 64, 8,
             {1, 0.07499999552965164, 0.004999999888241291, 0.00025}, 1.25);
}

TEST(Rope, ChoosesLongropesFactorsByLength) {
  const std::string lists = R"("short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [2, 3, 4, 5])";
  const std::string longrope =
      R"("rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 16, )" + lists;
  expectRope(longrope + "}", 64, 8, {1, 0.09090909361839294, 0.00833333283662796, 0.0007692307699471712},
             1.224744871391589);
  expectRope(longrope + "}", 64, 40, {0.5, 0.03333333507180214, 0.0025, 0.0002}, 1.224744871391589);
  expectRope(longrope + R"(, "factor": 3})", 64, 40, {0.5, 0.03333333507180214, 0.0025, 0.0002}, 1.1816262629022296);
}

TEST(Rope, NamesWhatAFormLacks) {
  EXPECT_THAT(errorOf(R"("rope_scaling": {"type": "linear"})"),
              HasSubstr("\"config.json: rope_scaling\": field \"factor\" requires a value"));
  EXPECT_THAT(errorOf(R"("rope_scaling": {"type": "mrope"})"),
              HasSubstr("field \"type\" requires one of default, linear"));
  EXPECT_THAT(errorOf(R"("rope_scaling": {"rope_type": "llama3", "factor": 2, "low_freq_factor": 1})"),
              HasSubstr("\"high_freq_factor\""));
  EXPECT_THAT(errorOf(R"("rope_scaling": {"rope_type": "longrope", "short_factor": [1], "long_factor": [1, 2, 3, 4]})"),
              HasSubstr("a list of 4 positive numbers, got [1]"));
  EXPECT_THAT(errorOf(R"("rope_scaling": {"rope_type": "linear", "factor": 0})"), HasSubstr("positive number, got 0"));
  EXPECT_THAT(errorOf(R"("rope_scaling": 3)"), HasSubstr("an object, got 3"));
  EXPECT_THAT(errorOf(R"("partial_rotary_factor": 0.5)"), HasSubstr("\"partial_rotary_factor\" requires 1"));
  EXPECT_THAT(errorOf(R"("rope_theta": -1)"), HasSubstr("\"rope_theta\""));
}

TEST(Rope, WarnsOfUnknownFieldsInside) {
  const Config config = configOf(R"("rope_parameters": {"rope_type": "default", "speed": 3})");
  ConfigReader reader(config);
  Rope(reader, kHeadSize, 64);
  std::vector<std::string> warnings;
  ASSERT_TRUE(reader.finish(&warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("\"config.json: rope_parameters\": field \"speed\" is unknown to llama"));
}

}  // namespace
}  // namespace cleave
