// The manifest of a checkpoint, as JSON.

#ifndef CLEAVE_RUNTIME_CHECKPOINT_MANIFEST_H
#define CLEAVE_RUNTIME_CHECKPOINT_MANIFEST_H

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/checkpoint/checkpoint.h"

namespace cleave {

struct FileRecord {
  int64_t bytes = 0;
  std::string sha256;  // in hexadecimal

  bool operator==(const FileRecord &other) const { return bytes == other.bytes && sha256 == other.sha256; }
};

struct Manifest {
  RunPosition position;
  std::map<std::string, FileRecord> files;
};

std::string manifestText(const Manifest &manifest);

// Refuses what manifestText would not write; the caller adds which file.
absl::StatusOr<Manifest> parseManifest(absl::string_view text);

// Reads the file once.
absl::StatusOr<FileRecord> recordOf(const std::string &path);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_CHECKPOINT_MANIFEST_H
