#include "tools/cli/text_table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace cleave::cli {
namespace {

constexpr size_t kLeastWidth = 40;  // of a last column that wraps

}  // namespace

std::string textTable(const std::vector<std::vector<std::string>> &rows, size_t wrapAt) {
  std::vector<size_t> widths;
  for (const auto &row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto &row : rows) {
    std::string line = " ";
    for (size_t i = 0; i + 1 < row.size(); ++i)
      absl::StrAppend(&line, " ", row[i], std::string(widths[i] - row[i].size() + 1, ' '));
    const size_t indent = line.size(), end = std::max(wrapAt, indent + kLeastWidth);
    for (absl::string_view word : absl::StrSplit(row.empty() ? "" : row.back(), ' ')) {
      if (wrapAt > 0 && line.size() + 1 + word.size() > end && line.size() > indent) {
        absl::StrAppend(&text, line, "\n");
        line = std::string(indent, ' ');
      }
      absl::StrAppend(&line, " ", word);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string sizeText(int64_t bytes) {
  if (bytes < 10'000) return absl::StrCat(bytes, " B");
  if (bytes < 10'000'000) return absl::StrFormat("%.1f kB", double(bytes) / 1e3);
  if (bytes < 10'000'000'000) return absl::StrFormat("%.1f MB", double(bytes) / 1e6);
  return absl::StrFormat("%.1f GB", double(bytes) / 1e9);
}

std::string millisecondsText(double seconds) { return absl::StrFormat("%.3f", seconds * 1e3); }

std::string patternOf(const std::string &name) {
  std::string pattern;
  for (char c : name)
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      pattern.push_back(c);
    } else if (pattern.empty() || pattern.back() != '*') {
      pattern.push_back('*');
    }
  return pattern;
}

}  // namespace cleave::cli
