#include "runtime/checkpoint/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "runtime/checkpoint/manifest.h"
#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/host_tensor.h"
#include "runtime/weights/safetensors.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"

namespace cleave {
namespace {

namespace fs = std::filesystem;
using program::Variable;

constexpr char kModel[] = "model.safetensors";
constexpr char kState[] = "state.safetensors";
constexpr char kData[] = "data.json";
constexpr char kManifest[] = "manifest.json";
constexpr char kLatest[] = "latest";
constexpr char kFolderPrefix[] = "step-";
constexpr char kPartialPrefix[] = "partial-";
constexpr size_t kMaxManifestBytes = 1 << 20;

const char *storedDType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return "F32";
    case DType::kF64:
      return "F64";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
    case DType::kBool:
      return "BOOL";
    case DType::kBF16:
      return "BF16";
    case DType::kF16:
      return "F16";
  }
  return "";
}

std::vector<const Variable *> statesOf(const LoadedPlan &plan) {
  std::vector<const Variable *> states;
  for (const Variable &variable : plan.variables)
    if (variable.role == Variable::Role::kState) states.push_back(&variable);
  return states;
}

absl::Status writeState(const std::string &path, const LoadedPlan &plan, VisitPart read) {
  std::vector<SafetensorsWriter::Tensor> layout;
  for (const Variable *state : statesOf(plan))
    layout.push_back({state->name, storedDType(state->type.dtype), state->type.dims});
  auto writer = SafetensorsWriter::create(path, layout, {});
  if (!writer.ok()) return writer.status();
  for (const Variable *state : statesOf(plan)) {
    auto status = forEachSlab(state->type.dims, [&](const Box &slab) -> absl::Status {
      HostTensor values(state->type.dtype, slab.extent);
      if (auto status = read(state->name, slab, values.view()); !status.ok()) return status;
      return writer->append({values.as<char>(), size_t(values.view().bytes())});
    });
    if (!status.ok()) return status;
  }
  return writer->commit();
}

absl::Status checkState(const SafetensorsFile &file, const LoadedPlan &plan) {
  std::set<std::string> known;
  for (const Variable *state : statesOf(plan)) {
    known.insert(state->name);
    auto value = file.find(state->name);
    if (!value.ok()) return value.status();
    if ((*value)->dtype != storedDType(state->type.dtype) || (*value)->shape != state->type.dims)
      return absl::InvalidArgumentError(absl::StrCat("\"", file.path(), "\": requires ", storedDType(state->type.dtype),
                                                     " ", shapeText(state->type.dims), " for \"", state->name,
                                                     "\", got ", (*value)->dtype, " ", shapeText((*value)->shape)));
  }
  for (const auto &[name, unused] : file.tensors())
    if (known.count(name) == 0)
      return absl::InvalidArgumentError(
          absl::StrCat("\"", file.path(), "\": requires states of the plan alone, got \"", name, "\""));
  return absl::OkStatus();
}

absl::Status readState(const SafetensorsFile &file, const LoadedPlan &plan, VisitPart write) {
  for (const Variable *state : statesOf(plan)) {
    absl::string_view bytes = file.tensors().at(state->name).bytes;
    auto status = forEachSlab(state->type.dims, [&](const Box &slab) {
      HostTensor values(state->type.dtype, slab.extent);
      std::copy_n(bytes.begin(), values.view().bytes(), values.as<char>());
      bytes.remove_prefix(size_t(values.view().bytes()));
      file.release();
      return write(state->name, slab, values.view());
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> readSmallFile(const std::string &path) {
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  if (file->bytes().size() > kMaxManifestBytes)
    return absl::InvalidArgumentError(
        absl::StrCat("\"", path, "\": requires at most ", kMaxManifestBytes, " bytes, got ", file->bytes().size()));
  return std::string(file->bytes());
}

// A name that no checkpoint has yet: a run that begins anew must not touch those of the one before until it has its
// own.
std::string freeName(const std::string &folder, int64_t step) {
  const std::string name = absl::StrFormat("%s%08d", kFolderPrefix, step);
  std::string free = name;
  std::error_code ignored;
  for (int i = 2; fs::exists(folder + "/" + free, ignored); ++i) free = absl::StrCat(name, ".", i);
  return free;
}

// Removes checkpoints but the two named, and what cut-off writes have left. Only tidies up: failing is no error.
void removeOthers(const std::string &folder, const std::string &newest, const std::string &before) {
  std::error_code ignored;
  std::vector<fs::path> others;
  for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
    const std::string name = entry->path().filename().string();
    const bool isOurs = absl::StartsWith(name, kFolderPrefix) || absl::StartsWith(name, kPartialPrefix);
    if (isOurs && name != newest && name != before && entry->is_directory(ignored)) others.push_back(entry->path());
  }
  for (const fs::path &path : others) fs::remove_all(path, ignored);
}

absl::Status writeParts(const std::string &folder, const RunPosition &position, const LoadedPlan &plan,
                        VisitPart read) {
  if (auto status = saveWeights(folder + "/" + kModel, plan, read); !status.ok()) return status;
  if (auto status = writeState(folder + "/" + kState, plan, read); !status.ok()) return status;
  Manifest manifest{position, {}};
  std::vector<const char *> names = {kModel, kState};
  if (!position.dataState.empty()) {
    if (auto status = writeFile(folder + "/" + kData, position.dataState); !status.ok()) return status;
    names.push_back(kData);
  }
  for (const char *name : names) {
    auto record = recordOf(folder + "/" + name);
    if (!record.ok()) return record.status();
    manifest.files[name] = *std::move(record);
  }
  return writeFile(folder + "/" + kManifest, manifestText(manifest));
}

// Files are as the manifest says.
absl::Status checkFiles(const std::string &checkpoint, const Manifest &manifest) {
  for (const char *name : {kModel, kState})
    if (manifest.files.count(name) == 0)
      return absl::InvalidArgumentError(
          absl::StrCat("\"", checkpoint, "/", kManifest, "\": requires file \"", name, "\", got none"));
  for (const char *name : {kModel, kState, kData}) {
    const auto expected = manifest.files.find(name);
    if (expected == manifest.files.end()) continue;
    const std::string path = absl::StrCat(checkpoint, "/", name);
    auto record = recordOf(path);
    if (!record.ok()) return record.status();
    if (record->bytes != expected->second.bytes)
      return absl::DataLossError(absl::StrCat("\"", path, "\": requires ", expected->second.bytes,
                                              " bytes as its manifest says, got ", record->bytes));
    if (!(*record == expected->second))
      return absl::DataLossError(absl::StrCat("\"", path, "\": requires SHA-256 ", expected->second.sha256,
                                              " as its manifest says, got ", record->sha256));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> writeCheckpoint(const std::string &folder, const RunPosition &position,
                                            const LoadedPlan &plan, VisitPart read) {
  if (auto status = makeFolder(folder); !status.ok()) return status;
  const std::string name = freeName(folder, position.step), partial = absl::StrCat(folder, "/", kPartialPrefix, name);
  std::string before;
  if (auto latest = readSmallFile(folder + "/" + kLatest); latest.ok())
    before = std::string(absl::StripSuffix(*latest, "\n"));

  std::error_code error;
  fs::remove_all(partial, error);
  if (auto status = makeFolder(partial); !status.ok()) return status;
  if (auto status = writeParts(partial, position, plan, read); !status.ok()) {
    fs::remove_all(partial, error);
    return status;
  }
  if (auto status = flushFolder(partial); !status.ok()) return status;
  fs::rename(partial, folder + "/" + name, error);
  if (error)
    return absl::FailedPreconditionError(absl::StrCat("cannot write \"", folder, "/", name, "\": ", error.message()));
  if (auto status = flushFolder(folder); !status.ok()) return status;
  if (auto status = writeFile(folder + "/" + kLatest, name + "\n"); !status.ok()) return status;
  removeOthers(folder, name, before);
  return folder + "/" + name;
}

absl::StatusOr<std::string> findCheckpoint(const std::string &path) {
  std::error_code ignored;
  if (fs::exists(path + "/" + kManifest, ignored)) return path;
  if (!fs::is_directory(path, ignored))
    return absl::NotFoundError(absl::StrCat("\"", path, "\": requires a folder of checkpoints, got ",
                                            fs::exists(path, ignored) ? "a file" : "nothing"));
  auto latest = readSmallFile(absl::StrCat(path, "/", kLatest));
  if (!latest.ok()) return latest.status();
  const std::string name(absl::StripSuffix(*latest, "\n"));
  if (!absl::StartsWith(name, kFolderPrefix) || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", path, "/", kLatest, "\": requires the name of a checkpoint, got \"", name.substr(0, 80), "\""));
  return absl::StrCat(path, "/", name);
}

absl::StatusOr<RunPosition> readCheckpoint(const std::string &checkpoint, const LoadedPlan &plan, VisitPart write) {
  const std::string manifestPath = checkpoint + "/" + kManifest;
  auto text = readSmallFile(manifestPath);
  if (!text.ok()) return text.status();
  auto manifest = parseManifest(*text);
  if (!manifest.ok())
    return absl::InvalidArgumentError(absl::StrCat("\"", manifestPath, "\": ", manifest.status().message()));
  if (auto status = checkFiles(checkpoint, *manifest); !status.ok()) return status;
  if (manifest->files.count(kData) != 0) {
    auto data = MappedFile::open(absl::StrCat(checkpoint, "/", kData));
    if (!data.ok()) return data.status();
    manifest->position.dataState = std::string(data->bytes());
  }
  auto state = SafetensorsFile::open(absl::StrCat(checkpoint, "/", kState));
  if (!state.ok()) return state.status();
  if (auto status = checkState(*state, plan); !status.ok()) return status;
  auto model = TensorSource::open(absl::StrCat(checkpoint, "/", kModel));
  if (!model.ok()) return model.status();
  if (auto status = loadWeights(*model, plan, write); !status.ok()) return status;
  if (auto status = readState(*state, plan, write); !status.ok()) return status;
  return manifest->position;
}

}  // namespace cleave
