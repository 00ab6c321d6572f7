// Tokens of text: bytes, and pairs of tokens that often stand together (byte pair encoding).
//
// Tokens 0 to 255 are the bytes; token 256 + i is the i-th merge of two earlier ones. A text is cut into chunks (see
// nextChunk) and tokens never reach over a cut. The file of a vocabulary is JSON:
//
//   {"format": "cleave-bpe-1", "tokens": 258, "merges": [[116, 104], [256, 101]]}
//
// says that token 256 is "th" and token 257 is "the".

#ifndef CLEAVE_RUNTIME_TOKENIZER_VOCABULARY_H
#define CLEAVE_RUNTIME_TOKENIZER_VOCABULARY_H

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

using Token = int32_t;
using Merge = std::pair<Token, Token>;

inline constexpr Token kByteTokens = 256;
inline constexpr size_t kMaxChunkBytes = 64;
inline constexpr int64_t kMaxVocabulary = int64_t{1} << 24;

// The length of the first chunk of `text`, which is not empty: up to 64 bytes of one kind (letters and bytes from 128
// on; digits; blanks; all else), with one space before it if there is one; blanks leave their last space to what
// follows.
size_t nextChunk(absl::string_view text);

// Immutable; threads may use it at once.
class Vocabulary {
 public:
  Vocabulary() : Vocabulary(std::vector<Merge>{}, std::vector<std::string>{}) {}  // the bytes alone

  // InvalidArgument where a merge refers to a token that is not before it, is there twice or makes more than 64 bytes.
  static absl::StatusOr<Vocabulary> fromMerges(std::vector<Merge> merges);
  static absl::StatusOr<Vocabulary> load(const std::string &path);
  absl::Status save(const std::string &path) const;

  int64_t size() const { return kByteTokens + int64_t(merges_.size()); }
  const std::vector<Merge> &merges() const { return merges_; }

  // The bytes of a token in [0, size()).
  const std::string &bytesOf(Token token) const { return bytes_[size_t(token)]; }

  // Appends the tokens of one chunk: of all merges that apply, the earliest first, from left to right.
  void encodeChunk(absl::string_view chunk, std::vector<Token> &out) const;

 private:
  Vocabulary(std::vector<Merge> merges, std::vector<std::string> bytes);

  std::vector<Merge> merges_;
  std::vector<std::string> bytes_;                   // by token
  std::unordered_map<uint64_t, Token> tokenOfPair_;  // by both tokens: first << 32 | second
};

// Encodes text piece by piece. Remembers chunks that it has seen; not thread safe. `vocabulary` must outlive it.
class Encoder {
 public:
  explicit Encoder(const Vocabulary &vocabulary) : vocabulary_(vocabulary) {}

  // Appends the tokens of the whole text. A long text may be given in pieces that end where a chunk ends.
  void encode(absl::string_view text, std::vector<Token> &out);

 private:
  const Vocabulary &vocabulary_;
  std::unordered_map<std::string, std::vector<Token>> seen_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TOKENIZER_VOCABULARY_H
