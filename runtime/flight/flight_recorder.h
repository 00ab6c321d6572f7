// Keeps a process's flight record: a small ring of what it did last, in memory that is mapped from a file. Nothing has
// to be written when something goes wrong: the file is there whatever ends the process, SIGKILL too.

#ifndef CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORDER_H
#define CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORDER_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/flight/flight_record.h"
#include "runtime/plan/program.h"

namespace cleave {

namespace flight {
struct Head;
struct Slot;
}  // namespace flight

// Methods may be called from any thread and never wait. A thread of its own gives a sign of life ten times a second.
class FlightRecorder {
 public:
  // Makes the folder, and the file of this process anew. FlightIdentity::pid is filled in. The ring holds the last two
  // runs of every entry.
  static absl::StatusOr<std::unique_ptr<FlightRecorder>> create(const std::string &folder, FlightIdentity identity,
                                                                const LoadedPlan &plan);
  ~FlightRecorder();

  void enter(FlightPhase phase, int64_t step);

  // A collective of an entry (indices of the plan). A rank here that is enqueued begins a new turn of it.
  void collective(FlightEvent::Kind kind, int entry, int collective, int rank);

  // One exchange with another process.
  void messageBegun(int process, int64_t bytes);
  void messageEnded(int process);

  // How the process ends: what is said first counts.
  void end(const absl::Status &status);

 private:
  FlightRecorder(FlightIdentity identity, const LoadedPlan &plan);

  absl::Status map(const std::string &path, const std::vector<FlightCollective> &collectives, int64_t capacity);
  void add(FlightEvent event);
  void liveOn();

  const FlightIdentity identity_;
  std::vector<int> firstOfEntry_;  // in the list of all collectives
  std::vector<int64_t> bytes_;     // by collective
  std::vector<std::atomic<int64_t>> turns_;     // by collective, then rank here
  std::vector<std::atomic<int64_t>> messages_;  // by process
  void *memory_ = nullptr;
  int64_t size_ = 0;
  flight::Head *head_ = nullptr;
  flight::Slot *slots_ = nullptr;
  std::mutex mutex_;
  std::condition_variable closing_;
  bool isClosing_ = false;
  std::thread life_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORDER_H
