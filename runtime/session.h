// Runs the entries of a plan on this machine's devices.
//
// A session holds one arena of memory a device, the variables of the plan in it, and the threads. Every tensor at its
// doors is a global one in the host's memory: a session scatters and gathers by the plan's layouts. Calls are
// serialized by the caller, except interrupt(), which any thread may call.

#ifndef CLEAVE_RUNTIME_SESSION_H
#define CLEAVE_RUNTIME_SESSION_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kernels/api/tensor_view.h"
#include "runtime/flight/flight_recorder.h"
#include "runtime/host_tensor.h"
#include "runtime/links.h"
#include "runtime/plan/program.h"
#include "runtime/trace/chrome_trace.h"
#include "runtime/trace/device_run.h"
#include "runtime/transport/job.h"

namespace cleave {

class Clock;

// The devices of a session that is one of several, one a process. Every process makes the same calls, but for reads of
// variables; inputs are whole in each.
struct SessionPart {
  Job *job = nullptr;  // not owned; null: all devices are here
  RankRange ranks;     // whose devices are here
  bool sharesArrivals = false;  // processes tell each other after each run how late who was; all or none
  FlightRecorder *flight = nullptr;  // hears of collectives and of what runs; null: nobody does. Not owned
};

struct SessionOptions {
  SessionPart part;
  int threadsPerDevice = 0;     // 0: max(1, cores / devices)
  double deadlineSeconds = 60;  // a run in which nothing has ended for so long is given up; 0: never
  bool deterministic = false;   // one thread, which picks among what could run next by `seed`: for tests
  uint64_t seed = 0;
  Clock *clock = nullptr;  // of deadlines and links; null: the machine's. Not owned
  LinkSpeeds links;        // that collectives act as if they had; the plan is the same with and without
  // Collectives of floats give every rank what it has itself: the numbers are wrong, and the times those of a plan whose
  // communication costs nothing.
  bool withoutCommunication = false;
  bool trace = false;      // keep the time of every task (see takeTrace)
  // Look at everything that kernels write: a run fails, once it is through, with the first op (in the program's order)
  // that made a value that is not finite. Costs one more pass over all values.
  bool checkFinite = false;
};

using Inputs = std::map<std::string, TensorView>;   // by port; global, in host memory, of the port's type
using Outputs = std::map<std::string, HostTensor>;  // by port; global

class Session {
 public:
  // Allocates arenas (address space: pages are touched when they are first used) and starts threads. States have their
  // fill value; parameters are zero until written or until an entry makes them.
  static absl::StatusOr<std::unique_ptr<Session>> create(LoadedPlan plan, const SessionOptions &options);
  ~Session();

  // Scatters a global value to all ranks, or gathers it. The view has the variable's dtype and dims; any strides.
  absl::Status write(absl::string_view variable, const TensorView &global);
  absl::Status read(absl::string_view variable, const TensorView &global) const;

  // The same for a part: elements [start, start + extent) of each dimension, with a view of these extents.
  absl::Status writePart(absl::string_view variable, const Box &part, const TensorView &values);
  absl::Status readPart(absl::string_view variable, const Box &part, const TensorView &values) const;

  // With other processes, reads are for the first one; the others meanwhile answer, until it calls endReads. What lies
  // here any process may read at any time.
  absl::Status serveReads();
  absl::Status endReads();

  // Runs an entry once. Every input port must be given. An error of a kernel names task, op, layer, rank and location.
  // After a failed run of an entry that updates variables their values are unspecified, and the session refuses further
  // runs.
  absl::StatusOr<Outputs> run(absl::string_view entry, const Inputs &inputs);

  // Ends the run under way with `why`. The session then refuses further runs. No effect between runs.
  void interrupt(absl::Status why);

  // Bytes of each device: its arena as planned and the scratch memory of its threads.
  std::vector<int64_t> peakBytes() const;
  int threadsPerDevice() const;
  const LoadedPlan &plan() const;

  // What each device here did in the last run that went well.
  std::vector<DeviceRun> lastRun() const;

  // How long each rank stood still in that run for others that had not arrived: of all ranks of the mesh where all are
  // here or SessionPart::sharesArrivals asked for it, else empty.
  std::vector<int64_t> lateNanos() const;

  // Of the runs that went well since the last call, where SessionOptions::trace asked for it. Write it with
  // runtime/trace/chrome_trace.h.
  TraceLog takeTrace();

 private:
  class Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_SESSION_H
