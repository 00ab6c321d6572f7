#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/data/row_source.h"
#include "runtime/weights/safetensors.h"

namespace cleave {
namespace {

template <typename Stored>
void convertRow(absl::string_view bytes, absl::Span<int64_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    out[i] = int64_t(stored);
  }
}

class ExampleFile final : public RowSource {
 public:
  ExampleFile(SafetensorsFile file, int64_t rows) : file_(std::move(file)), rows_(rows) {}

  int64_t rows() const final { return rows_; }

  std::vector<std::string> columns() const final {
    std::vector<std::string> names;
    for (const auto &[name, unused] : file_.tensors()) names.push_back(name);
    return names;
  }

  bool has(const std::string &column) const final { return file_.tensors().count(column) != 0; }
  int64_t width(const std::string &column) const final { return file_.tensors().at(column).elements() / rows_; }

  absl::Status readIntegers(const std::string &column, int64_t row, absl::Span<int64_t> out) const final {
    const StoredValue &value = file_.tensors().at(column);
    const absl::string_view bytes = value.bytes.substr(size_t(row) * out.size() * size_t(bytesOfStored(value.dtype)));
    if (value.dtype == "I32") {
      convertRow<int32_t>(bytes, out);
    } else if (value.dtype == "I64") {
      convertRow<int64_t>(bytes, out);
    } else if (value.dtype == "BOOL" || value.dtype == "U8") {
      convertRow<uint8_t>(bytes, out);
    } else {
      return wrongKind(column, "I32, I64, U8 or BOOL", value.dtype);
    }
    return absl::OkStatus();
  }

  absl::Status readFloats(const std::string &column, int64_t row, absl::Span<float> out) const final {
    const StoredValue &value = file_.tensors().at(column);
    if (!readAsFloat(value, row * int64_t(out.size()), out).ok())
      return wrongKind(column, "F32, F64, F16 or BF16", value.dtype);
    return absl::OkStatus();
  }

  std::string where(const std::string &column, int64_t row, int64_t index) const final {
    return absl::StrCat("\"", file_.path(), "\" at \"", column, "\" row ", row, " position ", index);
  }

  void release() const final { file_.release(); }

 private:
  absl::Status wrongKind(const std::string &column, absl::string_view required, const std::string &seen) const {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", file_.path(), "\": requires dtype ", required, " for \"", column, "\", got ", seen));
  }

  SafetensorsFile file_;
  int64_t rows_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> openExampleFile(const std::string &path) {
  auto file = SafetensorsFile::open(path);
  if (!file.ok()) return file.status();
  auto invalid = [&](absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": ", message));
  };
  if (file->tensors().empty()) return invalid("requires at least one tensor, got none");
  const auto &[firstName, first] = *file->tensors().begin();
  for (const auto &[name, value] : file->tensors()) {
    if (value.shape.empty())
      return invalid(absl::StrCat("requires examples as the first dimension, got a scalar \"", name, "\""));
    if (value.shape[0] != first.shape[0])
      return invalid(absl::StrCat("requires as many examples in each tensor, got ", first.shape[0], " in \"", firstName,
                                  "\" and ", value.shape[0], " in \"", name, "\""));
  }
  if (first.shape[0] == 0) return invalid("requires at least one example, got 0");
  const int64_t rows = first.shape[0];
  return std::unique_ptr<RowSource>(new ExampleFile(*std::move(file), rows));
}

}  // namespace cleave
