// What a task is called, and when it ran.

#ifndef CLEAVE_ACTORS_TASK_EVENT_H
#define CLEAVE_ACTORS_TASK_EVENT_H

#include <cstdint>
#include <string>

namespace cleave {

// Of one task on one rank; outlives all runs.
struct TaskLabel {
  std::string op, kernel, layer, phase, location;
  int rank = 0;
  int order = 0;            // in the program
  std::string str() const;  // "op 'x' (kernel matmul, layer block 3, rank 1, at model.mlir:3:1)"
};

struct TaskEvent {
  const TaskLabel *label = nullptr;
  int64_t beginNanos = 0, endNanos = 0;  // of the machine's steady clock
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_TASK_EVENT_H
