// Collectives between processes, with the network in memory, against the definition in communicator.h to the last bit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/api/communicator.h"
#include "tests/kernels/collectives/definition.h"
#include "tests/kernels/collectives/local_network.h"
#include "tests/kernels/collectives/spec_builder.h"

namespace cleave {
namespace {

using Event = CollectiveListener::Event;

// Communicators of all processes.
struct Processes {
  Processes(const std::vector<CollectiveSpec> &specs, const std::vector<int> &processOf)
      : processOf(processOf), network(*std::max_element(processOf.begin(), processOf.end()) + 1) {
    for (int p = 0; p <= *std::max_element(processOf.begin(), processOf.end()); ++p)
      communicators.push_back(makeProcessCommunicator(specs, processOf, network.at(p)));
  }
  Communicator &of(int rank) { return *communicators[processOf[rank]]; }

  const std::vector<int> processOf;
  std::vector<std::unique_ptr<Communicator>> communicators;
  testing::LocalNetwork network;  // last: its thread ends first
};

void check(const CollectiveSpec &spec, const std::vector<int> &processOf, bool hasGaps, bool inPlace, uint64_t seed) {
  const std::vector<CollectiveSpec> specs = {spec};
  Processes processes(specs, processOf);
  for (int round = 0; round < 2; ++round)
    checkDefinition(spec, hasGaps, inPlace, seed + round, [&](int rank) -> Communicator & { return processes.of(rank); });
}

// By rank: one each, two of two, two of one and three.
const std::vector<std::vector<int>> kPlaces = {{0, 1, 2, 3}, {0, 0, 1, 1}, {0, 1, 1, 1}, {0, 1, 0, 1}};

TEST(ProcessCommunicator, EveryKindFollowsItsDefinitionHoweverRanksAreSpread) {
  uint64_t seed = 0;
  for (const std::vector<int> &places : kPlaces)
    for (const std::vector<int64_t> &dims : std::vector<std::vector<int64_t>>{{5, 7}, {2, 3}, {0, 4}, {160, 130}})
      for (const int members : {2, 3, 4})
        for (const bool hasGaps : {false, true}) {
          check(specOf("all_reduce", Reduction::kSum, dims, members, -1, -1), places, hasGaps, false, ++seed);
          check(specOf("reduce_scatter", Reduction::kMax, dims, members, -1, 1), places, hasGaps, false, ++seed);
          check(specOf("all_gather", Reduction::kNone, dims, members, 0, -1), places, hasGaps, false, ++seed);
          check(specOf("all_to_all", Reduction::kNone, dims, members, 0, 1), places, hasGaps, false, ++seed);
          check(specOf("broadcast", Reduction::kNone, dims, members, -1, -1), places, hasGaps, false, ++seed);
        }
}

TEST(ProcessCommunicator, AnAllReduceMayWorkInPlace) {
  for (const std::vector<int> &places : kPlaces)
    for (const std::vector<int64_t> &dims : std::vector<std::vector<int64_t>>{{}, {3, 5}, {50000}})
      for (const bool hasGaps : {false, true})
        check(specOf("all_reduce", Reduction::kSum, dims, 4, -1, -1), places, hasGaps, /*inPlace=*/true, 1);
}

TEST(ProcessCommunicator, GroupsWithinAndAcrossProcessesDontMeet) {
  CollectiveSpec spec = specOf("all_reduce", Reduction::kSum, {20000}, 2, -1, -1);
  spec.groups.push_back(spec.groups[0]);
  for (const auto &ranks : std::vector<std::vector<std::vector<int>>>{{{0, 2}, {1, 3}}, {{0, 1}, {2, 3}}, {{0, 3}, {1, 2}}}) {
    spec.groups[0].ranks = ranks[0];
    spec.groups[1].ranks = ranks[1];
    check(spec, {0, 0, 1, 1}, /*hasGaps=*/false, /*inPlace=*/false, 7);
  }
}

TEST(ProcessCommunicator, StartNeverBlocksTellsWhoIsAwaitedAndCanBeGivenUp) {
  const std::vector<CollectiveSpec> specs = {specOf("all_reduce", Reduction::kSum, {4}, 3, -1, -1)};
  Processes processes(specs, {0, 0, 1});
  Member near, far;
  float values[8] = {};
  const TensorView view = TensorView::contiguous(values, DType::kF32, {4});
  const TensorView other = TensorView::contiguous(values + 4, DType::kF32, {4});
  processes.of(0).start({0, 0, {view}, {view}, &near});
  EXPECT_FALSE(near.hasEvent());
  EXPECT_THAT(processes.of(0).awaited(0, 0), ::testing::ElementsAre(1));
  processes.of(2).start({0, 2, {other}, {other}, &far});
  processes.of(2).abort();
  EXPECT_EQ(far.await(), Event::kFailed);
  processes.of(0).abort();
  EXPECT_EQ(near.await(), Event::kFailed);
  processes.of(0).start({0, 0, {view}, {view}, &near});
  EXPECT_EQ(near.await(), Event::kFailed);
}

}  // namespace
}  // namespace cleave
