// BERT with its masked-language-model head: Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for
// Language Understanding", 2018.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/layers.h"

namespace cleave {
namespace {

using mlir::Value;

class Bert final : public Model {
 public:
  explicit Bert(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return positions_; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  Value embed(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value table) const;
  Value block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index, Value x) const;
  Value attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value x) const;
  // x + dropout(dense(y)), normalized; in the scope that the module has.
  Value output(ModelBuilder &model, const EntryOptions &entry, const char *scope, Value y, Value x) const;

  LinearSpec linear(int64_t features) const;
  NormSpec norm() const { return {epsilon_}; }

  int64_t vocabulary_, width_, layers_, heads_, inner_, positions_, types_, paddingToken_;
  std::string activation_;
  double dropout_, attentionDropout_, deviation_, epsilon_;
  bool isCausal_, isTied_;
};

Bert::Bert(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 30522);
  width_ = reader.size("hidden_size", 768);
  layers_ = reader.layers("num_hidden_layers", 12);
  heads_ = reader.size("num_attention_heads", 12);
  inner_ = reader.size("intermediate_size", 3072);
  activation_ = reader.activation("hidden_act", "gelu");
  dropout_ = reader.rate("hidden_dropout_prob", 0.1);
  attentionDropout_ = reader.rate("attention_probs_dropout_prob", 0.1);
  positions_ = reader.size("max_position_embeddings", 512);
  types_ = reader.size("type_vocab_size", 2);
  deviation_ = initialDeviation(reader, "initializer_range");
  epsilon_ = reader.positive("layer_norm_eps", 1e-12);
  isCausal_ = reader.flag("is_decoder", false);
  isTied_ = reader.flag("tie_word_embeddings", true);
  paddingToken_ = reader.paddingToken(0, vocabulary_);
  reader.requireValue("is_encoder_decoder", false);
  reader.requireValue("position_embedding_type", "absolute");
  reader.ignore({"directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
                 "pooler_size_per_head", "pooler_type"});
  reader.require(width_ % heads_ == 0, "hidden_size", absl::StrCat("a multiple of num_attention_heads = ", heads_));
}

FamilyDescription Bert::describe() const {
  FamilyDescription family = describeFamily("bert", vocabulary_, isCausal_);
  family.inputs.push_back({"token_type_ids", "token_type_ids", "zeros", types_});
  family.prefixes = {"bert."};
  family.ignored = {"bert.pooler.*", "cls.seq_relationship.*"};  // heads of other tasks
  const std::string words = "bert.embeddings.word_embeddings.weight", bias = "cls.predictions.bias";
  if (isTied_) {
    family.stored.push_back({words, {words}, 0, false, {"cls.predictions.decoder.weight"}});
    family.stored.push_back({bias, {bias}, 0, false, {"cls.predictions.decoder.bias"}});
  }
  // The first files called a norm's weight and bias gamma and beta.
  auto addNorm = [&](const std::string &norm) {
    family.stored.push_back({norm + ".weight", {norm + ".weight"}, 0, false, {norm + ".gamma"}});
    family.stored.push_back({norm + ".bias", {norm + ".bias"}, 0, false, {norm + ".beta"}});
  };
  addNorm("bert.embeddings.LayerNorm");
  for (int64_t i = 0; i < layers_; ++i) {
    addNorm(absl::StrCat("bert.encoder.layer.", i, ".attention.output.LayerNorm"));
    addNorm(absl::StrCat("bert.encoder.layer.", i, ".output.LayerNorm"));
  }
  addNorm("cls.predictions.transform.LayerNorm");
  return family;
}

LinearSpec Bert::linear(int64_t features) const {
  return linearOf(features, /*hasBias=*/true, deviation_);
}

Value Bert::embed(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value table) const {
  const Value types = model.input("token_type_ids", {entry.batch, entry.seq}, ElementType::kInt32);
  Scope scope(model, "embeddings");
  const Value placeTable =
      model.parameter("position_embeddings.weight", {positions_, width_}, Init::normal(deviation_));
  const Value typeTable = model.parameter("token_type_embeddings.weight", {types_, width_}, Init::normal(deviation_));
  Value x = model.embedding("word_embeddings", table, tokens.ids, {paddingToken_});
  x = model.add("with_types", x, model.embedding("token_type_embeddings", typeTable, types));
  x = model.add("with_positions", x, positionEmbedding(model, "position_embeddings", placeTable, entry, tokens));
  return model.dropout("dropout", model.layerNorm("LayerNorm", x, norm()), entry.rate(dropout_));
}

Value Bert::attention(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, Value x) const {
  Scope scope(model, "attention.self");
  const double scale = 1 / std::sqrt(double(width_ / heads_));
  const AttentionSpec spec = attentionAmong(tokens, isCausal_, scale, entry.rate(attentionDropout_));
  const Value q = model.linear("query", x, linear(width_));
  const Value k = model.linear("key", x, linear(width_));
  const Value v = model.linear("value", x, linear(width_));
  return attendByHeads(model, q, k, v, {heads_, heads_, {}, {}}, spec);
}

Value Bert::output(ModelBuilder &model, const EntryOptions &entry, const char *scope, Value y, Value x) const {
  Scope inner(model, scope);
  y = model.dropout("dropout", model.linear("dense", y, linear(width_)), entry.rate(dropout_));
  return model.layerNorm("LayerNorm", model.add("residual", x, y), norm());
}

Value Bert::block(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens, int64_t index,
                  Value x) const {
  Scope scope(model, absl::StrCat("encoder.layer.", index));
  LayerScope layer(model, "block", index);
  x = output(model, entry, "attention.output", attention(model, entry, tokens, x), x);
  const Value inner =
      activate(model, "intermediate.act", activation_, model.linear("intermediate.dense", x, linear(inner_)));
  return output(model, entry, "output", inner, x);
}

Value Bert::logits(ModelBuilder &model, const EntryOptions &entry) const {
  TokenInputs tokens = tokenInputs(model, entry);
  if (!tokens.mask) tokens.mask = model.input("attention_mask", {entry.batch, entry.seq}, ElementType::kInt32);
  Value table, x;
  {
    Scope scope(model, "bert");
    table = model.parameter("embeddings.word_embeddings.weight", {vocabulary_, width_},
                            Init::normal(deviation_).withZeroRow(paddingToken_));
    x = embed(model, entry, tokens, table);
    for (int64_t i = 0; i < layers_; ++i) x = block(model, entry, tokens, i, x);
  }
  Scope scope(model, "cls.predictions");
  x = activate(model, "transform.act", activation_, model.linear("transform.dense", x, linear(width_)));
  x = model.layerNorm("transform.LayerNorm", x, norm());
  // Untied, the head has a bias of its own; the one that files call "cls.predictions.bias" is then kept, but nothing
  // reads it.
  Value bias = model.parameter("bias", {vocabulary_}, Init::constant(0), /*isTrainable=*/isTied_);
  if (!isTied_) {
    table = model.parameter("decoder.weight", {vocabulary_, width_}, Init::normal(deviation_));
    bias = model.parameter("decoder.bias", {vocabulary_}, Init::constant(0));
  }
  return model.matmul("decoder", x, table, /*isTransposed=*/true, bias);
}

}  // namespace

std::unique_ptr<Model> readBert(ConfigReader &reader) { return std::make_unique<Bert>(reader); }

}  // namespace cleave
