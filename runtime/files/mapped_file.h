// A file's bytes, read through the page cache without a copy.

#ifndef CLEAVE_RUNTIME_FILES_MAPPED_FILE_H
#define CLEAVE_RUNTIME_FILES_MAPPED_FILE_H

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

// Maps a regular file for reading; an empty file has no bytes. Movable; threads may read at once. A file that is cut
// short while it is mapped makes reads fail with SIGBUS, as with every mapping: files in use must be replaced by
// renaming.
class MappedFile {
 public:
  // NotFound or FailedPrecondition that names the file and what the system says.
  static absl::StatusOr<MappedFile> open(const std::string &path);

  MappedFile(MappedFile &&other) noexcept { swap(other); }
  MappedFile &operator=(MappedFile &&other) noexcept {
    swap(other);
    return *this;
  }
  ~MappedFile();

  absl::string_view bytes() const { return {static_cast<const char *>(data_), size_}; }
  const std::string &path() const { return path_; }

  // Says that the bytes won't be needed again soon, so that they stop counting as resident memory of this process.
  void release() const;

 private:
  MappedFile() = default;
  void swap(MappedFile &other) noexcept;

  std::string path_;
  void *data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FILES_MAPPED_FILE_H
