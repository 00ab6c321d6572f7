// Text from a trained model: of a causal one behind a prompt, of one with an encoder in answer to it.

#ifndef CLEAVE_RUNTIME_TRAINING_SAMPLER_H
#define CLEAVE_RUNTIME_TRAINING_SAMPLER_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/session.h"
#include "runtime/tokenizer/vocabulary.h"

namespace cleave {

// How a token is drawn: from softmax(logits / temperature), over the `topK` likeliest, over the fewest of these that
// have a probability of at least `topP` together.
struct ChoiceOptions {
  double temperature = 1;  // 0: the likeliest token
  int64_t topK = 0;        // 0: all
  double topP = 1;         // 1: all
};

// Draws by `bits`, 64 random ones. Of equal logits the earlier counts as larger. Logits that are not finite are never
// drawn; -1 if none is.
int64_t chooseToken(absl::Span<const float> logits, const ChoiceOptions &choice, uint64_t bits);

struct GenerateOptions {
  int64_t tokens = 100;  // at most
  ChoiceOptions choice;
  uint64_t seed = 0;
  std::vector<Token> stops;  // end the text, and are no part of it
  int64_t vocabulary = 0;    // tokens from there on are not drawn; 0: of the model's all are
};

// Calls `take` with each new token; false ends the text, and so does an error of `take`. Entry "logits" runs once a
// token, on all tokens so far: positions behind them hold any tokens, which none before them sees. The session's
// weights have been written.
//
// A causal model goes on behind the prompt; a context longer than the plan's sequence is cut at its beginning, while
// the prompt itself must fit. A model with an encoder reads the prompt there, and writes at most as many tokens as the
// plan's target sequence has.
absl::Status generateTokens(Session &session, absl::Span<const Token> prompt, const GenerateOptions &options,
                            absl::FunctionRef<absl::StatusOr<bool>(Token)> take);

// The same of text: calls `write` with the bytes of each new token (which may be part of a character). The vocabulary
// says which tokens there are.
absl::Status sampleText(Session &session, const Vocabulary &vocabulary, absl::string_view prompt,
                        GenerateOptions options, absl::FunctionRef<absl::Status(absl::string_view)> write);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_SAMPLER_H
