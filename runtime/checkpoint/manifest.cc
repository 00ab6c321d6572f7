#include "runtime/checkpoint/manifest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/strict_json.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;
constexpr int kDepth = 3;

// Takes fields out of an object, with an error for what is missing or of another kind. The first error stays.
class Fields {
 public:
  explicit Fields(const json &object) : object_(object) {
    if (!object.is_object()) fail(absl::StrCat("requires an object, got ", object.type_name()));
  }

  int64_t count(const char *name) {
    const json *value = find(name);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned() && value->get<uint64_t>() <= uint64_t(INT64_MAX)) return value->get<int64_t>();
    fail(absl::StrCat("requires \"", name, "\" to be an integer from 0 to 2^63-1, got ", value->dump()));
    return 0;
  }

  std::string text(const char *name) {
    const json *value = find(name);
    if (value == nullptr) return "";
    if (value->is_string()) return value->get<std::string>();
    fail(absl::StrCat("requires \"", name, "\" to be a text, got ", value->type_name()));
    return "";
  }

  const json &object(const char *name) {
    static const json &empty = *new json(json::object());
    const json *value = find(name);
    if (value != nullptr && value->is_object()) return *value;
    if (value != nullptr) fail(absl::StrCat("requires \"", name, "\" to be an object, got ", value->type_name()));
    return empty;
  }

  void fail(const std::string &message) {
    if (status.ok()) status = absl::InvalidArgumentError(message);
  }

  absl::Status status;

 private:
  const json *find(const char *name) {
    if (!status.ok()) return nullptr;
    auto found = object_.find(name);
    if (found != object_.end()) return &*found;
    fail(absl::StrCat("requires \"", name, "\", got none"));
    return nullptr;
  }

  const json &object_;
};

}  // namespace

std::string manifestText(const Manifest &manifest) {
  const RunPosition &position = manifest.position;
  json files = json::object();
  for (const auto &[name, record] : manifest.files) files[name] = {{"bytes", record.bytes}, {"sha256", record.sha256}};
  const json value = {{"format", kFormat},         {"step", position.step},       {"examples", position.examples},
                      {"seed", position.seed},     {"order", position.order},     {"data_rows", position.dataRows},
                      {"plan", position.planHash}, {"machine", position.machine}, {"files", files}};
  return value.dump(1) + "\n";
}

absl::StatusOr<Manifest> parseManifest(absl::string_view text) {
  auto value = parseStrictJson(text, kDepth);
  if (!value.ok()) return value.status();
  Fields fields(*value);
  Manifest manifest;
  if (const int64_t format = fields.count("format"); fields.status.ok() && format != kFormat)
    fields.fail(absl::StrCat("requires format ", kFormat, ", got ", format));
  manifest.position.step = fields.count("step");
  manifest.position.examples = fields.count("examples");
  manifest.position.seed = uint64_t(fields.count("seed"));
  manifest.position.order = fields.text("order");
  manifest.position.dataRows = fields.count("data_rows");
  manifest.position.planHash = fields.text("plan");
  for (const auto &[name, setting] : fields.object("machine").items())
    if (setting.is_string()) manifest.position.machine[name] = setting.get<std::string>();
  for (const auto &[name, entry] : fields.object("files").items()) {
    Fields record(entry);
    manifest.files[name] = {record.count("bytes"), record.text("sha256")};
    if (!record.status.ok()) fields.fail(absl::StrCat("file \"", name, "\": ", record.status.message()));
  }
  if (fields.status.ok() && manifest.position.order != "shuffled" && manifest.position.order != "sequential")
    fields.fail(absl::StrCat("requires order shuffled or sequential, got \"", manifest.position.order, "\""));
  if (!fields.status.ok()) return fields.status;
  return manifest;
}

absl::StatusOr<FileRecord> recordOf(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  const absl::string_view bytes = file->bytes();
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX *)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  bool isOk = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  constexpr size_t kPiece = size_t{16} << 20;
  for (size_t begin = 0; isOk && begin < bytes.size(); begin += kPiece) {
    const absl::string_view piece = bytes.substr(begin, kPiece);
    isOk = EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
    file->release();
  }
  isOk = isOk && EVP_DigestFinal_ex(context.get(), digest, &size) == 1;
  if (!isOk) return absl::InternalError(absl::StrCat("\"", path, "\": SHA-256 failed"));
  return FileRecord{int64_t(bytes.size()), absl::BytesToHexString({reinterpret_cast<const char *>(digest), size})};
}

}  // namespace cleave
