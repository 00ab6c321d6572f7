// What a task is called, and when what ran. All times are of the scheduler's clock.

#ifndef CLEAVE_ACTORS_TASK_EVENT_H
#define CLEAVE_ACTORS_TASK_EVENT_H

#include <cstdint>
#include <string>
#include <vector>

#include "actors/message.h"

namespace cleave {

// Of one task on one rank; outlives all runs.
struct TaskLabel {
  std::string op, kernel, layer, phase, location;
  int rank = 0;
  int order = 0;  // in the program
  int collective = -1;  // of the entry; -1: a kernel
  // Of a collective: the mesh axes whose links it uses, and the first task that waits for it on another stream.
  std::vector<std::string> axes;
  const TaskLabel *waiter = nullptr;
  std::string str() const;  // "op 'x' (kernel matmul, layer block 3, rank 1, at model.mlir:3:1)"
};

struct TaskEvent {
  const TaskLabel *label = nullptr;
  int64_t beginNanos = 0, endNanos = 0;
};

// One turn of a collective on one rank.
struct CollectiveEvent {
  const TaskLabel *label = nullptr;
  int64_t startNanos = 0;    // this rank was there
  int64_t arrivedNanos = 0;  // the last one was
  int64_t beginNanos = 0;    // its links were free: the transfer began
  int64_t doneNanos = 0;     // the data have been moved: the stream went on
  int64_t endNanos = 0;      // its consumers may act; not before doneNanos
};

// A stream had nothing to do until an actor's inputs were there.
struct WaitEvent {
  ActorId actor{};
  int64_t beginNanos = 0, endNanos = 0;
};

// What a stream did in one run, each list in order.
struct StreamLog {
  std::vector<TaskEvent> tasks;  // kernels; where SchedulerOptions::trace asks for them
  std::vector<CollectiveEvent> collectives;
  std::vector<WaitEvent> waits;
  int64_t endNanos = -1;  // of the last actor; -1: there was none
};

struct RunLog {
  int64_t beginNanos = 0, endNanos = 0;
  std::vector<StreamLog> streams;  // of the graph
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_TASK_EVENT_H
