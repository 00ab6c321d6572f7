// Which fields of a config are refused, by family.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "frontend/models/models.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace cleave {
namespace {

using testing::HasSubstr;

Config configOf(const std::string &modelType, const std::string &fields) {
  return *parseConfig("{\"model_type\": \"" + modelType + "\"" + (fields.empty() ? "" : ", " + fields) + "}",
                      "config.json");
}

struct Case {
  const char *modelType, *fields, *message;
};

TEST(Fields, AreRefusedByNameAndValueWhereTheyAreNotSupported) {
  const Case cases[] = {
      {"gpt3", "",
       "field \"model_type\" requires one of bert, gpt2, gptj, llama, mistral, opt, qwen3, t5, got \"gpt3\""},
      {"gpt2", R"("add_cross_attention": true)",
       "field \"add_cross_attention\" requires false (others are not supported), got true"},
      {"gpt2", R"("is_encoder_decoder": true)", "\"is_encoder_decoder\" requires false"},
      {"gpt2", R"("activation_function": "mish")", "\"activation_function\" requires one of gelu, "},
      {"gpt2", R"("n_embd": 100, "n_head": 3)", "\"n_embd\" requires a multiple of n_head = 3, got 100"},
      {"gpt2", R"("n_layer": 100000)", "\"n_layer\" requires an integer from 1 to 4096"},
      {"gpt2", R"("n_inner": 0)", "\"n_inner\""},
      {"gpt2", R"("vocab_size": 4611686018427387904)", "\"vocab_size\""},
      {"gpt2", R"("resid_pdrop": 1)", "\"resid_pdrop\" requires a rate below 1, got 1"},
      {"gpt2", R"("layer_norm_epsilon": -1e-5)", "\"layer_norm_epsilon\""},
      {"gpt2", R"("initializer_range": "small")", "\"initializer_range\""},
      {"gpt2", R"("scale_attn_weights": 1)", "\"scale_attn_weights\" requires true or false"},
      {"gpt2", R"("pruned_heads": {"0": [1]})", "\"pruned_heads\" requires {}"},
      {"gptj", R"("rotary_dim": null)", "\"rotary_dim\""},
      {"gptj", R"("rotary_dim": 3)", "\"rotary_dim\""},
      {"gptj", R"("n_embd": 64, "n_head": 4)",
       "\"rotary_dim\" requires an even number of at most n_embd / n_head = 16, got \"nothing"},
      {"gptj", R"("rotary": false)", "\"rotary\" requires true"},
      {"llama", R"("hidden_size": 64, "num_attention_heads": 3)",
       "\"hidden_size\" requires a multiple of num_attention_heads = 3"},
      {"llama", R"("num_attention_heads": 32, "num_key_value_heads": 5)",
       "\"num_key_value_heads\" requires a divisor of num_attention_heads = 32, got 5"},
      {"llama", R"("head_dim": 7)", "\"head_dim\" requires heads of an even size, got 7"},
      {"llama", R"("pad_token_id": 32000)", "\"pad_token_id\""},
      {"llama", R"("rope_scaling": {"type": "unknown"})", "\"type\" requires one of default"},
      {"mistral", R"("sliding_window": 0)", "\"sliding_window\" requires an integer from 1"},
      {"mistral", R"("num_attention_heads": 12)", "\"num_key_value_heads\" requires a divisor of num_attention_heads"},
      {"qwen3", R"("layer_types": ["full_attention"])", "\"layer_types\" requires a list of 32 of full_attention, "},
      {"qwen3", R"("num_hidden_layers": 1, "layer_types": ["chunked"])", "\"layer_types\" requires a list of 1 of"},
      {"qwen3", R"("num_hidden_layers": 1, "layer_types": ["sliding_attention"])",
       "\"layer_types\" requires use_sliding_window and a sliding_window for sliding_attention"},
      {"t5", R"("feed_forward_proj": "gated")", "\"feed_forward_proj\""},
      {"t5", R"("feed_forward_proj": "relu-gated")", "\"feed_forward_proj\""},
      {"t5", R"("feed_forward_proj": "gated-gelu-x")", "\"feed_forward_proj\""},
      {"t5", R"("feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu")", "\"dense_act_fn\" requires \"gelu_new\""},
      {"t5", R"("is_gated_act": true)", "\"is_gated_act\" requires false"},
      {"t5", R"("is_encoder_decoder": false)", "\"is_encoder_decoder\" requires true"},
      {"t5", R"("relative_attention_num_buckets": 2)", "\"relative_attention_num_buckets\""},
      {"t5", R"("relative_attention_max_distance": 16)", "\"relative_attention_max_distance\" requires more than half"},
      {"t5", R"("decoder_start_token_id": 32128)", "\"decoder_start_token_id\""},
      {"opt", R"("layerdrop": 0.1)", "\"layerdrop\" requires 0"},
      {"opt", R"("vocab_size": 1)", "\"pad_token_id\" requires a token below vocab_size = 1 (its default is 1)"},
      {"opt", R"("hidden_size": 10, "num_attention_heads": 4)", "\"hidden_size\""},
      {"bert", R"("position_embedding_type": "relative_key")", "\"position_embedding_type\" requires \"absolute\""},
      {"bert", R"("add_cross_attention": true)", "\"add_cross_attention\""},
      {"bert", R"("hidden_act": 3)", "\"hidden_act\" requires a string, got 3"},
  };
  for (const Case &tried : cases)
    EXPECT_THAT(std::string(readModel(configOf(tried.modelType, tried.fields)).status().message()),
                HasSubstr(tried.message))
        << tried.modelType << " " << tried.fields;
}

TEST(Fields, WithoutEffectAreAcceptedSilentlyAndUnknownOnesWithAWarning) {
  std::vector<std::string> warnings;
  const Config config =
      configOf("gpt2", R"("use_cache": false, "task_specific_params": {"a": {"b": 1}}, "n_ctx": 3, "n_heads": 3)");
  ASSERT_TRUE(readModel(config, &warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_THAT(warnings[0], HasSubstr("\"n_heads\""));
}

TEST(Fields, OfEveryFamilyHaveDefaultsThatBuild) {
  for (const std::string &modelType : modelTypes()) {
    ModelOptions options;
    options.batch = 2;
    options.seq = 16;
    options.targetSeq = modelType == "t5" ? 8 : 0;
    mlir::MLIRContext context;
    auto module = buildModel(configOf(modelType, ""), options, context);
    EXPECT_TRUE(module.ok()) << modelType << ": " << module.status();
  }
}

std::string errorOf(const char *modelType, const ModelOptions &options) {
  mlir::MLIRContext context;
  return std::string(
      buildModel(configOf(modelType, R"("num_layers": 1, "n_layer": 1)"), options, context).status().message());
}

TEST(Options, AreRefusedWhereTheModelCannotTakeThem) {
  ModelOptions options;
  options.batch = 2;
  options.seq = 16;
  auto with = [&](auto change) {
    ModelOptions changed = options;
    change(changed);
    return changed;
  };
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.batch = 0; })),
              HasSubstr("requires a batch size from 1 to 16777216, got 0"));
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.seq = -1; })), HasSubstr("sequence size"));
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.seq = 1025; })),
              HasSubstr("at most 1024 tokens, as many as the config has positions, got 1025"));
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.targetSeq = 4; })),
              HasSubstr("requires no target sequence size"));
  EXPECT_THAT(errorOf("t5", options), HasSubstr("requires a target sequence size"));
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.dropout = 1.0; })),
              HasSubstr("dropout rate in [0, 1), got 1"));
  EXPECT_THAT(errorOf("gpt2", with([](ModelOptions &o) { o.documentEnd = 50257; })),
              HasSubstr("document end below the vocabulary's 50257"));
  EXPECT_THAT(errorOf("t5", with([](ModelOptions &o) { o.targetSeq = 4, o.documentEnd = 3; })), HasSubstr("documents"));
  EXPECT_THAT(errorOf("t5", with([](ModelOptions &o) { o.targetSeq = 4, o.batch = o.seq = 1 << 24; })),
              HasSubstr("2^46 elements"));
}

TEST(Fields, AreResolvedWithDefaultsAndSecondNames) {
  auto fields = resolveConfig(configOf("gpt2", R"("hidden_size": 36, "n_head": 6, "initializer_range": 0)"));
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ((*fields)["n_embd"], 36);
  EXPECT_EQ((*fields)["n_inner"], 144);
  EXPECT_EQ((*fields)["activation_function"], "gelu_new");
  EXPECT_EQ((*fields)["initializer_range"], 0.02);
  fields = resolveConfig(configOf("t5", R"("feed_forward_proj": "gated-gelu", "tie_word_embeddings": false)"));
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ((*fields)["is_gated_act"], true);
  EXPECT_EQ((*fields)["dense_act_fn"], "gelu_new");
  EXPECT_EQ((*fields)["scale_decoder_outputs"], false);
}

TEST(Fields, SayWhichLayersSeeAWindow) {
  const std::pair<Config, std::vector<int64_t>> cases[] = {
      {configOf("llama", R"("num_hidden_layers": 2)"), {0, 0}},
      {configOf("mistral", R"("num_hidden_layers": 2)"), {4096, 4096}},
      {configOf("mistral", R"("num_hidden_layers": 2, "sliding_window": null)"), {0, 0}},
      {configOf("qwen3", R"("num_hidden_layers": 2, "max_window_layers": 1, "sliding_window": 7)"), {0, 0}},
      {configOf("qwen3",
                R"("num_hidden_layers": 2, "max_window_layers": 1, "sliding_window": 7, "use_sliding_window": true)"),
       {0, 7}},
      {configOf("qwen3", R"("num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"],
                            "sliding_window": 7, "use_sliding_window": true)"),
       {7, 0}},
  };
  for (const auto &[config, windows] : cases) {
    auto fields = resolveConfig(config);
    ASSERT_TRUE(fields.ok()) << fields.status();
    EXPECT_EQ((*fields)["layer_windows"].get<std::vector<int64_t>>(), windows) << config.text;
  }
}

}  // namespace
}  // namespace cleave
