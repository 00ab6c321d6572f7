#include "frontend/text_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace cleave {

absl::StatusOr<std::string> readTextFile(const std::string &path, size_t mostBytes) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  constexpr size_t kPiece = 1 << 16;
  while (stream && text.size() <= mostBytes) {
    const size_t before = text.size();
    text.resize(before + std::min(kPiece, mostBytes + 1 - before));
    stream.read(&text[before], std::streamsize(text.size() - before));
    text.resize(before + size_t(stream.gcount()));
  }
  if (!stream.eof() && !stream)
    return absl::NotFoundError(
        absl::StrCat("\"", path, "\": requires a file that can be read, got: ", std::strerror(errno)));
  if (text.size() > mostBytes)
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": requires at most ", mostBytes, " bytes, got more"));
  return text;
}

}  // namespace cleave
