#include "runtime/tokenizer/train_vocabulary.h"

#include <algorithm>
#include <map>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace cleave {
namespace {

// A chunk that the text has `count` times, as tokens.
struct Word {
  std::vector<Token> tokens;
  int64_t count;
};

struct Candidate {
  int64_t count;
  Merge pair;

  // The largest is taken first: more frequent, then smaller tokens.
  bool operator<(const Candidate &other) const { return std::tie(count, other.pair) < std::tie(other.count, pair); }
};

class Trainer {
 public:
  explicit Trainer(absl::string_view text) {
    std::map<std::string, int64_t> counts;  // ordered, so that words come in an order that follows from the text
    while (!text.empty()) {
      const size_t length = nextChunk(text);
      ++counts[std::string(text.substr(0, length))];
      text.remove_prefix(length);
    }
    for (const auto &[chunk, count] : counts) {
      Word word{{}, count};
      for (char c : chunk) word.tokens.push_back(static_cast<unsigned char>(c));
      words_.push_back(std::move(word));
    }
    for (size_t i = 0; i < words_.size(); ++i) addPairs(i, +1);
    for (const auto &[pair, occurrences] : pairs_) queue_.push({occurrences.count, pair});
  }

  // The most frequent pair, or a count below 2 where none is left.
  Candidate takeBest() {
    while (!queue_.empty()) {
      Candidate best = queue_.top();
      queue_.pop();
      const int64_t count = pairs_[best.pair].count;
      if (count == best.count) return best;
      if (count > 1 && count < best.count) queue_.push({count, best.pair});  // it was more when it was put there
    }
    return {0, {}};
  }

  void apply(Merge pair, Token merged) {
    std::vector<size_t> words = std::move(pairs_[pair].words);
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    changed_.clear();
    for (size_t index : words) {
      addPairs(index, -1);
      replace(words_[index].tokens, pair, merged);
      addPairs(index, +1);
    }
    pairs_.erase(pair);
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const Merge &other : changed_)
      if (auto found = pairs_.find(other); found != pairs_.end() && found->second.count > 1)
        queue_.push({found->second.count, other});
  }

 private:
  struct Occurrences {
    int64_t count = 0;
    std::vector<size_t> words;  // that have had the pair; may hold one several times, or one that has lost it
  };

  static void replace(std::vector<Token> &tokens, Merge pair, Token merged) {
    size_t kept = 0;
    for (size_t i = 0; i < tokens.size(); ++kept) {
      const bool isPair = i + 1 < tokens.size() && tokens[i] == pair.first && tokens[i + 1] == pair.second;
      tokens[kept] = isPair ? merged : tokens[i];
      i += isPair ? 2 : 1;
    }
    tokens.resize(kept);
  }

  void addPairs(size_t index, int64_t sign) {
    const Word &word = words_[index];
    for (size_t i = 0; i + 1 < word.tokens.size(); ++i) {
      const Merge pair{word.tokens[i], word.tokens[i + 1]};
      Occurrences &occurrences = pairs_[pair];
      occurrences.count += sign * word.count;
      if (sign > 0) {
        if (occurrences.words.empty() || occurrences.words.back() != index) occurrences.words.push_back(index);
        changed_.push_back(pair);
      }
    }
  }

  std::vector<Word> words_;
  std::map<Merge, Occurrences> pairs_;
  std::vector<Merge> changed_;  // by the merge under way
  std::priority_queue<Candidate> queue_;
};

}  // namespace

Vocabulary trainVocabulary(absl::string_view text, int64_t tokens, absl::FunctionRef<void(int64_t)> progress) {
  Trainer trainer(text);
  std::vector<Merge> merges;
  while (kByteTokens + int64_t(merges.size()) < tokens) {
    const Candidate best = trainer.takeBest();
    if (best.count < 2) break;
    trainer.apply(best.pair, kByteTokens + Token(merges.size()));
    merges.push_back(best.pair);
    progress(kByteTokens + int64_t(merges.size()));
  }
  return *Vocabulary::fromMerges(std::move(merges));
}

}  // namespace cleave
