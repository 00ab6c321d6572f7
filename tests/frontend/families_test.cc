// One small model of each family, op by op: the files in families/ hold a config in their first line, and behind it
// what is made of it for 2 examples of 5 tokens (and 3 labels for a decoder of its own).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "frontend/models/models.h"
#include "tests/frontend/module_text.h"

namespace cleave {
namespace {

constexpr char kFolder[] = "tests/frontend/families/";

std::string described(const std::string &configText) {
  auto config = parseConfig(configText, "config.json");
  if (!config.ok()) return config.status().ToString();
  ModelOptions options;
  options.batch = 2;
  options.seq = 5;
  options.targetSeq = config->modelType == "t5" ? 3 : 0;
  mlir::MLIRContext context;
  auto module = buildModel(*config, options, context);
  if (!module.ok()) return module.status().ToString();
  std::ostringstream text;
  text << configText << "\n";
  for (const std::string entry : {"loss", "logits"}) {
    text << "\n" << entry << "\n";
    for (const Argument &argument : argumentsOf(*module, entry)) {
      if (argument.kind == "parameter" && entry == "logits") continue;
      text << argument.kind << " " << argument.name << " " << testing::PrintToString(argument.shape);
      text << (argument.init.empty() ? "" : " ") << argument.init << (argument.isTrainable ? "" : " frozen") << "\n";
    }
    if (entry == "logits")
      text << opsOf(*module, entry).size() << " ops\n";
    else
      for (const std::string &line : opsOf(*module, entry)) text << line << "\n";
    for (const std::string &output : outputsOf(*module, entry)) text << "output " << output << "\n";
  }
  return text.str();
}

class Families : public testing::TestWithParam<std::string> {};

TEST_P(Families, BuildTheOpsOfTheirModels) {
  const std::string path = kFolder + GetParam() + ".txt";
  std::ifstream stream(path);
  std::string config;
  std::getline(stream, config);
  std::ostringstream expected;
  expected << config << "\n" << stream.rdbuf();
  const std::string seen = described(config);
  if (const char *folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR"))
    std::ofstream(folder + ("/" + GetParam()) + ".txt") << seen;
  EXPECT_EQ(seen, expected.str()) << path;
}

INSTANTIATE_TEST_SUITE_P(All, Families, testing::ValuesIn(modelTypes()), [](const auto &info) { return info.param; });

ModelOptions packed() {
  ModelOptions options;
  options.batch = 2;
  options.seq = 5;
  options.documentEnd = 3;
  options.dropout = 0.25;
  return options;
}

std::string lineOf(Module &module, const std::string &name) {
  for (const std::string &line : opsOf(module, "loss"))
    if (line.find(" " + name + " ") != std::string::npos) return line;
  return "none";
}

// Every family but T5 can pack documents: attention sees their numbers, positions begin anew.
TEST(Documents, ReachAttentionAndPositions) {
  struct Case {
    const char *config, *attention, *positions, *line;
  };
  const Case cases[] = {
      {R"({"model_type": "gpt2", "vocab_size": 11, "n_embd": 8, "n_layer": 1, "n_head": 2})",
       "transformer.h.0.attn.attention", "transformer.wpe",
       "embedding transformer.wpe transformer.wpe.weight, position_ids"},
      {R"({"model_type": "gptj", "vocab_size": 11, "n_embd": 8, "n_layer": 1, "n_head": 2, "rotary_dim": 2})",
       "transformer.h.0.attn.attention", "transformer.h.0.attn.k_rotary", "transformer.h.0.attn.k_heads, position_ids"},
      {R"({"model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2})",
       "model.layers.0.self_attn.attention", "model.layers.0.self_attn.q_rotary",
       "model.layers.0.self_attn.q_heads, position_ids"},
      {R"({"model_type": "opt", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2})",
       "model.decoder.layers.0.self_attn.attention", "model.decoder.positions.count",
       "position_ids, model.decoder.positions.one"},
      {R"({"model_type": "bert", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2})",
       "bert.encoder.layer.0.attention.self.attention", "bert.embeddings.position_embeddings", "position_ids"},
  };
  for (const Case &tried : cases) {
    mlir::MLIRContext context;
    auto module = buildModel(*parseConfig(tried.config, "config.json"), packed(), context);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_THAT(lineOf(*module, tried.attention), testing::HasSubstr("attention_mask, segment_ids, segment_ids"))
        << tried.config;
    EXPECT_THAT(lineOf(*module, tried.positions), testing::HasSubstr(tried.line)) << tried.config;
    const FamilyDescription family = familyIn(*module);
    EXPECT_EQ(family.documentEnd, 3);
    std::map<std::string, std::string> made;
    for (const auto &input : family.inputs) made[input.name] = input.otherwise + " of " + input.source;
    EXPECT_EQ(made["segment_ids"], "segments of input_ids");
    EXPECT_EQ(made["position_ids"], "positions of input_ids");
    for (const Argument &argument : argumentsOf(*module, "logits")) EXPECT_NE(argument.name, "segment_ids");
  }
}

// Types that a batch lacks are -1 and leave the sum of words and positions as it is. What is sampled has none.
TEST(TokenTypes, AreWordsOfTheOneTableWhereThereAreSome) {
  for (const char *type : {"gpt2", "gptj"}) {
    const std::string text = std::string(R"({"model_type": ")") + type +
                             R"(", "vocab_size": 11, "n_embd": 8, "n_layer": 1, "n_head": 2, "rotary_dim": 2})";
    ModelOptions options;
    options.batch = 2;
    options.seq = 5;
    mlir::MLIRContext context;
    auto module = buildModel(*parseConfig(text, "config.json"), options, context);
    ASSERT_TRUE(module.ok()) << module.status();
    EXPECT_EQ(lineOf(*module, "transformer.types"),
              "embedding transformer.types {optional = true} transformer.wte.weight, token_type_ids");
    std::map<std::string, std::string> otherwise;
    for (const auto &input : familyIn(*module).inputs) otherwise[input.name] = input.otherwise;
    EXPECT_EQ(otherwise["token_type_ids"], "minus_ones");
    for (const Argument &argument : argumentsOf(*module, "logits")) EXPECT_NE(argument.name, "token_type_ids");
  }
}

TEST(Dropout, OfTheOptionsReplacesEveryRateOfTheConfig) {
  for (
      const char *text :
      {R"({"model_type": "gpt2", "vocab_size": 11, "n_embd": 8, "n_layer": 1, "n_head": 2, "embd_pdrop": 0, "resid_pdrop": 0.5})",
       R"({"model_type": "llama", "vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2})"}) {
    const Config config = *parseConfig(text, "config.json");
    mlir::MLIRContext context;
    auto module = buildModel(config, packed(), context);
    ASSERT_TRUE(module.ok()) << module.status();
    int dropped = 0;
    for (const std::string &line : opsOf(*module, "loss")) {
      if (line.find("rng") == std::string::npos) continue;
      ++dropped;
      EXPECT_THAT(line, testing::HasSubstr("rate = 0.25")) << line;
    }
    EXPECT_EQ(dropped, config.modelType == "gpt2" ? 4 : 1);
    for (const std::string &line : opsOf(*module, "logits")) EXPECT_THAT(line, testing::Not(testing::HasSubstr("rng")));
    ModelOptions none = packed();
    none.dropout = 0;
    auto still = buildModel(config, none, context);
    ASSERT_TRUE(still.ok()) << still.status();
    for (const Argument &argument : argumentsOf(*still, "loss")) EXPECT_NE(argument.name, "rng");
  }
}

// Distances -20 to 0 of a decoder and -16 to 16 of an encoder, as Transformers has them.
TEST(RelativeBias, PutsDistancesIntoTheBucketsOfTransformers) {
  const char text[] = R"({"model_type": "t5", "vocab_size": 11, "d_model": 8, "num_layers": 1, "num_heads": 2})";
  ModelOptions options;
  options.batch = 1;
  options.seq = 17;
  options.targetSeq = 21;
  mlir::MLIRContext context;
  auto module = buildModel(*parseConfig(text, "config.json"), options, context);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(lineOf(*module, "encoder.relative_bias.buckets"),
              testing::HasSubstr("dense<[10, 9, 9, 9, 9, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 17, 18, 19, 20, 21, 22, "
                                 "23, 24, 24, 24, 24, 25, 25, 25, 25, 26]>"));
  EXPECT_THAT(
      lineOf(*module, "decoder.relative_bias.buckets"),
      testing::HasSubstr("dense<[17, 17, 16, 16, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, "));
}

}  // namespace
}  // namespace cleave
