// GPT-J: Wang and Komatsuzaki, "GPT-J-6B: A 6 Billion Parameter Autoregressive Language Model", 2021.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"

namespace cleave {
namespace {

using mlir::Value;

class Gptj final : public Model {
 public:
  explicit Gptj(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return positions_; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions, int64_t index,
              Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                  Value x) const;
  Value feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const;

  LinearSpec linear(int64_t features, bool hasBias) const;
  RotarySpec rotary() const;

  int64_t vocabulary_, positions_, width_, layers_, heads_, rotated_, inner_;
  std::string activation_;
  double residualDropout_, embeddingDropout_, attentionDropout_, epsilon_, deviation_;
  bool isTied_;
};

Gptj::Gptj(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 50400);
  positions_ = reader.size("n_positions", 2048, "max_position_embeddings");
  width_ = reader.size("n_embd", 4096, "hidden_size");
  layers_ = reader.layers("n_layer", 28, "num_hidden_layers");
  heads_ = reader.size("n_head", 16, "num_attention_heads");
  rotated_ = reader.integer("rotary_dim", 64, 2, 1 << 24);
  inner_ = reader.size("n_inner", 4 * width_);
  activation_ = reader.activation("activation_function", "gelu_new");
  residualDropout_ = reader.rate("resid_pdrop", 0);
  embeddingDropout_ = reader.rate("embd_pdrop", 0);
  attentionDropout_ = reader.rate("attn_pdrop", 0);
  epsilon_ = reader.positive("layer_norm_epsilon", 1e-5);
  deviation_ = initialDeviation(reader, "initializer_range");
  isTied_ = reader.flag("tie_word_embeddings", false);
  reader.requireValue("is_encoder_decoder", false);
  reader.requireValue("rotary", true);
  reader.requireValue("scale_attn_weights", true);
  reader.ignore({"n_ctx", "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels",
                 "summary_first_dropout"});
  reader.require(width_ % heads_ == 0, "n_embd", absl::StrCat("a multiple of n_head = ", heads_));
  const bool isThere = reader.has("rotary_dim") || reader.config().fields.count("rotary_dim") == 0;
  reader.require(isThere && rotated_ % 2 == 0 && rotated_ <= width_ / heads_, "rotary_dim",
                 absl::StrCat("an even number of at most n_embd / n_head = ", width_ / heads_));
}

FamilyDescription Gptj::describe() const {
  FamilyDescription family = describeFamily("gptj", vocabulary_, /*isCausal=*/true);
  family.inputs.push_back(wordTypeDescription(vocabulary_));
  family.prefixes = {"transformer."};
  family.ignored = {"h.*.attn.bias", "h.*.attn.masked_bias", "h.*.attn.embed_positions"};
  if (isTied_)
    family.stored.push_back({"transformer.wte.weight", {"transformer.wte.weight"}, 0, false, {"lm_head.weight"}});
  return family;
}

LinearSpec Gptj::linear(int64_t features, bool hasBias) const {
  return linearOf(features, hasBias, deviation_);
}

RotarySpec Gptj::rotary() const {
  RotarySpec spec;
  spec.layout = "pairs";
  // The numbers are defined in single precision.
  for (int64_t i = 0; i < rotated_ / 2; ++i)
    spec.frequencies.push_back(double(float(std::pow(10000.0, -2 * double(i) / double(rotated_)))));
  return spec;
}

Value Gptj::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                      Value x) const {
  Scope scope(model, "attn");
  const double scale = 1 / std::sqrt(double(width_ / heads_));
  const AttentionSpec spec = attentionAmong(tokens, /*isCausal=*/true, scale, entry.rate(attentionDropout_));
  const Value q = model.linear("q_proj", x, linear(width_, /*hasBias=*/false));
  const Value k = model.linear("k_proj", x, linear(width_, /*hasBias=*/false));
  const Value v = model.linear("v_proj", x, linear(width_, /*hasBias=*/false));
  const Value y = attendByHeads(model, q, k, v, {heads_, heads_, positions, rotary()}, spec);
  return model.dropout("resid_dropout", model.linear("out_proj", y, linear(width_, /*hasBias=*/false)),
                       entry.rate(residualDropout_));
}

Value Gptj::feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const {
  Scope scope(model, "mlp");
  const Value inner = activate(model, "act", activation_, model.linear("fc_in", x, linear(inner_, /*hasBias=*/true)));
  return model.dropout("dropout", model.linear("fc_out", inner, linear(width_, /*hasBias=*/true)),
                       entry.rate(residualDropout_));
}

// Attention and MLP are added to each other first: where both are partial sums, one reduction serves both.
Value Gptj::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value positions,
                  int64_t index, Value x) const {
  Scope scope(model, absl::StrCat("h.", index));
  LayerScope layer(model, "block", index);
  const Value y = model.layerNorm("ln_1", x, {epsilon_});
  const Value attended = attention(model, entry, tokens, positions, y);
  const Value both = model.add("attn_mlp", attended, feedForward(model, entry, y));
  return model.add("residual", both, x);
}

Value Gptj::logits(ModelBuilder &model, const EntryOptions &entry) const {
  const TokenInputs tokens = tokenInputs(model, entry);
  Value table, x;
  {
    Scope scope(model, "transformer");
    table = model.parameter("wte.weight", {vocabulary_, width_}, Init::normal(deviation_));
    x = withTokenTypes(model, entry, table, model.embedding("wte", table, tokens.ids));
    x = model.dropout("drop", x, entry.rate(embeddingDropout_));
    const Value positions = tokenPositions(model, entry, tokens);
    for (int64_t i = 0; i < layers_; ++i) x = block(model, entry, tokens, positions, i, x);
    x = model.layerNorm("ln_f", x, {epsilon_});
  }
  if (!isTied_) table = model.parameter("lm_head.weight", {vocabulary_, width_}, Init::normal(deviation_));
  const Value bias = model.parameter("lm_head.bias", {vocabulary_}, Init::constant(0));
  return model.matmul("lm_head", x, table, /*isTransposed=*/true, bias);
}

}  // namespace

std::unique_ptr<Model> readGptj(ConfigReader &reader) { return std::make_unique<Gptj>(reader); }

}  // namespace cleave
