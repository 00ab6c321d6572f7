// The kinds of actors that a plan is made of: chains of kernels, and collectives.

#ifndef CLEAVE_ACTORS_TASK_ACTORS_H
#define CLEAVE_ACTORS_TASK_ACTORS_H

#include <atomic>
#include <memory>
#include <vector>

#include "actors/actor.h"
#include "actors/task_event.h"
#include "kernels/api/communicator.h"
#include "kernels/api/registry.h"

namespace cleave {

// Looks at what tasks read and wrote, right after each. Called from all streams' threads.
class TaskObserver {
 public:
  virtual ~TaskObserver() = default;
  virtual void onTask(const TaskLabel &label, absl::Span<const TensorView> inputs,
                      absl::Span<const TensorView> outputs) = 0;
};

// One call of a kernel. What it points to outlives the chain.
struct KernelTask {
  const Kernel *kernel = nullptr;
  const Attributes *attributes = nullptr;
  std::vector<TensorView> inputs, outputs;
  const TaskLabel *label = nullptr;
};

// A straight run of kernels on one stream is one actor, so that a message is paid per dependency and not per kernel.
std::unique_ptr<Actor> makeChain(std::vector<KernelTask> tasks, KernelContext &context, TaskObserver *observer);

struct CollectiveTask {
  int collective = 0, rank = 0;
  std::vector<TensorView> inputs, outputs;  // one a segment
  const TaskLabel *label = nullptr;
};

// Starts a collective and is pending until all members have come and the data have been moved. What an emulated link
// still carries then holds its consumers, not its stream. The listener of its call posts to the actor itself, `self`.
std::unique_ptr<Actor> makeCollective(CollectiveTask task, ActorId self, Communicator &communicator,
                                      TaskObserver *observer);

}  // namespace cleave

#endif  // CLEAVE_ACTORS_TASK_ACTORS_H
