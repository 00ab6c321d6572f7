#include "runtime/build_graph.h"

#include <gtest/gtest.h>

#include "runtime/device.h"
#include "runtime/load_plan.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

class BuildGraph : public testing::Test {
 protected:
  // Builds the graph of a plan's only entry and counts its actors and edges.
  void build(const PlanBuilder &builder) {
    const auto plan = loadPlan(builder.bytes(), registry_);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const auto site = KernelSite::create(/*threads=*/1, /*spinNanos=*/0);
    ASSERT_TRUE(site.ok());
    const std::vector<RankSite> ranks(plan->ranks(), {nullptr, {&(*site)->context(), &(*site)->context()}});
    const auto communicator = makeSharedMemoryCommunicator(plan->entries[0].collectives);
    std::deque<TaskLabel> labels;
    ActorGraph graph;
    const GraphSites sites{*plan, plan->entries[0], {0, plan->ranks()}, ranks, *communicator, nullptr, labels};
    ASSERT_TRUE(buildGraph(sites, 2, graph).ok());
    actors_ = graph.actors();
    edges_ = graph.edges();
    streams_ = graph.streams();
  }

  const Registry registry_ = makeTestRegistry();
  int actors_ = 0, edges_ = 0, streams_ = 0;
};

TEST_F(BuildGraph, AStraightRunOfKernelsIsOneActor) {
  PlanBuilder builder(1);
  builder.addClass({0});
  builder.addEntry("step");
  int last = builder.addRegister(0, "x", {2});
  builder.addPort(true, "x", {2}, -1, {last});
  for (int t = 0; t < 20; ++t) {
    const int next = builder.addRegister(0, "v", {2});
    builder.addTask(0, 0, "copy" + std::to_string(t), "copy", {last}, {next});
    last = next;
  }
  build(builder);
  EXPECT_EQ(actors_, 1);
  EXPECT_EQ(edges_, 0);
  EXPECT_EQ(streams_, 2);
}

TEST_F(BuildGraph, ChainsAreCutWhereAnotherStreamWaitsOrIsAwaited) {
  // On each of two ranks: [double, sum] -> reduce -> [update], and [overlapped] between them.
  build(makeExampleStep());
  EXPECT_EQ(actors_, 2 * 4);
  EXPECT_EQ(edges_, 2 * 2);
}

TEST_F(BuildGraph, SeveralWaitsForOneStreamAreOneEdge) {
  PlanBuilder builder(1);
  builder.addClass({0});
  builder.addEntry("step");
  const int x = builder.addRegister(0, "x", {2}), a = builder.addRegister(0, "a", {2});
  const int b = builder.addRegister(0, "b", {2}), c = builder.addRegister(0, "c", {2});
  builder.addPort(true, "x", {2}, -1, {x});
  builder.addTask(0, 0, "a", "copy", {x}, {a});
  builder.addTask(0, 0, "b", "copy", {x}, {b});
  builder.addTask(0, 1, "c", "add", {a, b}, {c});
  build(builder);
  EXPECT_EQ(actors_, 2);
  EXPECT_EQ(edges_, 1);
}

}  // namespace
}  // namespace cleave
