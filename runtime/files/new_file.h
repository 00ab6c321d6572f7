// Files that appear whole or not at all.

#ifndef CLEAVE_RUNTIME_FILES_NEW_FILE_H
#define CLEAVE_RUNTIME_FILES_NEW_FILE_H

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

// Written under another name beside its place; commit() flushes it to the disk and renames it, so that a reader, a
// crash or a full disk never shows half of it. Without commit() it leaves nothing behind. Not thread safe.
class NewFile {
 public:
  static absl::StatusOr<NewFile> create(const std::string &path);

  NewFile(NewFile &&other) noexcept;
  NewFile &operator=(NewFile &&other) = delete;
  ~NewFile();

  absl::Status append(absl::string_view bytes);
  absl::Status commit();

 private:
  NewFile() = default;

  std::string path_, temporary_;
  int descriptor_ = -1;
};

absl::Status writeFile(const std::string &path, absl::string_view bytes);

// Fails where a file could not be made or replaced, as far as that can be told beforehand: so that a long run learns it
// at its start.
absl::Status checkCanWrite(const std::string &path);

// Makes the folder and those above it.
absl::Status makeFolder(const std::string &path);

// Makes renames and new files within a folder outlast a power cut.
absl::Status flushFolder(const std::string &path);

// "a/b" of "a/b/c"; "." where there is no slash.
std::string folderOf(absl::string_view path);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FILES_NEW_FILE_H
