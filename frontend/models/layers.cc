#include "frontend/models/layers.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "frontend/models/activation.h"

namespace cleave {
using mlir::Value;

double initialDeviation(ConfigReader &reader, const char *name) {
  const double deviation = reader.number(name, 0.02, 0, 1e6);
  return reader.keep(name, deviation == 0 ? 0.02 : deviation);
}

LinearSpec linearOf(int64_t features, bool hasBias, double deviation) {
  LinearSpec spec(features);
  spec.hasBias = hasBias;
  spec.weight = Init::normal(deviation);
  return spec;
}

Value activate(ModelBuilder &model, absl::string_view name, absl::string_view activation, Value x) {
  const std::optional<Activation> found = findActivation(activation);
  if (!found) {
    model.fail(absl::InvalidArgumentError(
        absl::StrCat("requires an activation out of ", activationNames(), ", got ", activation)));
    return {};
  }
  switch (*found) {
    case Activation::kGelu: return model.gelu(name, x, /*isTanhForm=*/false);
    case Activation::kTanhGelu: return model.gelu(name, x, /*isTanhForm=*/true);
    case Activation::kRelu: return model.relu(name, x);
    case Activation::kSilu: return model.silu(name, x);
    case Activation::kTanh: return model.tanh(name, x);
    case Activation::kSigmoid: return model.sigmoid(name, x);
    case Activation::kLinear: return x;
    case Activation::kQuickGelu: {
      const Value gate =
          model.sigmoid(absl::StrCat(name, ".gate"), model.scale(absl::StrCat(name, ".scaled"), x, 1.702));
      return model.multiply(name, x, gate);
    }
    case Activation::kSquaredRelu: {
      const Value positive = model.relu(absl::StrCat(name, ".relu"), x);
      return model.multiply(name, positive, positive);
    }
  }
  return {};
}

TokenInputs tokenInputs(ModelBuilder &model, const EntryOptions &entry) {
  auto input = [&](const char *name) { return model.input(name, {entry.batch, entry.seq}, ElementType::kInt32); };
  TokenInputs tokens;
  tokens.ids = input("input_ids");
  if (entry.isTraining) tokens.mask = input("attention_mask");
  if (entry.hasDocuments) {
    tokens.segments = input("segment_ids");
    tokens.positions = input("position_ids");
  }
  return tokens;
}

FamilyDescription describeFamily(const char *modelType, int64_t vocabulary, bool isCausal) {
  FamilyDescription family;
  family.modelType = modelType;
  family.vocabulary = vocabulary;
  family.isCausal = isCausal;
  family.inputs = {{"input_ids", "input_ids", "required", vocabulary},
                   {"attention_mask", "attention_mask", "ones", 2},
                   {"labels", "labels", "required", vocabulary}};
  return family;
}

Value withTokenTypes(ModelBuilder &model, const EntryOptions &entry, Value table, Value x) {
  if (!entry.isTraining) return x;
  const Value types = model.input("token_type_ids", {entry.batch, entry.seq}, ElementType::kInt32);
  LookUpSpec spec;
  spec.isOptional = true;
  return model.add("with_types", x, model.embedding("types", table, types, spec));
}

DataInputDescription wordTypeDescription(int64_t vocabulary) {
  return {"token_type_ids", "token_type_ids", "minus_ones", vocabulary};
}

Value tokenPositions(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens) {
  return tokens.positions ? tokens.positions : model.iota("positions", {entry.batch, entry.seq}, /*dimension=*/1);
}

Value positionEmbedding(ModelBuilder &model, absl::string_view name, Value table, const EntryOptions &entry,
                        const TokenInputs &tokens) {
  if (tokens.positions) return model.embedding(name, table, tokens.positions);
  const std::vector<int64_t> shape = shapeOf(table);
  if (shape.empty()) return {};
  const Value rows = model.slice(absl::StrCat(name, ".rows"), table, {0, 0}, {entry.seq, shape[1]});
  return model.broadcast(name, rows, {entry.batch, entry.seq, shape[1]}, {1, 2});
}

AttentionSpec attentionAmong(const TokenInputs &tokens, bool isCausal, double scale, double dropoutRate) {
  AttentionSpec spec;
  spec.keyMask = tokens.mask;
  spec.querySegments = spec.keySegments = tokens.segments;
  spec.isCausal = isCausal;
  spec.scale = scale;
  spec.dropoutRate = dropoutRate;
  return spec;
}

Value attendByHeads(ModelBuilder &model, Value q, Value k, Value v, const HeadsSpec &heads, AttentionSpec spec) {
  spec.query = model.splitHeads("q_heads", q, heads.heads);
  spec.keys = model.splitHeads("k_heads", k, heads.keyHeads);
  spec.values = model.splitHeads("v_heads", v, heads.keyHeads);
  if (heads.norm) {
    spec.query = model.rmsNorm("q_norm", spec.query, *heads.norm);
    spec.keys = model.rmsNorm("k_norm", spec.keys, *heads.norm);
  }
  if (heads.positions) {
    spec.query = model.rotary("q_rotary", spec.query, heads.positions, heads.rotary);
    spec.keys = model.rotary("k_rotary", spec.keys, heads.positions, heads.rotary);
  }
  return model.mergeHeads("merged", model.attention("attention", spec));
}

std::vector<int32_t> relativeBuckets(int64_t sequence, bool bothDirections, int64_t buckets, int64_t maxDistance) {
  std::vector<int32_t> result;
  const int64_t count = bothDirections ? buckets / 2 : buckets;  // of one direction
  const int64_t exact = count / 2;                               // distances with a bucket of their own
  const float range = float(std::log(double(maxDistance) / double(exact)));
  for (int64_t distance = 1 - sequence; distance < sequence; ++distance) {
    const int64_t first = bothDirections && distance > 0 ? count : 0;
    const int64_t far = bothDirections ? std::abs(distance) : std::max<int64_t>(-distance, 0);
    int64_t bucket = far;
    if (far >= exact)
      bucket = std::min(count - 1, exact + int64_t(std::log(float(far) / float(exact)) / range * float(count - exact)));
    result.push_back(int32_t(first + bucket));
  }
  return result;
}

}  // namespace cleave
