// What a flight record costs: one event of a collective, noted by one thread and by two at once. Medians; one JSON
// line.

#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "runtime/flight/flight_recorder.h"
#include "tests/bench/spin_latency.h"

namespace cleave {
namespace {

constexpr int kEvents = 300000;

LoadedPlan planOfOneCollective() {
  LoadedPlan plan;
  plan.members.resize(2);
  program::Entry &entry = plan.entries.emplace_back();
  entry.name = "step";
  entry.collectives.emplace_back().groups = {{{0, 1}, {}}};
  return plan;
}

double measure(FlightRecorder &recorder, int threads) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> all;
  for (int rank = 0; rank < threads; ++rank)
    all.emplace_back([&, rank] {
      for (int e = 0; e < kEvents; ++e) recorder.collective(FlightEvent::Kind::kEnqueued, 0, 0, rank);
    });
  for (std::thread &thread : all) thread.join();
  return nanosSince(start) / kEvents;
}

int run() {
  constexpr int kRuns = 11;
  const std::string folder = std::filesystem::temp_directory_path() / "cleave-flight-bench";
  FlightIdentity identity;
  identity.endRank = 2;
  const LoadedPlan plan = planOfOneCollective();
  auto recorder = FlightRecorder::create(folder, identity, plan);
  if (!recorder.ok()) {
    std::fprintf(stderr, "%s\n", recorder.status().ToString().c_str());
    return 1;
  }
  std::vector<double> one, two;
  for (int i = 0; i < kRuns; ++i) {
    one.push_back(measure(**recorder, 1));
    two.push_back(measure(**recorder, 2));
  }
  recorder->reset();
  std::filesystem::remove_all(folder);
  std::printf("{\"bench\": \"flight\", \"event_ns\": %.1f, \"event_of_two_threads_ns\": %.1f}\n", medianOf(one),
              medianOf(two));
  return 0;
}

}  // namespace
}  // namespace cleave

int main() { return cleave::run(); }
