#include "runtime/files/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/files/system_error.h"

namespace cleave {

std::string folderOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

absl::StatusOr<NewFile> NewFile::create(const std::string &path) {
  if (auto status = checkCanWrite(path); !status.ok()) return status;
  std::error_code ignored;
  NewFile file;
  file.path_ = path;
  // A device (/dev/null) is written as it is: it must not be replaced by a file.
  const bool isDevice = std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  if (!isDevice) file.temporary_ = absl::StrCat(path, ".partial-", ::getpid());
  const std::string &opened = isDevice ? path : file.temporary_;
  file.descriptor_ = ::open(opened.c_str(), O_WRONLY | O_CLOEXEC | (isDevice ? 0 : O_CREAT | O_TRUNC), 0666);
  if (file.descriptor_ < 0) return systemError("cannot write", path, errno);
  return file;
}

NewFile::NewFile(NewFile &&other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, "")),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

absl::Status NewFile::append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return systemError("cannot write", path_, errno);
    bytes.remove_prefix(size_t(written));
  }
  return absl::OkStatus();
}

absl::Status NewFile::commit() {
  if (!temporary_.empty() && ::fsync(descriptor_) != 0) return systemError("cannot write", path_, errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) return systemError("cannot write", path_, errno);
  if (temporary_.empty()) return absl::OkStatus();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int number = errno;
    ::unlink(temporary_.c_str());
    return systemError("cannot write", path_, number);
  }
  return flushFolder(folderOf(path_));
}

absl::Status writeFile(const std::string &path, absl::string_view bytes) {
  auto file = NewFile::create(path);
  if (!file.ok()) return file.status();
  if (auto status = file->append(bytes); !status.ok()) return status;
  return file->commit();
}

absl::Status checkCanWrite(const std::string &path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return absl::FailedPreconditionError(absl::StrCat("cannot write \"", path, "\": requires a file, got a folder"));
  const bool isDevice = std::filesystem::exists(path, ignored) && !std::filesystem::is_regular_file(path, ignored);
  if (::access((isDevice ? path : folderOf(path)).c_str(), W_OK) != 0) return systemError("cannot write", path, errno);
  return absl::OkStatus();
}

absl::Status makeFolder(const std::string &path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error))
    return absl::FailedPreconditionError(absl::StrCat("\"", path, "\": requires a folder, got a file"));
  std::filesystem::create_directories(path, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat("cannot make folder \"", path, "\": ", error.message()));
  return absl::OkStatus();
}

absl::Status flushFolder(const std::string &path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return systemError("cannot open folder", path, errno);
  const int failed = ::fsync(descriptor);
  const int number = errno;
  ::close(descriptor);
  // Some file systems can't flush a folder and say so; the rename itself has succeeded.
  if (failed != 0 && number != EINVAL && number != ENOTSUP) return systemError("cannot flush folder", path, number);
  return absl::OkStatus();
}

}  // namespace cleave
