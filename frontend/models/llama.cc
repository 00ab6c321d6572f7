// LLaMA: Touvron et al., "LLaMA: Open and Efficient Foundation Language Models", 2023.

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"
#include "frontend/models/rope.h"

namespace cleave {
namespace {

using mlir::Value;

class Llama final : public Model {
 public:
  explicit Llama(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return std::nullopt; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions, int64_t index,
              Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                  Value x) const;
  Value feedForward(ModelBuilder &model, Value x) const;

  LinearSpec linear(int64_t features, bool hasBias) const;
  NormSpec norm() const { return {epsilon_}; }

  int64_t vocabulary_, width_, inner_, layers_, heads_, keyHeads_, headSize_, positions_;
  std::string activation_;
  double epsilon_, deviation_, attentionDropout_;
  bool hasAttentionBias_, hasFeedForwardBias_, isTied_;
  int64_t paddingToken_;
  std::optional<Rope> rope_;
};

Llama::Llama(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 32000);
  width_ = reader.size("hidden_size", 4096);
  inner_ = reader.size("intermediate_size", 11008);
  layers_ = reader.layers("num_hidden_layers", 32);
  heads_ = reader.size("num_attention_heads", 32);
  keyHeads_ = reader.size("num_key_value_heads", heads_);
  headSize_ = reader.size("head_dim", std::max<int64_t>(1, width_ / heads_));
  positions_ = reader.integer("max_position_embeddings", 2048, 1, INT32_MAX);
  activation_ = reader.activation("hidden_act", "silu");
  epsilon_ = reader.positive("rms_norm_eps", 1e-6);
  deviation_ = initialDeviation(reader, "initializer_range");
  attentionDropout_ = reader.rate("attention_dropout", 0);
  hasAttentionBias_ = reader.flag("attention_bias", false);
  hasFeedForwardBias_ = reader.flag("mlp_bias", false);
  isTied_ = reader.flag("tie_word_embeddings", false);
  paddingToken_ = reader.paddingToken(-1, vocabulary_);
  reader.requireValue("is_encoder_decoder", false);
  reader.ignore({"pretraining_tp", "max_sequence_length"});
  reader.require(width_ % heads_ == 0, "hidden_size", absl::StrCat("a multiple of num_attention_heads = ", heads_));
  reader.require(heads_ % keyHeads_ == 0, "num_key_value_heads",
                 absl::StrCat("a divisor of num_attention_heads = ", heads_));
  reader.require(headSize_ % 2 == 0, reader.has("head_dim") ? "head_dim" : "hidden_size", "heads of an even size");
  rope_.emplace(reader, headSize_, positions_);
}

FamilyDescription Llama::describe() const {
  FamilyDescription family = describeFamily("llama", vocabulary_, /*isCausal=*/true);
  family.prefixes = {"model."};
  if (isTied_)
    family.stored.push_back({"model.embed_tokens.weight", {"model.embed_tokens.weight"}, 0, false, {"lm_head.weight"}});
  return family;
}

LinearSpec Llama::linear(int64_t features, bool hasBias) const {
  return linearOf(features, hasBias, deviation_);
}

Value Llama::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                       Value x) const {
  Scope scope(model, "self_attn");
  const double scale = 1 / std::sqrt(double(headSize_));
  const AttentionSpec spec = attentionAmong(tokens, /*isCausal=*/true, scale, entry.rate(attentionDropout_));
  const Value q = model.linear("q_proj", x, linear(heads_ * headSize_, hasAttentionBias_));
  const Value k = model.linear("k_proj", x, linear(keyHeads_ * headSize_, hasAttentionBias_));
  const Value v = model.linear("v_proj", x, linear(keyHeads_ * headSize_, hasAttentionBias_));
  const Value y = attendByHeads(model, q, k, v, {heads_, keyHeads_, positions, rope_->at(entry.seq)}, spec);
  return model.linear("o_proj", y, linear(width_, hasAttentionBias_));
}

Value Llama::feedForward(ModelBuilder &model, Value x) const {
  Scope scope(model, "mlp");
  const Value gate =
      activate(model, "act_fn", activation_, model.linear("gate_proj", x, linear(inner_, hasFeedForwardBias_)));
  const Value up = model.linear("up_proj", x, linear(inner_, hasFeedForwardBias_));
  return model.linear("down_proj", model.multiply("gated", gate, up), linear(width_, hasFeedForwardBias_));
}

Value Llama::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                   int64_t index, Value x) const {
  Scope scope(model, absl::StrCat("layers.", index));
  LayerScope layer(model, "block", index);
  x = model.add("attn_residual", x,
                attention(model, entry, tokens, positions, model.rmsNorm("input_layernorm", x, norm())));
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

}  // namespace

std::unique_ptr<Model> readLlama(ConfigReader &reader) { return std::make_unique<Llama>(reader); }

}  // namespace cleave
