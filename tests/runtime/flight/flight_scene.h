// A job of two processes of two ranks each, and what the tests of flight records need of it.

#ifndef CLEAVE_TESTS_RUNTIME_FLIGHT_FLIGHT_SCENE_H
#define CLEAVE_TESTS_RUNTIME_FLIGHT_FLIGHT_SCENE_H

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/flight/flight_recorder.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave::testing {

// Entry "step": collective 0 over the pairs {0, 1} and {2, 3}, which lie in one process each; collective 1 over {0, 2}
// and {1, 3}.
inline LoadedPlan flightPlan() {
  const auto collective = [](std::string name, std::vector<std::vector<int>> groups) {
    CollectiveSpec spec;
    spec.kind = "all_reduce";
    spec.name = std::move(name);
    spec.reduction = Reduction::kSum;
    spec.dims = {{2}};
    spec.bytes = 8;
    const Box whole = wholeBox(spec.dims[0]);
    for (const std::vector<int> &ranks : groups) spec.groups.push_back({ranks, {{{whole, whole}, {whole, whole}}}});
    return spec;
  };
  LoadedPlan plan;
  plan.members.resize(4);
  program::Entry &entry = plan.entries.emplace_back();
  entry.name = "step";
  entry.collectives = {collective("near", {{0, 1}, {2, 3}}), collective("far", {{0, 2}, {1, 3}})};
  return plan;
}

inline FlightIdentity flightIdentity(int process, std::string job = "1") {
  return {std::move(job), process, 2, 2 * process, 2 * process + 2, process == 0 ? "a" : "b", 0};
}

inline std::unique_ptr<FlightRecorder> flightRecorder(const std::string &folder, int process, std::string job = "1") {
  auto made = FlightRecorder::create(folder, flightIdentity(process, std::move(job)), flightPlan());
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *std::move(made) : nullptr;
}

inline FlightRecord readBack(const std::string &folder, int process) {
  const auto record = readFlightRecord(contentsOf(flightPath(folder, process)));
  EXPECT_TRUE(record.ok()) << record.status();
  return record.ok() ? *record : FlightRecord();
}

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_RUNTIME_FLIGHT_FLIGHT_SCENE_H
