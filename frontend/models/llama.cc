// LLaMA: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023. And two families that differ
// in attention alone: Mistral's tokens see a window of those before them (Jiang et al., "Mistral 7B", 2023), Qwen3
// norms queries and keys by heads (Yang et al., "Qwen3 Technical Report", 2025).

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"
#include "frontend/models/rope.h"

namespace cleave {
namespace {

using mlir::Value;

// What tells the families apart.
struct Variant {
  // Defaults of fields; 0: as many key heads as heads, heads as large as the width allows.
  int64_t vocabulary, inner, keyHeads, headSize, positions;
  bool hasAttentionBias = false, hasFeedForwardBias = false;
  bool hasHeadNorms = false;
  std::vector<int64_t> windows = {};  // by layer: how many tokens up to its own one sees; 0, or no such layer: all
};

int64_t readLayers(ConfigReader &reader) { return reader.layers("num_hidden_layers", 32); }

class Llama final : public Model {
 public:
  Llama(ConfigReader &reader, const Variant &variant);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return std::nullopt; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions, int64_t index,
              Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                  int64_t window, Value x) const;
  Value feedForward(ModelBuilder &model, Value x) const;

  LinearSpec linear(int64_t features, bool hasBias) const;
  NormSpec norm() const { return {epsilon_}; }

  std::string modelType_;
  Variant variant_;
  int64_t vocabulary_, width_, inner_, layers_, heads_, keyHeads_, headSize_, positions_;
  std::string activation_;
  double epsilon_, deviation_, attentionDropout_;
  bool isTied_;
  int64_t paddingToken_;
  std::optional<Rope> rope_;
};

Llama::Llama(ConfigReader &reader, const Variant &variant)
    : modelType_(reader.config().modelType), variant_(variant) {
  vocabulary_ = reader.size("vocab_size", variant.vocabulary);
  width_ = reader.size("hidden_size", 4096);
  inner_ = reader.size("intermediate_size", variant.inner);
  layers_ = readLayers(reader);
  heads_ = reader.size("num_attention_heads", 32);
  keyHeads_ = reader.size("num_key_value_heads", variant.keyHeads ? variant.keyHeads : heads_);
  headSize_ = reader.size("head_dim", variant.headSize ? variant.headSize : std::max<int64_t>(1, width_ / heads_));
  positions_ = reader.integer("max_position_embeddings", variant.positions, 1, INT32_MAX);
  activation_ = reader.activation("hidden_act", "silu");
  epsilon_ = reader.positive("rms_norm_eps", 1e-6);
  deviation_ = initialDeviation(reader, "initializer_range");
  attentionDropout_ = reader.rate("attention_dropout", 0);
  reader.keep("attention_bias", variant.hasAttentionBias);
  reader.keep("mlp_bias", variant.hasFeedForwardBias);
  reader.keep("head_norms", variant.hasHeadNorms);
  variant_.windows.resize(size_t(layers_), 0);
  reader.keep("layer_windows", variant_.windows);
  isTied_ = reader.flag("tie_word_embeddings", false);
  paddingToken_ = reader.paddingToken(-1, vocabulary_);
  reader.requireValue("is_encoder_decoder", false);
  reader.require(heads_ % keyHeads_ == 0, "num_key_value_heads",
                 absl::StrCat("a divisor of num_attention_heads = ", heads_));
  reader.require(headSize_ % 2 == 0, reader.has("head_dim") ? "head_dim" : "hidden_size", "heads of an even size");
  rope_.emplace(reader, headSize_, positions_);
}

FamilyDescription Llama::describe() const {
  FamilyDescription family = describeFamily(modelType_.c_str(), vocabulary_, /*isCausal=*/true);
  family.prefixes = {"model."};
  if (isTied_)
    family.stored.push_back({"model.embed_tokens.weight", {"model.embed_tokens.weight"}, 0, false, {"lm_head.weight"}});
  return family;
}

LinearSpec Llama::linear(int64_t features, bool hasBias) const {
  return linearOf(features, hasBias, deviation_);
}

Value Llama::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                       int64_t window, Value x) const {
  Scope scope(model, "self_attn");
  const double scale = 1 / std::sqrt(double(headSize_));
  const bool hasBias = variant_.hasAttentionBias;
  AttentionSpec spec = attentionAmong(tokens, /*isCausal=*/true, scale, entry.rate(attentionDropout_));
  spec.window = window;
  HeadsSpec heads{heads_, keyHeads_, positions, rope_->at(entry.seq), {}};
  if (variant_.hasHeadNorms) heads.norm = norm();
  const Value q = model.linear("q_proj", x, linear(heads_ * headSize_, hasBias));
  const Value k = model.linear("k_proj", x, linear(keyHeads_ * headSize_, hasBias));
  const Value v = model.linear("v_proj", x, linear(keyHeads_ * headSize_, hasBias));
  const Value y = attendByHeads(model, q, k, v, heads, spec);
  return model.linear("o_proj", y, linear(width_, hasBias));
}

Value Llama::feedForward(ModelBuilder &model, Value x) const {
  Scope scope(model, "mlp");
  const bool hasBias = variant_.hasFeedForwardBias;
  const Value gate = activate(model, "act_fn", activation_, model.linear("gate_proj", x, linear(inner_, hasBias)));
  const Value up = model.linear("up_proj", x, linear(inner_, hasBias));
  return model.linear("down_proj", model.multiply("gated", gate, up), linear(width_, hasBias));
}

Value Llama::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                   int64_t index, Value x) const {
  Scope scope(model, absl::StrCat("layers.", index));
  const int64_t window = variant_.windows[size_t(index)];
  LayerScope layer(model, window == 0 ? "block" : "window_block", index);
  const Value normed = model.rmsNorm("input_layernorm", x, norm());
  x = model.add("attn_residual", x, attention(model, entry, tokens, positions, window, normed));
  return model.add("mlp_residual", x, feedForward(model, model.rmsNorm("post_attention_layernorm", x, norm())));
}

Value Llama::logits(ModelBuilder &model, const EntryOptions &entry) const {
  const TokenInputs tokens = tokenInputs(model, entry);
  Value table, x;
  {
    Scope scope(model, "model");
    table = model.parameter("embed_tokens.weight", {vocabulary_, width_},
                            Init::normal(deviation_).withZeroRow(paddingToken_));
    x = model.embedding("embed_tokens", table, tokens.ids, {paddingToken_});
    const Value positions = tokenPositions(model, entry, tokens);
    for (int64_t i = 0; i < layers_; ++i) x = block(model, entry, tokens, positions, i, x);
    x = model.rmsNorm("norm", x, norm());
  }
  if (!isTied_) table = model.parameter("lm_head.weight", {vocabulary_, width_}, Init::normal(deviation_));
  return model.matmul("lm_head", x, table, /*isTransposed=*/true);
}

// Qwen3's `layer_types`, or what it makes of their absence.
std::vector<int64_t> readWindows(ConfigReader &reader) {
  constexpr const char *kFull = "full_attention", *kSliding = "sliding_attention";
  const size_t layers = size_t(readLayers(reader));
  const bool isWindowed = reader.flag("use_sliding_window", false);
  int64_t window = reader.integer("sliding_window", 4096, 1, INT32_MAX);
  if (!isWindowed || reader.isNull("sliding_window")) window = 0;
  const int64_t first = reader.integer("max_window_layers", 28, 0, INT32_MAX);
  const std::vector<std::string> types = reader.choices("layer_types", layers, {kFull, kSliding});
  std::vector<int64_t> windows;
  for (size_t i = 0; i < layers; ++i)
    windows.push_back((types.empty() ? int64_t(i) >= first : types[i] == kSliding) ? window : 0);
  const bool isAsked = std::count(types.begin(), types.end(), kSliding) != 0;
  reader.require(!isAsked || window != 0, "layer_types",
                 absl::StrCat("use_sliding_window and a sliding_window for ", kSliding));
  return windows;
}

}  // namespace

std::unique_ptr<Model> readLlama(ConfigReader &reader) {
  Variant variant{32000, 11008, 0, 0, 2048};
  variant.hasAttentionBias = reader.flag("attention_bias", false);
  variant.hasFeedForwardBias = reader.flag("mlp_bias", false);
  reader.ignore({"pretraining_tp", "max_sequence_length"});
  const int64_t heads = reader.size("num_attention_heads", 32);
  reader.require(reader.size("hidden_size", 4096) % heads == 0, "hidden_size",
                 absl::StrCat("a multiple of num_attention_heads = ", heads));
  return std::make_unique<Llama>(reader, variant);
}

std::unique_ptr<Model> readMistral(ConfigReader &reader) {
  Variant variant{32000, 14336, 8, 0, 4096 * 32};
  const int64_t window = reader.integer("sliding_window", 4096, 1, INT32_MAX);
  if (!reader.isNull("sliding_window")) variant.windows.assign(size_t(readLayers(reader)), window);
  return std::make_unique<Llama>(reader, variant);
}

std::unique_ptr<Model> readQwen3(ConfigReader &reader) {
  Variant variant{151936, 22016, 32, 128, 32768};
  variant.hasAttentionBias = reader.flag("attention_bias", false);
  variant.hasHeadNorms = true;
  variant.windows = readWindows(reader);
  return std::make_unique<Llama>(reader, variant);
}

}  // namespace cleave
