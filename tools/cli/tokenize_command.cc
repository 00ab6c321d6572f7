#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/tokenizer/train_vocabulary.h"
#include "runtime/tokenizer/vocabulary.h"
#include "tools/cli/run_commands.h"

namespace cleave::cli {
namespace {

constexpr size_t kTextPiece = size_t{1} << 20;

// How far a long step has come, in whole percents: overwritten on a terminal, else a line for each quarter.
class Percents {
 public:
  Percents(const char *what, int64_t all) : what_(what), all_(all), isTerminal_(::isatty(2) == 1) {}
  ~Percents() {
    if (isTerminal_ && last_ >= 0) std::fputc('\n', stderr);
  }

  void reached(int64_t done) {
    const int percent = all_ > 0 ? int(double(done) * 100.0 / double(all_)) : 100;
    if (percent == last_ || (!isTerminal_ && percent / 25 == last_ / 25 && last_ >= 0)) return;
    last_ = percent;
    std::fprintf(stderr, isTerminal_ ? "\r%s: %d %%" : "%s: %d %%\n", what_, percent);
  }

 private:
  const char *what_;
  int64_t all_;
  bool isTerminal_;
  int last_ = -1;
};

absl::StatusOr<Vocabulary> vocabularyFor(const ParsedFlags &flags, absl::string_view text) {
  if (flags.has("--vocab-in")) return Vocabulary::load(flags.text("--vocab-in"));
  if (flags.text("--vocab") == "bytes") return Vocabulary();
  const int64_t tokens = flags.integer("--vocab");
  Percents percents("learning the vocabulary", tokens - kByteTokens);
  Vocabulary vocabulary = trainVocabulary(text, tokens, [&](int64_t done) { percents.reached(done - kByteTokens); });
  if (vocabulary.size() < tokens)
    std::fprintf(stderr, "warning: no pair is left that occurs twice: the vocabulary has %lld tokens instead of %lld\n",
                 static_cast<long long>(vocabulary.size()), static_cast<long long>(tokens));
  return vocabulary;
}

// A piece of at least kTextPiece bytes, or all that is left. It ends where a chunk ends, so that no token is cut.
size_t pieceLength(absl::string_view text) {
  if (text.size() <= kTextPiece) return text.size();
  size_t length = 0;
  while (length < kTextPiece) length += nextChunk(text.substr(length));
  return length;
}

absl::StatusOr<int64_t> encodeFile(const MappedFile &file, const Vocabulary &vocabulary, int64_t tokenBytes,
                                   NewFile &out) {
  Percents percents("writing tokens", int64_t(file.bytes().size()));
  Encoder encoder(vocabulary);
  int64_t count = 0;
  absl::string_view text = file.bytes();
  while (!text.empty()) {
    const size_t length = pieceLength(text);
    std::vector<Token> tokens;
    encoder.encode(text.substr(0, length), tokens);
    text.remove_prefix(length);
    std::string bytes;
    bytes.reserve(tokens.size() * size_t(tokenBytes));
    for (Token token : tokens)
      for (int64_t i = 0; i < tokenBytes; ++i) bytes.push_back(char(uint32_t(token) >> (8 * i)));
    if (auto status = out.append(bytes); !status.ok()) return status;
    count += int64_t(tokens.size());
    percents.reached(int64_t(file.bytes().size() - text.size()));
    file.release();
  }
  return count;
}

}  // namespace

absl::StatusOr<ExitCode> runTokenize(const ParsedFlags &flags) {
  if (flags.has("--vocab-out"))  // learning takes a while
    if (auto status = checkCanWrite(flags.text("--vocab-out")); !status.ok()) return status;
  auto file = MappedFile::open(flags.positional(0));
  if (!file.ok()) return file.status();
  if (file->bytes().empty())
    return absl::InvalidArgumentError(absl::StrCat("\"", file->path(), "\": requires text, got an empty file"));
  auto vocabulary = vocabularyFor(flags, file->bytes());
  if (!vocabulary.ok()) return vocabulary.status();
  const int64_t tokenBytes = flags.integer("--token-bytes");
  if (tokenBytes == 2 && vocabulary->size() > 65536)
    return absl::InvalidArgumentError(
        absl::StrCat("--token-bytes: requires 4 for a vocabulary of ", vocabulary->size(), " tokens, got 2"));
  auto out = NewFile::create(flags.text("-o"));
  if (!out.ok()) return out.status();
  auto count = encodeFile(*file, *vocabulary, tokenBytes, *out);
  if (!count.ok()) return count.status();
  if (flags.has("--vocab-out"))
    if (auto status = vocabulary->save(flags.text("--vocab-out")); !status.ok()) return status;
  if (auto status = out->commit(); !status.ok()) return status;
  std::fprintf(stderr, "%zu bytes of text are %lld tokens of a vocabulary of %lld\n", file->bytes().size(),
               static_cast<long long>(*count), static_cast<long long>(vocabulary->size()));
  return kDone;
}

}  // namespace cleave::cli
