#include "frontend/mlir_text.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

constexpr size_t kMaxDepth = 64;
constexpr int kMaxAliasDepth = 32;
constexpr size_t kMaxDigits = 64;
constexpr int kMaxRank = 16;
constexpr int64_t kMaxElements = int64_t{1} << 46;

bool isWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.';
}
bool isDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Walks over the text once, token by token.
class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  absl::Status run() {
    while (at_ < text_.size() && status_.ok()) step();
    if (status_.ok() && !open_.empty())
      refuse("brackets that match", absl::StrCat("an open ", std::string(1, open_.back())));
    return status_;
  }

 private:
  bool startsWith(absl::string_view token) const { return absl::StartsWith(text_.substr(at_), token); }

  void refuse(absl::string_view rule, absl::string_view seen) {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + std::min(at_, text_.size()), '\n');
    if (status_.ok())
      status_ = absl::InvalidArgumentError(absl::StrCat("line ", line, ": requires ", rule, ", got ", seen));
  }

  void step() {
    const char c = text_[at_];
    if (startsWith("//")) return skipComment();
    if (startsWith("{-#")) return refuse("a module without resources", "{-#");
    if (startsWith("->")) return void(at_ += 2);
    if (c == '"') return skipString();
    if (c == '(' || c == '[' || c == '{' || c == '<') return open(c);
    if (c == ')' || c == ']' || c == '}' || c == '>') return close(c);
    if (c == '#' || c == '!') return alias();
    if (c == '%' || c == '@' || c == '^') {
      ++at_;
      return skipWord();
    }
    if (isDigit(c)) return number();
    if (isWordCharacter(c)) return word();
    if (c == '\0') return refuse("text", "a zero byte");
    ++at_;
  }

  void skipComment() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }

  void skipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '"') return void(++at_);
      if (text_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_, text_.size());
    refuse("strings that end on their line", "one that doesn't");
  }

  void skipWord() {
    while (at_ < text_.size() && isWordCharacter(text_[at_])) ++at_;
  }

  void word() {
    const size_t begin = at_;
    skipWord();
    const absl::string_view word = text_.substr(begin, at_ - begin);
    if (word == "affine_map" || word == "affine_set") refuse("a module without affine maps", word);
  }

  void number() {
    const size_t begin = at_;
    if (startsWith("0x")) at_ += 2;
    while (at_ < text_.size() && absl::ascii_isxdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
    if (at_ - begin > kMaxDigits)
      refuse(absl::StrCat("numbers of at most ", kMaxDigits, " digits"), absl::StrCat(at_ - begin));
  }

  void open(char c) {
    if (open_.size() >= kMaxDepth) return refuse(absl::StrCat("at most ", kMaxDepth, " levels of brackets"), "more");
    open_.push_back(c);
    ++at_;
    if (c == '<') dimensions();
  }

  void close(char c) {
    const char opening = c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : '<';
    if (open_.empty() || open_.back() != opening) return refuse("brackets that match", std::string(1, c));
    open_.pop_back();
    ++at_;
  }

  // "4x8xf32", behind "<".
  void dimensions() {
    int64_t elements = 1;
    int rank = 0;
    while (at_ < text_.size() &&
           (isDigit(text_[at_]) || text_[at_] == '?' || text_[at_] == ' ' || text_[at_] == '\n')) {
      if (!isDigit(text_[at_])) {
        at_ += text_[at_] == '?' && at_ + 1 < text_.size() && text_[at_ + 1] == 'x' ? 2 : 1;
        continue;
      }
      int64_t size = 0;
      const size_t begin = at_;
      for (; at_ < text_.size() && isDigit(text_[at_]); ++at_)
        size = std::min(kMaxElements + 1, size * 10 + (text_[at_] - '0'));
      if (at_ - begin > kMaxDigits)
        return refuse(absl::StrCat("numbers of at most ", kMaxDigits, " digits"), absl::StrCat(at_ - begin));
      if (at_ >= text_.size() || text_[at_] != 'x') return;
      ++at_;
      if (++rank > kMaxRank) return refuse(absl::StrCat("at most ", kMaxRank, " dimensions"), "more");
      if (size > kMaxElements / std::max<int64_t>(1, elements)) return refuse("types of at most 2^46 elements", "more");
      elements *= size;
    }
  }

  // "#name = ..." outside of brackets defines an alias; elsewhere "#name" refers to it.
  void alias() {
    const size_t begin = at_++;
    skipWord();
    const std::string name(text_.substr(begin, at_ - begin));
    size_t next = at_;
    while (next < text_.size() &&
           (text_[next] == ' ' || text_[next] == '\t' || text_[next] == '\n' || text_[next] == '\r'))
      ++next;
    if (open_.empty() && next < text_.size() && text_[next] == '=') {
      current_ = name;
      aliasDepth_[name] = 1;
      return;
    }
    auto known = aliasDepth_.find(name);
    if (current_.empty() || known == aliasDepth_.end() || name == current_) return;
    int &depth = aliasDepth_[current_];
    depth = std::max(depth, known->second + 1);
    if (depth > kMaxAliasDepth)
      refuse(absl::StrCat("aliases that refer to each other at most ", kMaxAliasDepth, " deep"), "more");
  }

  absl::string_view text_;
  size_t at_ = 0;
  std::vector<char> open_;
  // What stands behind an alias up to the next one counts as its own: that is never too little.
  std::string current_;
  std::map<std::string, int> aliasDepth_;
  absl::Status status_;
};

}  // namespace

absl::Status checkMlirText(absl::string_view text) {
  if (text.size() > kMaxMlirBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("requires a text of at most ", kMaxMlirBytes, " bytes, got ", text.size()));
  return Scanner(text).run();
}

}  // namespace cleave
