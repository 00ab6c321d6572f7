#include "runtime/tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/files/strict_json.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr char kFormat[] = "cleave-bpe-1";
constexpr int kDepth = 3;
constexpr size_t kMaxSeenChunks = 1 << 18;

enum class Kind { kLetter, kDigit, kBlank, kOther };

Kind kindOf(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 128 || absl::ascii_isalpha(byte)) return Kind::kLetter;
  if (absl::ascii_isdigit(byte)) return Kind::kDigit;
  return absl::ascii_isspace(byte) ? Kind::kBlank : Kind::kOther;
}

uint64_t keyOf(Merge pair) { return uint64_t(uint32_t(pair.first)) << 32 | uint32_t(pair.second); }

absl::StatusOr<std::vector<Merge>> parseMerges(const json &value) {
  if (!value.is_object() || !value.contains("format") || value["format"] != kFormat)
    return absl::InvalidArgumentError(
        absl::StrCat("requires an object of format \"", kFormat, "\", got ",
                     value.is_object() && value.contains("format") ? value["format"].dump() : "none"));
  if (!value.contains("merges") || !value["merges"].is_array())
    return absl::InvalidArgumentError("requires a list \"merges\", got none");
  const json &list = value["merges"];
  if (list.size() > size_t(kMaxVocabulary))
    return absl::InvalidArgumentError(absl::StrCat("requires at most ", kMaxVocabulary, " merges, got ", list.size()));
  if (!value.contains("tokens") || value["tokens"] != int64_t(kByteTokens) + int64_t(list.size()))
    return absl::InvalidArgumentError(absl::StrCat("requires ", kByteTokens + list.size(), " \"tokens\" with ",
                                                   list.size(), " merges, got ",
                                                   value.contains("tokens") ? value["tokens"].dump() : "none"));
  std::vector<Merge> merges;
  for (const json &pair : list) {
    const bool isPair =
        pair.is_array() && pair.size() == 2 && pair[0].is_number_unsigned() && pair[1].is_number_unsigned();
    if (!isPair || pair[0].get<uint64_t>() > uint64_t(kMaxVocabulary) ||
        pair[1].get<uint64_t>() > uint64_t(kMaxVocabulary))
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", merges.size(), ": requires two tokens, got ", pair.dump()));
    merges.emplace_back(pair[0].get<Token>(), pair[1].get<Token>());
  }
  return merges;
}

}  // namespace

size_t nextChunk(absl::string_view text) {
  const bool hasSpace = text[0] == ' ' && text.size() > 1 && kindOf(text[1]) != Kind::kBlank;
  const size_t first = hasSpace ? 1 : 0;
  const Kind kind = kindOf(text[first]);
  size_t end = first;
  while (end < text.size() && end < kMaxChunkBytes && kindOf(text[end]) == kind) ++end;
  // A space before a word belongs to the word.
  if (kind == Kind::kBlank && end > 1 && end < text.size() && text[end - 1] == ' ' && kindOf(text[end]) != Kind::kBlank)
    --end;
  return end;
}

Vocabulary::Vocabulary(std::vector<Merge> merges, std::vector<std::string> bytes)
    : merges_(std::move(merges)), bytes_(std::move(bytes)) {
  if (bytes_.empty())
    for (int byte = 0; byte < kByteTokens; ++byte) bytes_.emplace_back(1, char(byte));
  for (size_t i = 0; i < merges_.size(); ++i) tokenOfPair_.emplace(keyOf(merges_[i]), kByteTokens + Token(i));
}

absl::StatusOr<Vocabulary> Vocabulary::fromMerges(std::vector<Merge> merges) {
  std::vector<std::string> bytes = Vocabulary().bytes_;
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto [first, second] = merges[i];
    for (Token token : {first, second})
      if (token < 0 || size_t(token) >= bytes.size())
        return absl::InvalidArgumentError(
            absl::StrCat("merge ", i, ": requires tokens below ", bytes.size(), ", got ", token));
    if (bytes[size_t(first)].size() + bytes[size_t(second)].size() > kMaxChunkBytes)
      return absl::InvalidArgumentError(absl::StrCat("merge ", i, ": requires a token of at most ", kMaxChunkBytes,
                                                     " bytes, got ",
                                                     bytes[size_t(first)].size() + bytes[size_t(second)].size()));
    bytes.push_back(bytes[size_t(first)] + bytes[size_t(second)]);
  }
  const size_t count = merges.size();
  Vocabulary vocabulary(std::move(merges), std::move(bytes));
  if (vocabulary.tokenOfPair_.size() != count)
    return absl::InvalidArgumentError(
        absl::StrCat("requires merges that differ, got ", count - vocabulary.tokenOfPair_.size(), " repeated"));
  return vocabulary;
}

absl::StatusOr<Vocabulary> Vocabulary::load(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto within = [&](const absl::Status &status) {
    return absl::InvalidArgumentError(absl::StrCat("vocabulary \"", path, "\": ", status.message()));
  };
  auto value = parseStrictJson(file->bytes(), kDepth);
  if (!value.ok()) return within(value.status());
  auto merges = parseMerges(*value);
  if (!merges.ok()) return within(merges.status());
  auto vocabulary = fromMerges(*std::move(merges));
  if (!vocabulary.ok()) return within(vocabulary.status());
  return vocabulary;
}

absl::Status Vocabulary::save(const std::string &path) const {
  nlohmann::ordered_json value;
  value["format"] = kFormat;
  value["tokens"] = size();
  value["merges"] = merges_;
  return writeFile(path, value.dump() + "\n");
}

void Vocabulary::encodeChunk(absl::string_view chunk, std::vector<Token> &out) const {
  const size_t begin = out.size();
  for (char c : chunk) out.push_back(static_cast<unsigned char>(c));
  while (true) {
    Token earliest = std::numeric_limits<Token>::max();
    for (size_t i = begin; i + 1 < out.size(); ++i)
      if (auto found = tokenOfPair_.find(keyOf({out[i], out[i + 1]})); found != tokenOfPair_.end())
        earliest = std::min(earliest, found->second);
    if (earliest == std::numeric_limits<Token>::max()) return;
    const Merge pair = merges_[size_t(earliest - kByteTokens)];
    size_t kept = begin;
    for (size_t i = begin; i < out.size(); ++kept) {
      const bool isPair = i + 1 < out.size() && out[i] == pair.first && out[i + 1] == pair.second;
      out[kept] = isPair ? earliest : out[i];
      i += isPair ? 2 : 1;
    }
    out.resize(kept);
  }
}

void Encoder::encode(absl::string_view text, std::vector<Token> &out) {
  while (!text.empty()) {
    const absl::string_view chunk = text.substr(0, nextChunk(text));
    text.remove_prefix(chunk.size());
    if (seen_.size() >= kMaxSeenChunks) seen_.clear();
    auto [entry, isNew] = seen_.try_emplace(std::string(chunk));
    if (isNew) vocabulary_.encodeChunk(chunk, entry->second);
    out.insert(out.end(), entry->second.begin(), entry->second.end());
  }
}

}  // namespace cleave
