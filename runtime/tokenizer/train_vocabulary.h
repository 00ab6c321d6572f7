// Learns a vocabulary from a text.

#ifndef CLEAVE_RUNTIME_TOKENIZER_TRAIN_VOCABULARY_H
#define CLEAVE_RUNTIME_TOKENIZER_TRAIN_VOCABULARY_H

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "runtime/tokenizer/vocabulary.h"

namespace cleave {

// Merges the most frequent pair of neighbours within chunks, over and over, until there are `tokens` tokens (at least
// 256) or no pair occurs twice. Of equally frequent pairs the one with the smaller tokens comes first, so the result
// follows from the text alone. `progress` is called with the number of tokens so far.
Vocabulary trainVocabulary(absl::string_view text, int64_t tokens, absl::FunctionRef<void(int64_t)> progress);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TOKENIZER_TRAIN_VOCABULARY_H
