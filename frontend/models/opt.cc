// OPT: Zhang et al., "OPT: Open Pre-trained Transformer Language Models", 2022.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"

namespace cleave {
namespace {

using mlir::Value;

constexpr int64_t kFirstPosition = 2;  // the row of the first token; row 1 is that of padding

class Opt final : public Model {
 public:
  explicit Opt(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return positions_; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value embed(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value table) const;
  Value places(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens) const;
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index, Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value x) const;
  Value feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const;

  LinearSpec linear(int64_t features) const;
  LinearSpec projection(int64_t features) const;
  NormSpec norm() const { return {1e-5, hasNormParameters_}; }

  int64_t vocabulary_, width_, layers_, inner_, positions_, wordWidth_, heads_, paddingToken_;
  std::string activation_;
  double dropout_, attentionDropout_, deviation_;
  bool normsFirst_, hasFinalNorm_, hasBias_, hasNormParameters_, isTied_;
};

Opt::Opt(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 50272);
  width_ = reader.size("hidden_size", 768);
  layers_ = reader.layers("num_hidden_layers", 12);
  inner_ = reader.size("ffn_dim", 3072);
  positions_ = reader.size("max_position_embeddings", 2048);
  wordWidth_ = reader.size("word_embed_proj_dim", width_);
  heads_ = reader.size("num_attention_heads", 12);
  activation_ = reader.activation("activation_function", "relu");
  dropout_ = reader.rate("dropout", 0.1);
  attentionDropout_ = reader.rate("attention_dropout", 0);
  deviation_ = initialDeviation(reader, "init_std");
  normsFirst_ = reader.flag("do_layer_norm_before", true);
  hasFinalNorm_ = !reader.flag("_remove_final_layer_norm", false) && normsFirst_;
  hasBias_ = reader.flag("enable_bias", true);
  hasNormParameters_ = reader.flag("layer_norm_elementwise_affine", true);
  isTied_ = reader.flag("tie_word_embeddings", true);
  paddingToken_ = reader.paddingToken(1, vocabulary_);
  reader.requireValue("layerdrop", 0);
  reader.requireValue("is_encoder_decoder", false);
  reader.ignore({"activation_dropout", "model_parallel"});
  reader.require(width_ % heads_ == 0, "hidden_size", absl::StrCat("a multiple of num_attention_heads = ", heads_));
}

FamilyDescription Opt::describe() const {
  FamilyDescription family = describeFamily("opt", vocabulary_, /*isCausal=*/true);
  family.prefixes = {"model."};
  const std::string table = "model.decoder.embed_tokens.weight";
  if (isTied_) family.stored.push_back({table, {table}, 0, false, {"lm_head.weight"}});
  return family;
}

LinearSpec Opt::linear(int64_t features) const {
  return linearOf(features, hasBias_, deviation_);
}

LinearSpec Opt::projection(int64_t features) const {
  return linearOf(features, /*hasBias=*/false, deviation_);
}

// The row of each token in the table of positions: tokens count, padding does not.
Value Opt::places(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens) const {
  const std::vector<int64_t> shape = {entry.batch, entry.seq};
  const Value one = model.fill("one", shape, ElementType::kInt32, kFirstPosition - 1);
  const Value count =
      tokens.positions ? model.add("count", tokens.positions, one) : model.cumulativeSum("count", tokens.mask);
  return model.add("row", model.multiply("masked", count, tokens.mask), one);
}

Value Opt::embed(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value table) const {
  Value x = model.embedding("embed_tokens", table, tokens.ids, {paddingToken_});
  if (wordWidth_ != width_) x = model.linear("project_in", x, projection(width_));
  const Value rows =
      model.parameter("embed_positions.weight", {positions_ + kFirstPosition, width_}, Init::normal(deviation_));
  Value placed;
  if (tokens.mask) {
    Scope scope(model, "positions");
    placed = places(model, entry, tokens);
  }
  if (placed) return model.add("embedded", x, model.embedding("embed_positions", rows, placed));
  const Value taken =
      model.slice("embed_positions.rows", rows, {kFirstPosition, 0}, {kFirstPosition + entry.seq, width_});
  return model.add("embedded", x, model.broadcast("embed_positions", taken, {entry.batch, entry.seq, width_}, {1, 2}));
}

Value Opt::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value x) const {
  Value y;
  {
    Scope scope(model, "self_attn");
    const double scale = 1 / std::sqrt(double(width_ / heads_));
    const AttentionSpec spec = attentionAmong(tokens, /*isCausal=*/true, scale, entry.rate(attentionDropout_));
    const Value q = model.linear("q_proj", x, linear(width_));
    const Value k = model.linear("k_proj", x, linear(width_));
    const Value v = model.linear("v_proj", x, linear(width_));
    y = model.linear("out_proj", attendByHeads(model, q, k, v, {heads_, heads_, {}, {}}, spec), linear(width_));
  }
  return model.dropout("attn_dropout", y, entry.rate(dropout_));
}

Value Opt::feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const {
  const Value inner = activate(model, "activation_fn", activation_, model.linear("fc1", x, linear(inner_)));
  return model.dropout("mlp_dropout", model.linear("fc2", inner, linear(width_)), entry.rate(dropout_));
}

Value Opt::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index,
                 Value x) const {
  Scope scope(model, absl::StrCat("layers.", index));
  LayerScope layer(model, "block", index);
  if (normsFirst_) {
    x = model.add("attn_residual", x,
                  attention(model, entry, tokens, model.layerNorm("self_attn_layer_norm", x, norm())));
    return model.add("mlp_residual", x, feedForward(model, entry, model.layerNorm("final_layer_norm", x, norm())));
  }
  x = model.add("attn_residual", x, attention(model, entry, tokens, x));
  x = model.layerNorm("self_attn_layer_norm", x, norm());
  x = model.add("mlp_residual", x, feedForward(model, entry, x));
  return model.layerNorm("final_layer_norm", x, norm());
}

Value Opt::logits(ModelBuilder &model, const EntryOptions &entry) const {
  const TokenInputs tokens = tokenInputs(model, entry);
  Value table, x;
  {
    Scope scope(model, "model.decoder");
    table = model.parameter("embed_tokens.weight", {vocabulary_, wordWidth_},
                            Init::normal(deviation_).withZeroRow(paddingToken_));
    x = embed(model, entry, tokens, table);
    for (int64_t i = 0; i < layers_; ++i) x = block(model, entry, tokens, i, x);
    if (hasFinalNorm_) x = model.layerNorm("final_layer_norm", x, norm());
    if (wordWidth_ != width_) x = model.linear("project_out", x, projection(wordWidth_));
  }
  if (!isTied_) table = model.parameter("lm_head.weight", {vocabulary_, wordWidth_}, Init::normal(deviation_));
  return model.matmul("lm_head", x, table, /*isTransposed=*/true);
}

}  // namespace

std::unique_ptr<Model> readOpt(ConfigReader &reader) { return std::make_unique<Opt>(reader); }

}  // namespace cleave
