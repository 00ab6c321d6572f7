#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/data/row_source.h"
#include "runtime/files/mapped_file.h"

namespace cleave {
namespace {

class TokenFile final : public RowSource {
 public:
  TokenFile(MappedFile file, int tokenBytes, int64_t seq, int64_t rows)
      : file_(std::move(file)), tokenBytes_(tokenBytes), seq_(seq), rows_(rows) {}

  int64_t rows() const final { return rows_; }
  std::vector<std::string> columns() const final { return {"input_ids", "labels"}; }
  bool has(const std::string &column) const final { return column == "input_ids" || column == "labels"; }
  int64_t width(const std::string &) const final { return seq_; }

  absl::Status readIntegers(const std::string &column, int64_t row, absl::Span<int64_t> out) const final {
    const auto *bytes =
        reinterpret_cast<const unsigned char *>(file_.bytes().data()) + firstToken(column, row) * tokenBytes_;
    for (int64_t &token : out) {
      token = bytes[0] | bytes[1] << 8;
      if (tokenBytes_ == 4) token |= int64_t(bytes[2]) << 16 | int64_t(bytes[3]) << 24;
      bytes += tokenBytes_;
    }
    return absl::OkStatus();
  }

  absl::Status readFloats(const std::string &column, int64_t, absl::Span<float>) const final {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", file_.path(), "\": requires floats for \"", column, "\", got tokens"));
  }

  std::string where(const std::string &column, int64_t row, int64_t index) const final {
    return absl::StrCat("\"", file_.path(), "\" at token ", firstToken(column, row) + index);
  }

  void release() const final { file_.release(); }

 private:
  int64_t firstToken(const std::string &column, int64_t row) const { return row * seq_ + (column == "labels" ? 1 : 0); }

  MappedFile file_;
  int tokenBytes_;
  int64_t seq_, rows_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> openTokenFile(const std::string &path, int tokenBytes, int64_t seq) {
  if (seq < 1) return absl::InvalidArgumentError(absl::StrCat("requires a sequence of at least 1 token, got ", seq));
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const int64_t bytes = int64_t(file->bytes().size()), tokens = bytes / tokenBytes;
  if (bytes % tokenBytes != 0)
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": requires a multiple of ", tokenBytes,
                                                   " bytes a token, got ", bytes, " bytes (token ", tokens,
                                                   " is cut off)"));
  if (tokens - 1 < seq)
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": requires at least ", seq + 1,
                                                   " tokens for one row of ", seq, ", got ", tokens,
                                                   " (the file ends at byte ", bytes, ")"));
  const int64_t rows = (tokens - 1) / seq;
  return std::unique_ptr<RowSource>(new TokenFile(*std::move(file), tokenBytes, seq, rows));
}

}  // namespace cleave
