// Finds the op that first made a value that is not finite.

#ifndef CLEAVE_RUNTIME_FINITE_CHECK_H
#define CLEAVE_RUNTIME_FINITE_CHECK_H

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "actors/task_actors.h"

namespace cleave {

// Looks for outputs with NaN or infinity of tasks whose inputs have none. Values that are infinite by intent are left
// out: constants and what is selected from them, the empty maximum of a reduction, the log-sum of an attention row that
// sees nothing. So are collectives where some rank's part was not finite before.
class FiniteCheck final : public TaskObserver {
 public:
  void onTask(const TaskLabel &label, absl::Span<const TensorView> inputs, absl::Span<const TensorView> outputs) final;

  // Of the run since the last call: OutOfRange that names the first such op in the program's order.
  absl::Status take();

 private:
  std::mutex mutex_;
  std::vector<const TaskLabel *> suspects_;  // they made such values of finite ones, as far as their rank knows
  std::set<std::string> cleared_;            // collectives that only passed on what some rank had
};

// Whether all elements are finite; integers always are.
bool isFinite(const TensorView &view);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FINITE_CHECK_H
