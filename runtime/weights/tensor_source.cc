#include "runtime/weights/tensor_source.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/files/strict_json.h"

namespace cleave {
namespace {

constexpr size_t kMaxIndexBytes = size_t{100} << 20;
constexpr size_t kMaxIndexFiles = 10000;
constexpr int kIndexDepth = 4;

// The files of an index are plain names in its own folder: it must not reach elsewhere.
bool isPlainName(const std::string &name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos;
}

absl::StatusOr<std::map<std::string, std::string>> readWeightMap(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto invalid = [&](absl::string_view message) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" as safetensors index: ", message));
  };
  if (file->bytes().size() > kMaxIndexBytes)
    return invalid(absl::StrCat("requires at most ", kMaxIndexBytes, " bytes, got ", file->bytes().size()));
  auto index = parseStrictJson(file->bytes(), kIndexDepth);
  if (!index.ok()) return invalid(index.status().message());
  if (!index->is_object() || !index->contains("weight_map") || !(*index)["weight_map"].is_object())
    return invalid("requires an object \"weight_map\", got none");
  std::map<std::string, std::string> files;
  for (const auto &[tensor, name] : (*index)["weight_map"].items()) {
    if (!name.is_string())
      return invalid(absl::StrCat("requires a file name for tensor \"", tensor, "\", got ", name.type_name()));
    if (!isPlainName(name.get<std::string>()))
      return invalid(
          absl::StrCat("requires a file in the index's own folder for tensor \"", tensor, "\", got ", name.dump()));
    files[tensor] = name.get<std::string>();
  }
  return files;
}

}  // namespace

absl::StatusOr<TensorSource> TensorSource::open(const std::string &path) {
  TensorSource source;
  source.path_ = path;
  std::string file = path;
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    const std::string single = path + "/model.safetensors", index = single + ".index.json";
    file = std::filesystem::exists(single, ignored) || !std::filesystem::exists(index, ignored) ? single : index;
  }
  if (absl::EndsWith(file, ".json")) {
    if (auto status = source.addIndex(file); !status.ok()) return status;
    return source;
  }
  auto opened = SafetensorsFile::open(file);
  if (!opened.ok()) return opened.status();
  source.files_.push_back(*std::move(opened));
  for (const auto &[name, value] : source.files_.back().tensors()) source.tensors_[name] = &value;
  return source;
}

absl::Status TensorSource::addIndex(const std::string &path) {
  auto weightMap = readWeightMap(path);
  if (!weightMap.ok()) return weightMap.status();
  std::map<std::string, const SafetensorsFile *> opened;
  for (const auto &[tensor, name] : *weightMap) {
    const SafetensorsFile *&file = opened[name];
    if (file == nullptr) {
      if (opened.size() > kMaxIndexFiles)
        return absl::InvalidArgumentError(
            absl::StrCat("\"", path, "\": requires at most ", kMaxIndexFiles, " files, got more"));
      auto next = SafetensorsFile::open(folderOf(path) + "/" + name);
      if (!next.ok()) return next.status();
      files_.push_back(*std::move(next));
      file = &files_.back();
    }
    auto value = file->find(tensor);
    if (!value.ok()) return value.status();
    tensors_[tensor] = *value;
  }
  for (const SafetensorsFile &file : files_)
    for (const auto &[name, value] : file.tensors())
      if (auto found = tensors_.find(name); found == tensors_.end() || found->second != &value)
        return absl::InvalidArgumentError(absl::StrCat("\"", file.path(), "\": requires tensors that the index \"",
                                                       path, "\" names, got \"", name, "\""));
  return absl::OkStatus();
}

void TensorSource::release() const {
  for (const SafetensorsFile &file : files_) file.release();
}

}  // namespace cleave
