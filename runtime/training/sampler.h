// Text from a trained causal model.

#ifndef CLEAVE_RUNTIME_TRAINING_SAMPLER_H
#define CLEAVE_RUNTIME_TRAINING_SAMPLER_H

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/session.h"
#include "runtime/tokenizer/vocabulary.h"

namespace cleave {

struct SampleOptions {
  std::string prompt;
  int64_t tokens = 100;
  double temperature = 1;  // 0: the likeliest token
  int64_t topK = 0;        // 0: all
  uint64_t seed = 0;
};

// Calls `write` with the bytes of each new token (which may be part of a character). The session's weights have been
// written. A context longer than the plan's sequence is cut at its beginning; the prompt itself must fit. An error of
// `write` ends it.
absl::Status sampleText(Session &session, const Vocabulary &vocabulary, const SampleOptions &options,
                        absl::FunctionRef<absl::Status(absl::string_view)> write);

// Draws from softmax(logits / temperature) over the `topK` largest (0: all) by `bits`, 64 random ones. Of equal logits
// the earlier counts as larger. Logits that are not finite are never drawn; -1 if none is.
int64_t chooseToken(absl::Span<const float> logits, double temperature, int64_t topK, uint64_t bits);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_SAMPLER_H
