#include "runtime/transport/mpi_library.h"

#include <dlfcn.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

constexpr char kFile[] = "libmpi.so.40";      // of Open MPI 3, 4 and 5
constexpr int kMostErrorText = 256;           // MPI_MAX_ERROR_STRING
constexpr int kMostVersionText = 256;         // MPI_MAX_LIBRARY_VERSION_STRING

// Global: the library's own modules look for its symbols.
absl::StatusOr<void *> open() {
  if (void *library = ::dlopen(kFile, RTLD_NOW | RTLD_GLOBAL)) return library;
  return absl::NotFoundError(absl::StrCat("several processes require Open MPI (", kFile,
                                          "; Debian's packages openmpi-bin and libopenmpi3), got ", ::dlerror()));
}

// Remembers the first symbol that is missing.
class Symbols {
 public:
  explicit Symbols(void *library) : library_(library) {}

  template <typename T>
  void find(const char *name, T &into) {
    into = reinterpret_cast<T>(::dlsym(library_, name));
    if (into == nullptr && missing_.empty()) missing_ = name;
  }
  absl::Status status() const {
    if (missing_.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("requires ", missing_, " in ", kFile, ", got an Open MPI without it"));
  }

 private:
  void *library_;
  std::string missing_;
};

}  // namespace

absl::StatusOr<MpiLibrary> MpiLibrary::load() {
  const auto library = open();
  if (!library.ok()) return library.status();
  Symbols symbols(*library);
  MpiLibrary mpi;
  symbols.find("ompi_mpi_comm_world", mpi.world);
  symbols.find("ompi_mpi_byte", mpi.byte);
  symbols.find("ompi_mpi_errors_return", mpi.errorsReturn);
  symbols.find("ompi_mpi_info_null", mpi.noInfo);
  symbols.find("MPI_Init_thread", mpi.initThread);
  symbols.find("MPI_Comm_size", mpi.commSize);
  symbols.find("MPI_Comm_rank", mpi.commRank);
  symbols.find("MPI_Comm_set_errhandler", mpi.commSetErrhandler);
  symbols.find("MPI_Comm_split_type", mpi.commSplitType);
  symbols.find("MPI_Comm_split", mpi.commSplit);
  symbols.find("MPI_Bcast", mpi.bcast);
  symbols.find("MPI_Isend", mpi.isend);
  symbols.find("MPI_Irecv", mpi.irecv);
  symbols.find("MPI_Testall", mpi.testall);
  symbols.find("MPI_Cancel", mpi.cancel);
  symbols.find("MPI_Finalize", mpi.finalize);
  symbols.find("MPI_Abort", mpi.abort);
  symbols.find("MPI_Error_string", mpi.errorString);
  if (auto status = symbols.status(); !status.ok()) return status;
  return mpi;
}

std::string MpiLibrary::errorText(int code) const {
  char text[kMostErrorText] = "";
  int length = 0;
  errorString(code, text, &length);
  return absl::StrCat(text, " (", code, ")");
}

absl::StatusOr<std::string> mpiLibraryVersion() {
  const auto library = open();
  if (!library.ok()) return library.status();
  int (*version)(char *, int *) = nullptr;
  Symbols symbols(*library);
  symbols.find("MPI_Get_library_version", version);
  if (auto status = symbols.status(); !status.ok()) return status;
  char text[kMostVersionText] = "";
  int length = 0;
  version(text, &length);
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace cleave
