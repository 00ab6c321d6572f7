#include "runtime/data/mixture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/data/source_draw.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/files/strict_json.h"

namespace cleave {
namespace {

constexpr int kDepth = 3;
constexpr size_t kMaxBytes = 1 << 20;

class JoinedRows final : public RowSource {
 public:
  explicit JoinedRows(std::vector<std::unique_ptr<RowSource>> sources) : sources_(std::move(sources)) {
    for (const auto &source : sources_) ends_.push_back((ends_.empty() ? 0 : ends_.back()) + source->rows());
  }

  int64_t rows() const final { return ends_.back(); }
  std::vector<std::string> columns() const final { return sources_[0]->columns(); }
  bool has(const std::string &column) const final { return sources_[0]->has(column); }
  int64_t width(const std::string &column) const final { return sources_[0]->width(column); }

  absl::Status readIntegers(const std::string &column, int64_t row, absl::Span<int64_t> out) const final {
    const auto [source, inside] = find(row);
    return source->readIntegers(column, inside, out);
  }
  absl::Status readFloats(const std::string &column, int64_t row, absl::Span<float> out) const final {
    const auto [source, inside] = find(row);
    return source->readFloats(column, inside, out);
  }
  std::string where(const std::string &column, int64_t row, int64_t index) const final {
    const auto [source, inside] = find(row);
    return source->where(column, inside, index);
  }
  void release() const final {
    for (const auto &source : sources_) source->release();
  }

 private:
  std::pair<const RowSource *, int64_t> find(int64_t row) const {
    const size_t i = size_t(std::upper_bound(ends_.begin(), ends_.end(), row) - ends_.begin());
    return {sources_[i].get(), i == 0 ? row : row - ends_[i - 1]};
  }

  std::vector<std::unique_ptr<RowSource>> sources_;
  std::vector<int64_t> ends_;  // row numbers behind each source's last
};

absl::StatusOr<Mixture::Part> partOf(const std::string &name, const nlohmann::json &value, const std::string &folder) {
  const auto requires_ = [&](absl::string_view rule) {
    return absl::InvalidArgumentError(absl::StrCat("source \"", name, "\": requires ", rule, ", got ", value.dump()));
  };
  if (!value.is_object() || value.size() != 2 || !value.contains("data") || !value.contains("weight"))
    return requires_("an object of \"data\" and \"weight\"");
  if (!value["data"].is_string() || value["data"].get<std::string>().empty()) return requires_("a path as \"data\"");
  if (!value["weight"].is_number()) return requires_("a number as \"weight\"");
  const std::string data = value["data"].get<std::string>();
  if (absl::EndsWith(data, ".json")) return requires_("a file of tokens or examples, and no further mixture");
  return Mixture::Part{name, data[0] == '/' ? data : absl::StrCat(folder, "/", data), value["weight"].get<double>(), 0};
}

absl::StatusOr<std::vector<Mixture::Part>> readParts(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  if (file->bytes().size() > kMaxBytes)
    return absl::InvalidArgumentError(absl::StrCat("requires at most ", kMaxBytes, " bytes, got ", file->bytes().size()));
  auto value = parseStrictJson(file->bytes(), kDepth);
  if (!value.ok()) return value.status();
  if (!value->is_object() || value->size() != 1 || !value->contains("sources") || !(*value)["sources"].is_object())
    return absl::InvalidArgumentError("requires an object with \"sources\" by name, and nothing else");
  std::vector<Mixture::Part> parts;
  std::vector<double> weights;
  for (const auto &[name, source] : (*value)["sources"].items()) {
    auto part = partOf(name, source, folderOf(path));
    if (!part.ok()) return part.status();
    weights.push_back(part->weight);
    parts.push_back(*std::move(part));
  }
  if (auto draw = SourceDraw::create(weights, 0); !draw.ok()) return draw.status();
  return parts;
}

// All columns of all sources have the same names and widths.
absl::Status checkAlike(const RowSource &first, const RowSource &other, const Mixture::Part &part) {
  const std::vector<std::string> columns = first.columns(), others = other.columns();
  if (columns != others)
    return absl::InvalidArgumentError(absl::StrCat("source \"", part.name, "\": requires the columns of the others, ",
                                                   absl::StrJoin(columns, ", "), ", got ", absl::StrJoin(others, ", ")));
  for (const std::string &column : columns)
    if (first.width(column) != other.width(column))
      return absl::InvalidArgumentError(absl::StrCat("source \"", part.name, "\": requires ", first.width(column),
                                                     " values an example in \"", column, "\" as in the others, got ",
                                                     other.width(column)));
  return absl::OkStatus();
}

}  // namespace

RowOrder Mixture::order(bool isShuffled, uint64_t seed) const {
  std::vector<double> weights;
  std::vector<RowOrder> orders;
  for (const Part &part : parts) {
    weights.push_back(part.weight);
    orders.push_back(isShuffled ? RowOrder::shuffled(part.rows, seed) : RowOrder::sequential(part.rows));
  }
  return RowOrder::mixed(*SourceDraw::create(weights, seed), std::move(orders));
}

std::string Mixture::description() const {
  nlohmann::json sources;
  for (const Part &part : parts) sources[part.name] = {{"weight", part.weight}, {"rows", part.rows}};
  return nlohmann::json{{"sources", sources}}.dump();
}

absl::StatusOr<Mixture> openMixture(const std::string &path, const OpenRows &open) {
  const auto inFile = [&](const absl::Status &status) {
    return absl::Status(status.code(), absl::StrCat("\"", path, "\": ", status.message()));
  };
  auto parts = readParts(path);
  if (!parts.ok()) return inFile(parts.status());
  Mixture mixture{*std::move(parts), nullptr};
  std::vector<std::unique_ptr<RowSource>> sources;
  for (Mixture::Part &part : mixture.parts) {
    auto source = open(part.path);
    if (!source.ok()) return inFile(source.status());
    part.rows = (*source)->rows();
    sources.push_back(*std::move(source));
    if (absl::Status status = checkAlike(*sources[0], *sources.back(), part); !status.ok()) return inFile(status);
  }
  mixture.source = std::make_unique<JoinedRows>(std::move(sources));
  return mixture;
}

}  // namespace cleave
