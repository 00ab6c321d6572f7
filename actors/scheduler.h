// Runs a graph of actors.

#ifndef CLEAVE_ACTORS_SCHEDULER_H
#define CLEAVE_ACTORS_SCHEDULER_H

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "actors/actor.h"
#include "actors/clock.h"
#include "actors/task_event.h"

namespace cleave {

struct SchedulerOptions {
  int64_t deadlineNanos = int64_t{60} * 1000000000;  // since anything last ended; 0: wait for ever
  int64_t spinNanos = 0;                             // before a thread parks; 0 where threads exceed cores
  Clock *clock = nullptr;                            // of all times; null: the machine's. Not owned
  bool log = false;                                  // keep what log() tells
  bool trace = false;                                // with kernels; needs `log`
};

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // Every actor acts `steps` times, those of a stream one after the other. Returns when all have, or when the run was
  // given up and no thread is at work any more: the first error; after the deadline a report of who waits for whom. One
  // run at a time. `graph` must be finished; after an error reset it.
  virtual absl::Status run(ActorGraph &graph, int64_t steps) = 0;

  // Gives up the run under way; from any thread. No effect between runs.
  virtual void interrupt(absl::Status why) = 0;

  // Of the last run; no streams where SchedulerOptions::log is off.
  virtual const RunLog &log() const = 0;
};

// A thread for each of `streams` streams; graphs may have fewer.
std::unique_ptr<Scheduler> makeThreadedScheduler(int streams, const SchedulerOptions &options);

// Everything on the caller's thread; which of the possible events comes next is drawn by `seed`.
std::unique_ptr<Scheduler> makeDeterministicScheduler(uint64_t seed, const SchedulerOptions &options);

}  // namespace cleave

#endif  // CLEAVE_ACTORS_SCHEDULER_H
