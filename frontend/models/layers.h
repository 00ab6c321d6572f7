// What several families have in common.

#ifndef CLEAVE_FRONTEND_MODELS_LAYERS_H
#define CLEAVE_FRONTEND_MODELS_LAYERS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "frontend/builder.h"
#include "frontend/models/models.h"

namespace cleave {

// The standard deviation of initial weights that a config asks for: 0 means Transformers' default.
double initialDeviation(ConfigReader &reader, const char *name);

// A linear map whose weight [out, in] is drawn with that deviation.
LinearSpec linearOf(int64_t features, bool hasBias, double deviation);

// An activation by the name that configs use, see activation.h.
mlir::Value activate(ModelBuilder &model, absl::string_view name, absl::string_view activation, mlir::Value x);

// What every entry of a model of one token sequence takes. In training there is a mask; positions and segments are
// there where documents are packed, and null elsewhere.
struct TokenInputs {
  mlir::Value ids, mask, segments, positions;  // [batch, sequence] of int32
};
TokenInputs tokenInputs(ModelBuilder &model, const EntryOptions &entry);
// Files of a model whose data are tokens, a mask and labels of one vocabulary.
FamilyDescription describeFamily(const char *modelType, int64_t vocabulary, bool isCausal);

// `x` plus the rows of the words' table that token types stand for, where data have types: in training, an input of -1
// where they don't. Right after the words, so that a table split along its rows leaves one partial sum of both.
mlir::Value withTokenTypes(ModelBuilder &model, const EntryOptions &entry, mlir::Value table, mlir::Value x);
// That input as a data file has it.
DataInputDescription wordTypeDescription(int64_t vocabulary);

// Positions 0, 1, ... of each example, where documents don't say otherwise. [batch, sequence] of int32
mlir::Value tokenPositions(ModelBuilder &model, const EntryOptions &entry, const TokenInputs &tokens);

// The rows of a table of positions that the tokens have. [batch, sequence, features]
mlir::Value positionEmbedding(ModelBuilder &model, absl::string_view name, mlir::Value table, const EntryOptions &entry,
                              const TokenInputs &tokens);

// Attention of the tokens to each other, or to those before them, that padding and other documents hide from.
AttentionSpec attentionAmong(const TokenInputs &tokens, bool isCausal, double scale, double dropoutRate);

// q, k and v [batch, sequence, heads * features] by heads through attention, and back to one row a token. `spec` says
// all that isn't set here. Where there is a norm, queries and keys are normed, each head for itself; where positions
// aren't null, queries and keys turn by them.
struct HeadsSpec {
  int64_t heads, keyHeads;
  mlir::Value positions;
  RotarySpec rotary;
  std::optional<NormSpec> norm;
};
mlir::Value attendByHeads(ModelBuilder &model, mlir::Value q, mlir::Value k, mlir::Value v, const HeadsSpec &heads,
                          AttentionSpec spec);

// T5's relative positions: for each distance from -(sequence - 1) to sequence - 1 of a key behind a query, the row of
// the table of biases. Both directions share the table's `buckets` rows, or keys behind the query all have row 0.
std::vector<int32_t> relativeBuckets(int64_t sequence, bool bothDirections, int64_t buckets, int64_t maxDistance);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MODELS_LAYERS_H
