// Finds the op that first made a value that is not finite.

#ifndef CLEAVE_RUNTIME_FINITE_CHECK_H
#define CLEAVE_RUNTIME_FINITE_CHECK_H

#include <mutex>

#include "absl/status/status.h"
#include "actors/task_actors.h"

namespace cleave {

// Looks for outputs with NaN or infinity of tasks whose inputs have none. Values that are infinite by intent are left
// out: constants and what is selected from them, the empty maximum of a reduction, the log-sum of an attention row that
// sees nothing.
class FiniteCheck final : public TaskObserver {
 public:
  void onTask(const TaskLabel &label, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) final;

  // Of the run since the last call: OutOfRange that names the first such op in the program's order.
  absl::Status take();

 private:
  std::mutex mutex_;
  const TaskLabel *first_ = nullptr;
};

// Whether all elements are finite; integers always are.
bool isFinite(const TensorView &view);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FINITE_CHECK_H
