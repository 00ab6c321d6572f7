// Open MPI's C functions, found when the program runs: nothing links MPI.

#ifndef CLEAVE_RUNTIME_TRANSPORT_MPI_LIBRARY_H
#define CLEAVE_RUNTIME_TRANSPORT_MPI_LIBRARY_H

#include <string>

#include "absl/status/statusor.h"

namespace cleave {

// Handles are pointers in Open MPI, and constants are addresses of symbols of the library.
struct MpiLibrary {
  using Handle = void *;

  static constexpr int kFunneled = 1;  // MPI_THREAD_FUNNELED
  static constexpr int kShared = 0;    // MPI_COMM_TYPE_SHARED
  Handle world = nullptr, byte = nullptr, errorsReturn = nullptr, noInfo = nullptr;

  int (*initThread)(int *, char ***, int, int *) = nullptr;
  int (*commSize)(Handle, int *) = nullptr;
  int (*commRank)(Handle, int *) = nullptr;
  int (*commSetErrhandler)(Handle, Handle) = nullptr;
  int (*commSplitType)(Handle, int, int, Handle, Handle *) = nullptr;
  int (*commSplit)(Handle, int, int, Handle *) = nullptr;
  int (*bcast)(void *, int, Handle, int, Handle) = nullptr;
  int (*isend)(const void *, int, Handle, int, int, Handle, Handle *) = nullptr;
  int (*irecv)(void *, int, Handle, int, int, Handle, Handle *) = nullptr;
  int (*testall)(int, Handle *, int *, void *) = nullptr;
  int (*cancel)(Handle *) = nullptr;
  int (*finalize)() = nullptr;
  int (*abort)(Handle, int) = nullptr;
  int (*errorString)(int, char *, int *) = nullptr;

  // Never unloaded: it has threads and handlers of its own.
  static absl::StatusOr<MpiLibrary> load();

  std::string errorText(int code) const;
};

// "Open MPI v4.1.4, ...", or why there is none. Starts nothing.
absl::StatusOr<std::string> mpiLibraryVersion();

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_MPI_LIBRARY_H
