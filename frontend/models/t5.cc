// T5: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", 2019.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "frontend/models/activation.h"
#include "frontend/models/layers.h"

namespace cleave {
namespace {

using mlir::Value;

class T5 final : public Model {
 public:
  explicit T5(ConfigReader &reader);

  FamilyDescription describe() const final;
  std::optional<int64_t> positions() const final { return std::nullopt; }
  bool isEncoderDecoder() const final { return true; }
  Value logits(ModelBuilder &model, const EntryOptions &entry) const final;

 private:
  // One of the two stacks, in one entry.
  struct Stack {
    const char *name;
    bool isDecoder;
    int64_t layers, sequence;
    double dropout;
    Value bias;                  // of its self-attention, the same in all layers
    Value mask;                  // of its own tokens; null: all count
    Value context, contextMask;  // what a decoder's cross-attention reads
  };

  void readFeedForward(ConfigReader &reader);
  Value embed(ModelBuilder &model, const Stack &stack, Value table, Value ids) const;
  Value run(ModelBuilder &model, Stack &stack, Value x) const;
  Value relativeBias(ModelBuilder &model, const Stack &stack) const;
  Value block(ModelBuilder &model, const Stack &stack, int64_t index, Value x) const;
  Value attend(ModelBuilder &model, const Stack &stack, Value x, Value context, AttentionSpec spec) const;
  Value feedForward(ModelBuilder &model, const Stack &stack, Value x) const;

  LinearSpec linear(int64_t features, double deviation) const;
  NormSpec norm() const { return {epsilon_, /*hasParameters=*/true, factor_}; }

  int64_t vocabulary_, width_, headSize_, inner_, encoderLayers_, decoderLayers_, heads_, buckets_, maxDistance_;
  int64_t padToken_, startToken_;
  std::string activation_;
  bool isGated_ = false, isScaled_;
  double dropout_, epsilon_, factor_;
};

T5::T5(ConfigReader &reader) {
  vocabulary_ = reader.size("vocab_size", 32128);
  width_ = reader.size("d_model", 512, "hidden_size");
  headSize_ = reader.size("d_kv", 64, "head_dim");
  inner_ = reader.size("d_ff", 2048);
  encoderLayers_ = reader.layers("num_layers", 6, "num_hidden_layers");
  decoderLayers_ = reader.layers("num_decoder_layers", encoderLayers_);
  heads_ = reader.size("num_heads", 8, "num_attention_heads");
  buckets_ = reader.integer("relative_attention_num_buckets", 32, 4, 1 << 20);
  maxDistance_ = reader.integer("relative_attention_max_distance", 128, 1, 1 << 30);
  dropout_ = reader.rate("dropout_rate", 0.1);
  epsilon_ = reader.positive("layer_norm_epsilon", 1e-6);
  factor_ = reader.number("initializer_factor", 1, 0, 1e6);
  padToken_ = reader.integer("pad_token_id", 0, 0, vocabulary_ - 1);
  startToken_ = reader.integer("decoder_start_token_id", padToken_, 0, vocabulary_ - 1);
  // Head and embeddings are tied in any case; the flag says whether the decoder's outputs are scaled.
  const bool isTied = reader.flag("tie_word_embeddings", true);
  isScaled_ = reader.keep("scale_decoder_outputs", reader.optionalFlag("scale_decoder_outputs").value_or(isTied));
  readFeedForward(reader);
  reader.requireValue("is_encoder_decoder", true);
  reader.ignore({"n_positions", "output_past", "model_parallel"});
  reader.require(maxDistance_ > buckets_ / 2, "relative_attention_max_distance",
                 absl::StrCat("more than half of relative_attention_num_buckets = ", buckets_));
}

// "relu", "gated-silu"; "gated-gelu" means the tanh form.
void T5::readFeedForward(ConfigReader &reader) {
  const std::string projection = reader.text("feed_forward_proj", "relu");
  const std::vector<std::string> parts = absl::StrSplit(projection, '-');
  isGated_ = parts.size() == 2 && parts[0] == "gated";
  activation_ = projection == "gated-gelu" ? "gelu_new" : parts.back();
  reader.require((parts.size() == 1 || isGated_) && findActivation(activation_).has_value(), "feed_forward_proj",
                 absl::StrCat("ACT or gated-ACT with ACT one of ", activationNames()));
  if (reader.has("dense_act_fn")) reader.requireValue("dense_act_fn", activation_);
  if (reader.has("is_gated_act")) reader.requireValue("is_gated_act", isGated_);
  reader.keep("dense_act_fn", activation_);
  reader.keep("is_gated_act", isGated_);
}

FamilyDescription T5::describe() const {
  FamilyDescription family = describeFamily("t5", vocabulary_, /*isCausal=*/false);
  family.inputs.push_back({"decoder_input_ids", "labels", "shift_right", vocabulary_});
  family.stored.push_back({"shared.weight",
                           {"shared.weight"},
                           0,
                           false,
                           {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"}});
  family.ignored = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
  family.decoderStartToken = startToken_;
  family.padToken = padToken_;
  return family;
}

LinearSpec T5::linear(int64_t features, double deviation) const {
  return linearOf(features, /*hasBias=*/false, factor_ * deviation);
}

// A table row for each distance, and then one for each query and key. [heads, queries, keys]
Value T5::relativeBias(ModelBuilder &model, const Stack &stack) const {
  Value table;
  {
    Scope scope(model, "block.0.layer.0.SelfAttention.relative_attention_bias");
    table = model.parameter("weight", {buckets_, heads_}, Init::normal(factor_ / std::sqrt(double(width_))));
  }
  Scope scope(model, "relative_bias");
  const int64_t s = stack.sequence;
  const Value queries = model.iota("queries", {s, s}, /*dimension=*/0);
  const Value keys = model.iota("keys", {s, s}, /*dimension=*/1);
  const Value distance = model.subtract("distance", keys, queries);
  const Value row = model.add("row", distance, model.fill("zero_row", {s, s}, ElementType::kInt32, double(s - 1)));
  if (!row) return {};  // a length that can't be counted
  const Value buckets = model.constant("buckets", relativeBuckets(s, !stack.isDecoder, buckets_, maxDistance_));
  const Value byDistance = model.embedding("by_distance", table, buckets);
  return model.transpose("by_head", model.embedding("by_pair", byDistance, row), {2, 0, 1});
}

Value T5::attend(ModelBuilder &model, const Stack &stack, Value x, Value context, AttentionSpec spec) const {
  const double in = double(width_), projected = double(heads_ * headSize_);
  const Value q = model.linear("q", x, linear(heads_ * headSize_, 1 / std::sqrt(in * double(headSize_))));
  const Value k = model.linear("k", context, linear(heads_ * headSize_, 1 / std::sqrt(in)));
  const Value v = model.linear("v", context, linear(heads_ * headSize_, 1 / std::sqrt(in)));
  spec.dropoutRate = stack.dropout;
  const Value y = attendByHeads(model, q, k, v, {heads_, heads_, {}, {}}, spec);
  return model.linear("o", y, linear(width_, 1 / std::sqrt(projected)));
}

Value T5::feedForward(ModelBuilder &model, const Stack &stack, Value x) const {
  Scope scope(model, "DenseReluDense");
  const LinearSpec in = linear(inner_, 1 / std::sqrt(double(width_)));
  Value inner = activate(model, "act", activation_, model.linear(isGated_ ? "wi_0" : "wi", x, in));
  if (isGated_) inner = model.multiply("gated", inner, model.linear("wi_1", x, in));
  inner = model.dropout("dropout", inner, stack.dropout);
  return model.linear("wo", inner, linear(width_, 1 / std::sqrt(double(inner_))));
}

Value T5::block(ModelBuilder &model, const Stack &stack, int64_t index, Value x) const {
  Scope scope(model, absl::StrCat("block.", index));
  LayerScope layer(model, stack.name, index);
  auto residual = [&](Value y) { return model.add("residual", x, model.dropout("dropout", y, stack.dropout)); };
  {
    Scope sublayer(model, "layer.0");
    const Value y = model.rmsNorm("layer_norm", x, norm());
    AttentionSpec spec;
    spec.bias = stack.bias;
    spec.keyMask = stack.mask;
    spec.isCausal = stack.isDecoder;
    model.pushScope("SelfAttention");
    const Value attended = attend(model, stack, y, y, spec);
    model.popScope();
    x = residual(attended);
  }
  if (stack.isDecoder) {
    Scope sublayer(model, "layer.1");
    const Value y = model.rmsNorm("layer_norm", x, norm());
    AttentionSpec spec;
    spec.keyMask = stack.contextMask;
    model.pushScope("EncDecAttention");
    const Value attended = attend(model, stack, y, stack.context, spec);
    model.popScope();
    x = residual(attended);
  }
  Scope sublayer(model, stack.isDecoder ? "layer.2" : "layer.1");
  return residual(feedForward(model, stack, model.rmsNorm("layer_norm", x, norm())));
}

Value T5::embed(ModelBuilder &model, const Stack &stack, Value table, Value ids) const {
  Scope scope(model, stack.name);
  return model.dropout("dropout", model.embedding("embed_tokens", table, ids), stack.dropout);
}

Value T5::run(ModelBuilder &model, Stack &stack, Value x) const {
  Scope scope(model, stack.name);
  stack.bias = relativeBias(model, stack);
  for (int64_t i = 0; i < stack.layers; ++i) x = block(model, stack, i, x);
  x = model.rmsNorm("final_layer_norm", x, norm());
  return model.dropout("final_dropout", x, stack.dropout);
}

Value T5::logits(ModelBuilder &model, const EntryOptions &entry) const {
  const double dropout = entry.rate(dropout_);
  const Value ids = model.input("input_ids", {entry.batch, entry.seq}, ElementType::kInt32);
  const Value mask = model.input("attention_mask", {entry.batch, entry.seq}, ElementType::kInt32);
  const Value targets = model.input("decoder_input_ids", {entry.batch, entry.targetSeq}, ElementType::kInt32);
  const Value table = model.parameter("shared.weight", {vocabulary_, width_}, Init::normal(factor_));

  Stack encoder{"encoder", /*isDecoder=*/false, encoderLayers_, entry.seq, dropout, {}, mask, {}, {}};
  const Value encoded = run(model, encoder, embed(model, encoder, table, ids));
  Stack decoder{"decoder", /*isDecoder=*/true, decoderLayers_, entry.targetSeq, dropout, {}, {}, encoded, mask};
  Value x = run(model, decoder, embed(model, decoder, table, targets));
  if (isScaled_) x = model.scale("scaled", x, 1 / std::sqrt(double(width_)));
  return model.matmul("lm_head", x, table, /*isTransposed=*/true);
}

}  // namespace

std::unique_ptr<Model> readT5(ConfigReader &reader) { return std::make_unique<T5>(reader); }

}  // namespace cleave
