// Messages between the processes that a launcher started, over Open MPI.

#ifndef CLEAVE_RUNTIME_TRANSPORT_MPI_TRANSPORT_H
#define CLEAVE_RUNTIME_TRANSPORT_MPI_TRANSPORT_H

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/api/transport.h"
#include "runtime/launch/launch.h"

namespace cleave {

// One thread of its own makes every call of MPI and sees messages through. Processes of a host have numbers that follow
// each other, even where the launcher deals them out in turns.
class MpiTransport : public Transport {
 public:
  // Loads MPI and starts it; waits for the other processes. Fails if MPI sees other processes than the launcher named.
  static absl::StatusOr<std::unique_ptr<MpiTransport>> join(const Launch &launch);

  // Leaves the job when all others do. Without it the destructor ends all processes of the job.
  virtual absl::Status leave() = 0;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_MPI_TRANSPORT_H
