// The processes of a job, each with its share of the mesh's devices, and what they tell each other besides data.

#ifndef CLEAVE_RUNTIME_TRANSPORT_JOB_H
#define CLEAVE_RUNTIME_TRANSPORT_JOB_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernels/api/transport.h"
#include "runtime/flight/flight_recorder.h"

namespace cleave {

// Which ranks of a mesh are here: process p holds ranks p * d to p * d + d - 1.
struct RankRange {
  int first = 0, end = 0;
  bool contains(int rank) const { return rank >= first && rank < end; }
  int size() const { return end - first; }
};

// Methods are for one thread. All but the first few must be called by all processes, in the same order; each ends with
// an error if peers don't answer within the deadline.
class Job {
 public:
  // `transport` must outlive it. 0: no deadline.
  Job(Transport &transport, std::string host, double deadlineSeconds);

  // From now on `flight` hears of messages; it must outlive them.
  void recordIn(FlightRecorder &flight) { flight_ = &flight; }

  Transport &transport() { return transport_; }
  int process() const { return transport_.process(); }
  int processes() const { return transport_.processes(); }
  bool isFirst() const { return process() == 0; }
  // Known after compare().
  const std::vector<std::string> &hosts() const { return hosts_; }  // by process
  int processesOfHost() const { return processesOfHost_; }          // here

  // What every process says, by process.
  absl::StatusOr<std::vector<std::string>> gather(const std::string &mine);

  // Fails, in every process, where a fact of one process differs from the first's; names the process, its host and the
  // fact. Values are printed as they are: short ones.
  absl::Status compare(const std::vector<std::pair<std::string, std::string>> &facts);

  // Whether any process says so.
  absl::StatusOr<bool> any(bool mine);

  // One message to or from a peer.
  absl::Status send(int peer, absl::string_view bytes);
  enum class Patience { kDeadline, kForEver };
  absl::Status receive(int peer, void *data, int64_t bytes, Patience patience = Patience::kDeadline);

 private:
  absl::Status move(std::vector<Transport::Part> parts, absl::string_view what,
                    Patience patience = Patience::kDeadline);

  Transport &transport_;
  const std::string host_;
  const double deadlineSeconds_;
  const int channel_;
  std::vector<std::string> hosts_;
  int processesOfHost_ = 1;
  FlightRecorder *flight_ = nullptr;
};

// How the ranks of a mesh are spread over the processes. `devicesPerProcess` 0: evenly. Fails unless that comes out.
absl::StatusOr<RankRange> ranksOfProcess(int ranks, int process, int processes, int64_t devicesPerProcess);

std::string nameOfHost();

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_JOB_H
