#include "runtime/weights/safetensors.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/files/strict_json.h"
#include "runtime/weights/half.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = uint64_t{100} << 20;  // the limit of the format's own readers
constexpr size_t kMaxStoredRank = 32;

// Header -> tensor -> shape or offsets.
constexpr int kHeaderDepth = 3;

struct Extent {
  int64_t begin, end;
  std::string name;
};

absl::Status invalid(absl::string_view where, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", message));
}

absl::StatusOr<absl::string_view> headerOf(absl::string_view bytes) {
  if (bytes.size() < 8)
    return absl::InvalidArgumentError(absl::StrCat("requires at least 8 bytes, got ", bytes.size()));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | uint8_t(bytes[size_t(i)]);
  if (length > kMaxHeaderBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("requires a header of at most ", kMaxHeaderBytes, " bytes, got ", length));
  if (length > bytes.size() - 8)
    return absl::InvalidArgumentError(
        absl::StrCat("requires a header of at most ", bytes.size() - 8, " bytes (the file ends there), got ", length));
  return bytes.substr(8, length);
}

absl::StatusOr<std::vector<int64_t>> countsOf(const json &value, absl::string_view what) {
  if (!value.is_array())
    return absl::InvalidArgumentError(absl::StrCat("requires ", what, " to be a list, got ", value.type_name()));
  std::vector<int64_t> counts;
  for (const json &item : value) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > uint64_t(INT64_MAX))
      return absl::InvalidArgumentError(
          absl::StrCat("requires ", what, " to be integers from 0 to 2^63-1, got ", item.dump()));
    counts.push_back(item.get<int64_t>());
  }
  return counts;
}

absl::StatusOr<int64_t> bytesOfShape(const std::vector<int64_t> &shape, int64_t elementBytes) {
  int64_t total = elementBytes;
  for (int64_t dim : shape)
    if (__builtin_mul_overflow(total, dim, &total))
      return absl::InvalidArgumentError(absl::StrCat("requires a size below 2^63 bytes, got shape ", shapeText(shape)));
  return total;
}

absl::StatusOr<StoredValue> parseTensor(const json &entry, absl::string_view data, Extent &extent) {
  if (!entry.is_object())
    return absl::InvalidArgumentError(absl::StrCat("requires an object, got ", entry.type_name()));
  for (const auto &[field, unused] : entry.items())
    if (field != "dtype" && field != "shape" && field != "data_offsets")
      return absl::InvalidArgumentError(
          absl::StrCat("requires dtype, shape and data_offsets alone, got \"", field, "\""));
  for (const char *field : {"dtype", "shape", "data_offsets"})
    if (!entry.contains(field)) return absl::InvalidArgumentError(absl::StrCat("requires \"", field, "\", got none"));

  StoredValue value;
  if (!entry["dtype"].is_string() || bytesOfStored(entry["dtype"].get<std::string>()) == 0)
    return absl::InvalidArgumentError(absl::StrCat("requires a known dtype, got ", entry["dtype"].dump()));
  value.dtype = entry["dtype"].get<std::string>();
  auto shape = countsOf(entry["shape"], "shape");
  if (!shape.ok()) return shape.status();
  if (shape->size() > kMaxStoredRank)
    return absl::InvalidArgumentError(
        absl::StrCat("requires a rank of at most ", kMaxStoredRank, ", got ", shape->size()));
  value.shape = *std::move(shape);

  auto offsets = countsOf(entry["data_offsets"], "data_offsets");
  if (!offsets.ok()) return offsets.status();
  if (offsets->size() != 2 || (*offsets)[0] > (*offsets)[1] || (*offsets)[1] > int64_t(data.size()))
    return absl::InvalidArgumentError(absl::StrCat("requires data_offsets [begin, end] within the ", data.size(),
                                                   " bytes of data, got ", shapeText(*offsets)));
  auto bytes = bytesOfShape(value.shape, bytesOfStored(value.dtype));
  if (!bytes.ok()) return bytes.status();
  extent.begin = (*offsets)[0];
  extent.end = (*offsets)[1];
  if (*bytes != extent.end - extent.begin)
    return absl::InvalidArgumentError(absl::StrCat("requires ", *bytes, " bytes for ", value.dtype, " ",
                                                   shapeText(value.shape), ", got ", extent.end - extent.begin));
  value.bytes = data.substr(size_t(extent.begin), size_t(*bytes));
  return value;
}

absl::Status checkCoverage(std::vector<Extent> &extents, int64_t size) {
  std::sort(extents.begin(), extents.end(), [](const Extent &a, const Extent &b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  int64_t covered = 0;
  for (const Extent &extent : extents) {
    if (extent.begin != covered)
      return invalid(absl::StrCat("tensor \"", extent.name, "\""),
                     absl::StrCat("requires to begin at byte ", covered, " where the one before ends, got ",
                                  extent.begin, extent.begin < covered ? " (overlap)" : " (gap)"));
    covered = extent.end;
  }
  if (covered != size)
    return absl::InvalidArgumentError(
        absl::StrCat("requires tensors that cover the ", size, " bytes of data, got ", covered));
  return absl::OkStatus();
}

absl::Status parseHeader(absl::string_view bytes, std::map<std::string, StoredValue> &tensors,
                         std::map<std::string, std::string> &metadata) {
  auto text = headerOf(bytes);
  if (!text.ok()) return text.status();
  const absl::string_view data = bytes.substr(8 + text->size());
  auto header = parseStrictJson(*text, kHeaderDepth);
  if (!header.ok()) return invalid("header", header.status().message());
  if (!header->is_object()) return invalid("header", absl::StrCat("requires an object, got ", header->type_name()));
  std::vector<Extent> extents;
  for (const auto &[name, entry] : header->items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return invalid(name, absl::StrCat("requires an object, got ", entry.type_name()));
      for (const auto &[key, value] : entry.items()) {
        if (!value.is_string())
          return invalid(name, absl::StrCat("requires texts, got ", value.type_name(), " for \"", key, "\""));
        metadata[key] = value.get<std::string>();
      }
      continue;
    }
    Extent extent{0, 0, name};
    auto value = parseTensor(entry, data, extent);
    if (!value.ok()) return invalid(absl::StrCat("tensor \"", name, "\""), value.status().message());
    extents.push_back(extent);
    tensors.emplace(name, *std::move(value));
  }
  return checkCoverage(extents, int64_t(data.size()));
}

template <typename Stored, typename Convert>
void convertInto(absl::string_view bytes, absl::Span<float> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    out[i] = convert(stored);
  }
}

}  // namespace

int64_t StoredValue::elements() const {
  int64_t count = 1;
  for (int64_t dim : shape) count *= dim;
  return count;
}

int64_t bytesOfStored(absl::string_view dtype) {
  static constexpr std::pair<absl::string_view, int64_t> kSizes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  for (const auto &[name, bytes] : kSizes)
    if (name == dtype) return bytes;
  return 0;
}

std::string shapeText(absl::Span<const int64_t> shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

absl::StatusOr<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  auto mapped = MappedFile::open(path);
  if (!mapped.ok()) return mapped.status();
  SafetensorsFile file(*std::move(mapped));
  if (auto status = parseHeader(file.file_.bytes(), file.tensors_, file.metadata_); !status.ok())
    return invalid(absl::StrCat("\"", path, "\" as safetensors"), status.message());
  return file;
}

absl::StatusOr<const StoredValue *> SafetensorsFile::find(const std::string &name) const {
  auto found = tensors_.find(name);
  if (found != tensors_.end()) return &found->second;
  std::vector<std::string> names;
  for (const auto &[known, unused] : tensors_) {
    names.push_back(known);
    if (names.size() == 8) break;
  }
  return absl::NotFoundError(absl::StrCat("\"", path(), "\": requires tensor \"", name, "\", got ",
                                          absl::StrJoin(names, ", "), tensors_.size() > names.size() ? ", ..." : ""));
}

absl::Status readAsFloat(const StoredValue &value, int64_t first, absl::Span<float> out) {
  const absl::string_view bytes = value.bytes.substr(size_t(first * bytesOfStored(value.dtype)));
  if (value.dtype == "F32") {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  } else if (value.dtype == "F64") {
    convertInto<double>(bytes, out, [](double stored) { return float(stored); });
  } else if (value.dtype == "BF16") {
    convertInto<uint16_t>(bytes, out, floatOfBf16);
  } else if (value.dtype == "F16") {
    convertInto<uint16_t>(bytes, out, floatOfF16);
  } else {
    return absl::InvalidArgumentError(absl::StrCat("requires dtype F32, F64, F16 or BF16, got ", value.dtype));
  }
  return absl::OkStatus();
}

absl::StatusOr<SafetensorsWriter> SafetensorsWriter::create(const std::string &path, const std::vector<Tensor> &tensors,
                                                            const std::map<std::string, std::string> &metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t end = 0;
  for (const Tensor &tensor : tensors) {
    const int64_t begin = end;
    auto bytes = bytesOfShape(tensor.shape, bytesOfStored(tensor.dtype));
    if (!bytes.ok()) return bytes.status();
    end += *bytes;
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data are aligned
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = char(uint64_t(text.size()) >> (8 * i));

  auto file = NewFile::create(path);
  if (!file.ok()) return file.status();
  if (auto status = file->append(length + text); !status.ok()) return status;
  return SafetensorsWriter(*std::move(file), end);
}

absl::Status SafetensorsWriter::append(absl::string_view bytes) {
  missing_ -= int64_t(bytes.size());
  return file_.append(bytes);
}

absl::Status SafetensorsWriter::commit() {
  if (missing_ != 0)
    return absl::FailedPreconditionError(absl::StrCat("requires all bytes of the tensors, got ", missing_, " too few"));
  return file_.commit();
}

}  // namespace cleave
