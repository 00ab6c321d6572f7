// What a message between two actors costs, sent, received and acted on: on one thread, and to a thread that spins.
// Medians of interleaved runs; one JSON line.

#include <algorithm>
#include <cstdio>
#include <memory>

#include "actors/scheduler.h"
#include "tests/bench/spin_latency.h"

namespace cleave {
namespace {

class EmptyActor final : public Actor {
 public:
  Outcome act(ActContext &) final { return Outcome::kDone; }
  std::string doing() const final { return "nothing"; }
};

// Two actors that hand one register back and forth: "filled" there and "freed" back, two messages a step.
double measureMessage(Scheduler &scheduler, int streams, int64_t steps) {
  ActorGraph graph;
  const StreamId first = graph.addStream(RankId(0), "first");
  const StreamId second = streams == 1 ? first : graph.addStream(RankId(0), "second");
  const ActorId from = graph.addActor(first, std::make_unique<EmptyActor>());
  const ActorId to = graph.addActor(second, std::make_unique<EmptyActor>());
  graph.addEdge({from, to, Message::Kind::kFilled, /*tokens=*/0, /*capacity=*/1, RegisterId(), Bytes(), "value"});
  graph.addEdge({to, from, Message::Kind::kFreed, /*tokens=*/1, /*capacity=*/1, RegisterId(), Bytes(), "value"});
  graph.finish();
  (void)scheduler.run(graph, steps / 10);
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = scheduler.run(graph, steps);
  const double nanos = nanosSince(start) / (2.0 * static_cast<double>(steps));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return nanos;
}

int run() {
  constexpr int kRuns = 15;
  SchedulerOptions options;
  options.deadlineNanos = 0;
  options.spinNanos = 1000000;
  const auto one = makeThreadedScheduler(1, options), two = makeThreadedScheduler(2, options);
  std::vector<double> spin, same, across;
  for (int i = 0; i < kRuns; ++i) {
    spin.push_back(measureSpinLatency(100000));
    same.push_back(measureMessage(*one, 1, 500000));
    across.push_back(measureMessage(*two, 2, 100000));
  }
  const double limit = std::max(100.0, 1.3 * medianOf(spin));
  std::printf(
      "{\"bench\": \"message\", \"same_thread_ns\": %.1f, \"same_thread_limit_ns\": 30, \"spinning_thread_ns\": %.1f, "
      "\"spinning_thread_limit_ns\": %.1f, \"spin_latency_ns\": %.1f}\n",
      medianOf(same), medianOf(across), limit, medianOf(spin));
  return 0;
}

}  // namespace
}  // namespace cleave

int main() { return cleave::run(); }
