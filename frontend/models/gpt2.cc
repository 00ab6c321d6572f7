// GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"

namespace cleave {
namespace {

using mlir::Value;

class Gpt2 final : public Model {
 public:
  explicit Gpt2(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return positions_; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index, Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index,
                  Value x) const;
  Value feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const;

  // A map whose weight stands in the file as [in, out].
  LinearSpec convolution(int64_t features, double deviation) const;
  double residualDeviation() const { return deviation_ / std::sqrt(2.0 * double(layers_)); }
  NormSpec norm() const { return {epsilon_}; }

  int64_t vocabulary_, positions_, width_, layers_, heads_, inner_;
  std::string activation_;
  double residualDropout_, embeddingDropout_, attentionDropout_, epsilon_, deviation_;
  bool isScaled_, isScaledByLayer_, isTied_;
};

Gpt2::Gpt2(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 50257);
  positions_ = reader.size("n_positions", 1024, "max_position_embeddings");
  width_ = reader.size("n_embd", 768, "hidden_size");
  layers_ = reader.layers("n_layer", 12, "num_hidden_layers");
  heads_ = reader.size("n_head", 12, "num_attention_heads");
  inner_ = reader.size("n_inner", 4 * width_);
  activation_ = reader.activation("activation_function", "gelu_new");
  residualDropout_ = reader.rate("resid_pdrop", 0.1);
  embeddingDropout_ = reader.rate("embd_pdrop", 0.1);
  attentionDropout_ = reader.rate("attn_pdrop", 0.1);
  epsilon_ = reader.positive("layer_norm_epsilon", 1e-5);
  deviation_ = initialDeviation(reader, "initializer_range");
  isScaled_ = reader.flag("scale_attn_weights", true);
  isScaledByLayer_ = reader.flag("scale_attn_by_inverse_layer_idx", false);
  isTied_ = reader.flag("tie_word_embeddings", true);
  reader.requireValue("is_encoder_decoder", false);
  // The order of the scores' computation, in half precision only; the rest is for other heads and for generation.
  reader.ignore({"reorder_and_upcast_attn", "n_ctx", "summary_type", "summary_use_proj", "summary_activation",
                 "summary_proj_to_labels", "summary_first_dropout"});
  reader.require(width_ % heads_ == 0, "n_embd", absl::StrCat("a multiple of n_head = ", heads_));
}

FamilyDescription Gpt2::describe() const {
  FamilyDescription family = describeFamily("gpt2", vocabulary_, /*isCausal=*/true);
  family.inputs.push_back(wordTypeDescription(vocabulary_));
  family.prefixes = {"transformer."};
  family.ignored = {"h.*.attn.bias", "h.*.attn.masked_bias", "h.*.crossattention.bias"};
  for (int64_t i = 0; i < layers_; ++i) {
    const std::string fused = absl::StrCat("transformer.h.", i, ".attn.c_attn");
    auto thirds = [&](const char *leaf) {
      return std::vector<std::string>{fused + ".q" + leaf, fused + ".k" + leaf, fused + ".v" + leaf};
    };
    family.stored.push_back({fused + ".weight", thirds(".weight"), /*dimension=*/1, false, {}});
    family.stored.push_back({fused + ".bias", thirds(".bias"), /*dimension=*/0, false, {}});
  }
  if (isTied_)
    family.stored.push_back({"transformer.wte.weight", {"transformer.wte.weight"}, 0, false, {"lm_head.weight"}});
  return family;
}

LinearSpec Gpt2::convolution(int64_t features, double deviation) const {
  LinearSpec spec = linearOf(features, /*hasBias=*/true, deviation);
  spec.inputMajor = true;
  return spec;
}

Value Gpt2::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index,
                      Value x) const {
  Scope scope(model, "attn");
  const double divisor = isScaledByLayer_ ? double(index + 1) : 1;
  const double scale = (isScaled_ ? 1 / std::sqrt(double(width_ / heads_)) : 1) / divisor;
  const AttentionSpec spec = attentionAmong(tokens, /*isCausal=*/true, scale, entry.rate(attentionDropout_));
  const Value q = model.linear("c_attn.q", x, convolution(width_, deviation_));
  const Value k = model.linear("c_attn.k", x, convolution(width_, deviation_));
  const Value v = model.linear("c_attn.v", x, convolution(width_, deviation_));
  const Value y = attendByHeads(model, q, k, v, {heads_, heads_, {}, {}}, spec);
  return model.dropout("resid_dropout", model.linear("c_proj", y, convolution(width_, residualDeviation())),
                       entry.rate(residualDropout_));
}

Value Gpt2::feedForward(ModelBuilder &model, const EntryOptions &entry, Value x) const {
  Scope scope(model, "mlp");
  const Value inner = activate(model, "act", activation_, model.linear("c_fc", x, convolution(inner_, deviation_)));
  return model.dropout("dropout", model.linear("c_proj", inner, convolution(width_, residualDeviation())),
                       entry.rate(residualDropout_));
}

Value Gpt2::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index,
                  Value x) const {
  Scope scope(model, absl::StrCat("h.", index));
  LayerScope layer(model, "block", index);
  x = model.add("attn_residual", x, attention(model, entry, tokens, index, model.layerNorm("ln_1", x, norm())));
  return model.add("mlp_residual", x, feedForward(model, entry, model.layerNorm("ln_2", x, norm())));
}

Value Gpt2::logits(ModelBuilder &model, const EntryOptions &entry) const {
  const TokenInputs tokens = tokenInputs(model, entry);
  Value table, x;
  {
    Scope scope(model, "transformer");
    table = model.parameter("wte.weight", {vocabulary_, width_}, Init::normal(deviation_));
    const Value places = model.parameter("wpe.weight", {positions_, width_}, Init::normal(deviation_));
    x = withTokenTypes(model, entry, table, model.embedding("wte", table, tokens.ids));
    x = model.add("embedded", x, positionEmbedding(model, "wpe", places, entry, tokens));
    x = model.dropout("drop", x, entry.rate(embeddingDropout_));
    for (int64_t i = 0; i < layers_; ++i) x = block(model, entry, tokens, i, x);
    x = model.layerNorm("ln_f", x, norm());
  }
  if (!isTied_) table = model.parameter("lm_head.weight", {vocabulary_, width_}, Init::normal(deviation_));
  return model.matmul("lm_head", x, table, /*isTransposed=*/true);
}

}  // namespace

std::unique_ptr<Model> readGpt2(ConfigReader &reader) { return std::make_unique<Gpt2>(reader); }

}  // namespace cleave
