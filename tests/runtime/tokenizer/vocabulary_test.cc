#include "runtime/tokenizer/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "runtime/tokenizer/train_vocabulary.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using ::testing::HasSubstr;
using testing::TemporaryFolder;

std::vector<std::string> chunksOf(std::string text) {
  std::vector<std::string> chunks;
  while (!text.empty()) {
    chunks.push_back(text.substr(0, nextChunk(text)));
    text.erase(0, chunks.back().size());
  }
  return chunks;
}

std::vector<Token> encode(const Vocabulary &vocabulary, const std::string &text) {
  std::vector<Token> tokens;
  Encoder(vocabulary).encode(text, tokens);
  return tokens;
}

std::string decode(const Vocabulary &vocabulary, const std::vector<Token> &tokens) {
  std::string text;
  for (Token token : tokens) text += vocabulary.bytesOf(token);
  return text;
}

std::string sampleText() {
  std::string text;
  const char *words[] = {"the", " heaven", " and", " the", " earth", "\n", " 42", ",", " \xC3\xA9t\xC3\xA9",
                         "  ",  "!?"};
  uint32_t state = 7;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525 + 1013904223;
    text += words[(state >> 16) % 11];
  }
  return text;
}

TEST(Chunks, AreRunsOfOneKindWithTheSpaceBeforeThem) {
  EXPECT_EQ(chunksOf("In the  year 1611, x"),
            (std::vector<std::string>{"In", " the", " ", " year", " 1611", ",", " x"}));
  EXPECT_EQ(chunksOf("a\n b"), (std::vector<std::string>{"a", "\n", " b"}));
  EXPECT_EQ(chunksOf("   "), (std::vector<std::string>{"   "}));
  EXPECT_EQ(chunksOf(" "), (std::vector<std::string>{" "}));
}

TEST(Chunks, AreNeverLongerThanTheirLimit) {
  for (const std::string &text : {std::string(1000, 'x'), std::string(1000, ' '), " " + std::string(1000, '1')}) {
    std::string joined;
    for (const std::string &chunk : chunksOf(text)) {
      EXPECT_LE(chunk.size(), kMaxChunkBytes);
      EXPECT_GE(chunk.size(), 1u);
      joined += chunk;
    }
    EXPECT_EQ(joined, text);
  }
}

TEST(Bytes, AreTheirOwnTokens) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(char(byte));
  const Vocabulary bytes;
  const std::vector<Token> tokens = encode(bytes, all);
  ASSERT_EQ(tokens.size(), 256u);
  for (int byte = 0; byte < 256; ++byte) EXPECT_EQ(tokens[size_t(byte)], byte);
  EXPECT_EQ(decode(bytes, tokens), all);
}

TEST(TrainedVocabulary, MergesTheMostFrequentPairFirstAndSmallerTokensOnATie) {
  // "ab" three times; then "ab"+"c" and "d"+"e" twice each: "de" has the smaller tokens.
  const Vocabulary vocabulary = trainVocabulary("abc\nabc\nab\nde\nde\n", 259, [](int64_t) {});
  ASSERT_EQ(vocabulary.size(), 259);
  EXPECT_EQ(vocabulary.bytesOf(256), "ab");
  EXPECT_EQ(vocabulary.bytesOf(257), "de");
  EXPECT_EQ(vocabulary.bytesOf(258), "abc");
}

TEST(TrainedVocabulary, StopsWhereNoPairOccursTwice) {
  EXPECT_EQ(trainVocabulary("abcdefg", 1000, [](int64_t) {}).size(), 256);
}

TEST(TrainedVocabulary, EncodesTextSoThatItDecodesToTheSame) {
  const std::string text = sampleText();
  for (int64_t size : {256, 260, 300, 512}) {
    const Vocabulary vocabulary = trainVocabulary(text, size, [](int64_t) {});
    const std::vector<Token> tokens = encode(vocabulary, text);
    EXPECT_EQ(decode(vocabulary, tokens), text) << size;
    for (Token token : tokens) ASSERT_LT(token, vocabulary.size());
    EXPECT_EQ(tokens.size() < text.size(), size > 256) << size;
  }
}

// The definition itself, without counts that are kept up to date: counts all pairs anew before each merge.
std::vector<Merge> naiveMerges(const std::string &text, size_t count) {
  std::vector<std::vector<Token>> words;
  for (const std::string &chunk : chunksOf(text)) {
    words.emplace_back();
    for (char c : chunk) words.back().push_back(static_cast<unsigned char>(c));
  }
  std::vector<Merge> merges;
  while (merges.size() < count) {
    std::map<Merge, int64_t> counts;
    for (const auto &word : words)
      for (size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    std::pair<Merge, int64_t> best{{}, 1};
    for (const auto &entry : counts)
      if (entry.second > best.second) best = entry;
    if (best.second < 2) break;
    const Token merged = kByteTokens + Token(merges.size());
    merges.push_back(best.first);
    for (auto &word : words) {
      std::vector<Token> joined;
      for (size_t i = 0; i < word.size(); ++i) {
        const bool isPair = i + 1 < word.size() && Merge{word[i], word[i + 1]} == best.first;
        joined.push_back(isPair ? merged : word[i]);
        i += isPair;
      }
      word = joined;
    }
  }
  return merges;
}

TEST(TrainedVocabulary, EqualsCountingAllPairsAnewBeforeEachMerge) {
  for (const std::string &text :
       {sampleText(), std::string("aaaaaaa aaaaa aaa aa aaaaaaaaaaaa"), std::string("abababab babababa aabbaabb")})
    EXPECT_EQ(trainVocabulary(text, 256 + 60, [](int64_t) {}).merges(), naiveMerges(text, 60));
}

TEST(VocabularyFile, ReadsBackAsTheSameVocabulary) {
  TemporaryFolder folder;
  const Vocabulary vocabulary = trainVocabulary(sampleText(), 300, [](int64_t) {});
  ASSERT_TRUE(vocabulary.save(folder / "v.json").ok());
  auto loaded = Vocabulary::load(folder / "v.json");
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->merges(), vocabulary.merges());
}

TEST(VocabularyFile, IsRefusedWithTheReasonWhereItIsWrong) {
  const std::pair<const char *, const char *> cases[] = {
      {"", "requires JSON"},
      {"[]", "requires an object of format \"cleave-bpe-1\""},
      {R"({"format":"other"})", "requires an object of format \"cleave-bpe-1\", got \"other\""},
      {R"({"format":"cleave-bpe-1","tokens":256})", "requires a list \"merges\""},
      {R"({"format":"cleave-bpe-1","tokens":300,"merges":[[1,2]]})", "requires 257 \"tokens\" with 1 merges, got 300"},
      {R"({"format":"cleave-bpe-1","tokens":257,"merges":[[1]]})", "merge 0: requires two tokens, got [1]"},
      {R"({"format":"cleave-bpe-1","tokens":257,"merges":[[1,-2]]})", "merge 0: requires two tokens, got [1,-2]"},
      {R"({"format":"cleave-bpe-1","tokens":257,"merges":[[1,99999999999]]})", "merge 0: requires two tokens"},
      {R"({"format":"cleave-bpe-1","tokens":257,"merges":[[1,256]]})", "merge 0: requires tokens below 256, got 256"},
      {R"({"format":"cleave-bpe-1","tokens":258,"merges":[[1,2],[1,2]]})",
       "requires merges that differ, got 1 repeated"},
      {R"({"format":"cleave-bpe-1","tokens":257,"merges":[[[[1]],2]]})", "requires at most 3 levels of nesting"},
  };
  TemporaryFolder folder;
  for (const auto &[text, message] : cases)
    EXPECT_THAT(std::string(Vocabulary::load(folder.write("v.json", text)).status().message()), HasSubstr(message))
        << text;
  EXPECT_THAT(std::string(Vocabulary::load(folder / "none.json").status().message()), HasSubstr("No such file"));
}

TEST(VocabularyFile, CannotMakeTokensOfAnyLength) {
  // Each merge doubles the one before: token 262 would have 128 bytes.
  std::vector<Merge> merges = {{97, 97}};
  for (Token token = 256; token < 280; ++token) merges.emplace_back(token, token);
  EXPECT_THAT(std::string(Vocabulary::fromMerges(merges).status().message()),
              HasSubstr("requires a token of at most 64 bytes, got 128"));
}

}  // namespace
}  // namespace cleave
