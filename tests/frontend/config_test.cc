#include "frontend/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace cleave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string errorOf(const std::string &text) {
  auto config = parseConfig(text, "config.json");
  return config.ok() ? "" : std::string(config.status().message());
}

// What a reader says after `read` has asked for some fields.
template <typename Read>
std::string errorOfFields(const std::string &fields, Read read) {
  auto config = parseConfig("{\"model_type\": \"gpt2\", " + fields + "}", "config.json");
  if (!config.ok()) return std::string(config.status().message());
  ConfigReader reader(*config);
  read(reader);
  return std::string(reader.finish(nullptr).message());
}

TEST(Config, RefusesTextThatIsNoObjectWithAModelType) {
  EXPECT_THAT(errorOf(""), HasSubstr("\"config.json\": requires JSON"));
  EXPECT_THAT(errorOf("{\"a\": 1"), HasSubstr("requires JSON"));
  EXPECT_THAT(errorOf("{\"a\": Infinity}"), HasSubstr("requires JSON"));
  EXPECT_THAT(errorOf("\x80\xff{}"), HasSubstr("requires JSON"));
  EXPECT_THAT(errorOf("[1, 2]"), HasSubstr("requires a JSON object, got [1,2]"));
  EXPECT_THAT(errorOf("{}"), HasSubstr("\"model_type\""));
  EXPECT_THAT(errorOf("{\"model_type\": 7}"), HasSubstr("\"model_type\""));
}

TEST(Config, RefusesDeepNestingBeforeItIsParsed) {
  const std::string deep(100000, '[');
  EXPECT_THAT(errorOf("{\"model_type\": \"gpt2\", \"x\": " + deep), HasSubstr("levels of nesting"));
  EXPECT_EQ(errorOf("{\"model_type\": \"gpt2\", \"x\": \"" + deep + "\\\"[[\"}"), "");  // brackets in a string are none
}

TEST(Config, RefusesFieldsThatStandTwice) {
  EXPECT_THAT(errorOf("{\"model_type\": \"gpt2\", \"n_head\": 2, \"n_head\": 3}"), HasSubstr("\"n_head\" twice"));
  EXPECT_EQ(errorOf("{\"model_type\": \"gpt2\", \"a\": {\"n\": 2}, \"b\": [{\"n\": 3}, {\"n\": 4}]}"), "");
}

TEST(Config, RefusesTextsThatAreTooLong) { EXPECT_THAT(errorOf(std::string(2 << 20, ' ')), HasSubstr("bytes")); }

TEST(Config, ReadsAFileOrItsFolder) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "/config.json") << "{\"model_type\": \"opt\"}";
  for (const std::string &path : {folder, folder + "/config.json"}) {
    auto config = readConfig(path);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->modelType, "opt");
    EXPECT_EQ(config->text, "{\"model_type\": \"opt\"}");
  }
  EXPECT_THAT(std::string(readConfig(folder + "/none.json").status().message()), HasSubstr("none.json"));
  EXPECT_THAT(std::string(readConfig("/dev/zero").status().message()), HasSubstr("/dev/zero"));
}

TEST(ConfigReader, GivesDefaultsForAbsentAndNullFields) {
  auto config = parseConfig(R"({"model_type": "gpt2", "n_head": null, "rate": 0.25, "n_embd": 12})", "config.json");
  ASSERT_TRUE(config.ok());
  ConfigReader reader(*config);
  EXPECT_EQ(reader.size("n_head", 7), 7);
  EXPECT_EQ(reader.size("n_layer", 8), 8);
  EXPECT_EQ(reader.size("n_embd", 8), 12);
  EXPECT_EQ(reader.rate("rate", 0.1), 0.25);
  EXPECT_EQ(reader.text("name", "x"), "x");
  EXPECT_TRUE(reader.flag("flag", true));
  EXPECT_TRUE(reader.finish(nullptr).ok());
}

TEST(ConfigReader, NamesFieldRuleAndValueInErrors) {
  auto size = [](ConfigReader &reader) { reader.size("n_embd", 1); };
  EXPECT_THAT(errorOfFields(R"("n_embd": 0)", size),
              HasSubstr("field \"n_embd\" requires an integer from 1 to 16777216, got 0"));
  EXPECT_THAT(errorOfFields(R"("n_embd": -3)", size), HasSubstr("got -3"));
  EXPECT_THAT(errorOfFields(R"("n_embd": 64.0)", size), HasSubstr("got 64.0"));
  EXPECT_THAT(errorOfFields(R"("n_embd": true)", size), HasSubstr("got true"));
  EXPECT_THAT(errorOfFields(R"("n_embd": "64")", size), HasSubstr("got \"64\""));
  EXPECT_THAT(errorOfFields(R"("n_embd": 9223372036854775808)", size), HasSubstr("got 9223372036854775808"));
  EXPECT_THAT(errorOfFields(R"("n_embd": 1e400)", size), HasSubstr("JSON"));
  EXPECT_THAT(errorOfFields(R"("p": 1.0)", [](ConfigReader &reader) { reader.rate("p", 0); }),
              HasSubstr("below 1, got 1.0"));
  EXPECT_THAT(errorOfFields(R"("p": -0.1)", [](ConfigReader &reader) { reader.rate("p", 0); }), HasSubstr("got -0.1"));
  EXPECT_THAT(errorOfFields(R"("eps": 0)", [](ConfigReader &reader) { reader.positive("eps", 1); }),
              HasSubstr("positive number, got 0"));
  EXPECT_THAT(errorOfFields(R"("f": 1)", [](ConfigReader &reader) { reader.flag("f", true); }),
              HasSubstr("true or false, got 1"));
  EXPECT_THAT(errorOfFields(R"("act": "mish")", [](ConfigReader &reader) { reader.activation("act", "relu"); }),
              HasSubstr("quick_gelu, relu2, got \"mish\""));
  EXPECT_THAT(errorOfFields(R"("l": [1, 2])", [](ConfigReader &reader) { reader.positives("l", 3); }),
              HasSubstr("a list of 3 positive numbers, got [1,2]"));
}

TEST(ConfigReader, KeepsTheFirstError) {
  auto read = [](ConfigReader &reader) {
    reader.size("a", 1);
    reader.size("b", 1);
  };
  EXPECT_THAT(errorOfFields(R"("b": 0, "a": -1)", read), HasSubstr("\"a\""));
}

TEST(ConfigReader, TakesEitherNameOfAFieldIfBothAgree) {
  auto read = [](ConfigReader &reader) { reader.size("n_embd", 1, "hidden_size"); };
  EXPECT_EQ(errorOfFields(R"("hidden_size": 3)", read), "");
  EXPECT_EQ(errorOfFields(R"("hidden_size": 3, "n_embd": 3)", read), "");
  EXPECT_THAT(errorOfFields(R"("hidden_size": 3, "n_embd": 4)", read),
              HasSubstr("the value of \"n_embd\", which is the same field, got 3"));
}

TEST(ConfigReader, CountsNegativePaddingTokensFromTheEnd) {
  auto tokenOf = [](const std::string &field) {
    auto config = parseConfig("{\"model_type\": \"llama\"" + field + "}", "config.json");
    ConfigReader reader(*config);
    const int64_t token = reader.paddingToken(1, 10);
    return reader.finish(nullptr).ok() ? token : -99;
  };
  EXPECT_EQ(tokenOf(""), 1);
  EXPECT_EQ(tokenOf(", \"pad_token_id\": null"), -1);
  EXPECT_EQ(tokenOf(", \"pad_token_id\": -1"), 9);
  EXPECT_EQ(tokenOf(", \"pad_token_id\": 10"), -99);
  EXPECT_EQ(tokenOf(", \"pad_token_id\": -11"), -99);
}

TEST(ConfigReader, WarnsOfFieldsThatNobodyAskedFor) {
  auto config = parseConfig(R"({"model_type": "gpt2", "n_head": 2, "use_cache": true, "n_hed": 2})", "config.json");
  ConfigReader reader(*config);
  reader.size("n_head", 1);
  std::vector<std::string> warnings;
  ASSERT_TRUE(reader.finish(&warnings).ok());
  EXPECT_THAT(warnings, ElementsAre("\"config.json\": field \"n_hed\" is unknown to gpt2 and has no effect"));
}

}  // namespace
}  // namespace cleave
