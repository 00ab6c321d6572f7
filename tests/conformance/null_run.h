// Runs an entry of a plan without doing its work: kernels do nothing, and a collective is over some random time after
// all its ranks have come. What is left is the order of events, which is drawn by a seed.

#ifndef CLEAVE_TESTS_CONFORMANCE_NULL_RUN_H
#define CLEAVE_TESTS_CONFORMANCE_NULL_RUN_H

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/status/statusor.h"
#include "actors/clock.h"
#include "runtime/build_graph.h"
#include "runtime/device.h"
#include "runtime/plan/plan.pb.h"
#include "runtime/plan/program.h"

namespace cleave {

// A kernel that does nothing for each kernel of the plan.
Registry nullKernels(const plan::Plan &plan);

// The plan as plain structs, checked but without its proofs.
absl::StatusOr<LoadedPlan> loadUnproved(const plan::Plan &plan, const Registry &registry);

class NullCommunicator;
class Ledger;

class NullRun {
 public:
  // `plan` and `entry` must outlive the run.
  static absl::StatusOr<std::unique_ptr<NullRun>> create(const LoadedPlan &plan, const program::Entry &entry);
  ~NullRun();

  // Runs the entry so many times. Fails where it deadlocks, and where a task meets bytes that are not what it should
  // find there: taken by another value, not yet written, or still carried by a link.
  absl::Status run(uint64_t seed, int times);

 private:
  NullRun();

  std::unique_ptr<KernelSite> site_;
  std::vector<RankSite> ranks_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<NullCommunicator> communicator_;
  std::deque<TaskLabel> labels_;
  ActorGraph graph_;
  ManualClock clock_;
};

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_NULL_RUN_H
