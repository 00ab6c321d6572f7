#include "runtime/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "runtime/files/system_error.h"

namespace cleave {

absl::StatusOr<MappedFile> MappedFile::open(const std::string &path) {
  // Non-blocking, so that a named pipe without a writer is refused below and not waited for.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return systemError("cannot open", path, errno);
  struct stat facts;
  MappedFile file;
  file.path_ = path;
  absl::Status status;
  if (::fstat(descriptor, &facts) != 0) {
    status = systemError("cannot read", path, errno);
  } else if (!S_ISREG(facts.st_mode)) {
    status = absl::FailedPreconditionError("\"" + path + "\": requires a regular file, got " +
                                           (S_ISDIR(facts.st_mode) ? "a folder" : "a device or pipe"));
  } else if (facts.st_size > 0) {
    void *mapped = ::mmap(nullptr, size_t(facts.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapped == MAP_FAILED) {
      status = systemError("cannot map", path, errno);
    } else {
      file.data_ = mapped;
      file.size_ = size_t(facts.st_size);
    }
  }
  ::close(descriptor);
  if (!status.ok()) return status;
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void MappedFile::release() const {
  if (data_ != nullptr) ::madvise(data_, size_, MADV_DONTNEED);
}

void MappedFile::swap(MappedFile &other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

}  // namespace cleave
