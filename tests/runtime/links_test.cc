// Sessions whose collectives act as if they ran over links, at a clock that moves only when nothing else can happen:
// kernels take no time, and what a step takes is what its links need.

#include "runtime/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/clock.h"
#include "runtime/load_plan.h"
#include "runtime/session.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kElements = 250;  // of f32: an all-reduce of two sends 1000 bytes

// A mesh of data=2, model=2, whose ranks reduce x over links of both axes.
class Mesh {
 public:
  Mesh() : builder(4) {
    builder.plan().mutable_mesh(0)->set_size(2);
    plan::MeshAxis *model = builder.plan().add_mesh();
    model->set_name("model");
    model->set_kind("model");
    model->set_size(2);
    builder.addClass({0, 1, 2, 3});
    builder.addEntry("step");
    x = builder.addRegister(0, "x", {kElements});
    builder.addPort(true, "x", {kElements}, -1, {x});
  }

  // Reduces a register over groups of ranks.
  int reduce(const std::string &name, int from, const std::vector<std::vector<int64_t>> &groups) {
    const int number = builder.addCollective(name, "sum", {kElements}, makeLayout({kElements}, 4, -1),
                                             makeLayout({kElements}, 4, -1));
    plan::Collective *made = builder.entry().mutable_collectives(number - 1);
    const plan::Group whole = made->groups(0);
    made->clear_groups();
    for (const auto &ranks : groups) {
      plan::Group *group = made->add_groups();
      for (size_t m = 0; m < ranks.size(); ++m) {
        group->add_ranks(ranks[m]);
        *group->add_inputs() = whole.inputs(0);
        *group->add_outputs() = whole.outputs(0);
      }
    }
    const int to = builder.addRegister(0, name, {kElements});
    builder.addCollectiveTask(0, 1, name, number, from, to);
    return to;
  }
  int reduceModel(const std::string &name, int from) { return reduce(name, from, {{0, 1}, {2, 3}}); }
  int reduceData(const std::string &name, int from) { return reduce(name, from, {{0, 2}, {1, 3}}); }

  int copy(const std::string &name, int from) {
    const int to = builder.addRegister(0, name, {kElements});
    builder.addTask(0, 0, name, "copy", {from}, {to});
    return to;
  }
  void give(int value) { builder.addPort(false, "y", {kElements}, -1, {value}); }

  PlanBuilder builder;
  int x = 0;
};

class LinksTest : public testing::Test {
 protected:
  // Nanoseconds of a step, whatever the order of events.
  int64_t stepNanos(const Mesh &mesh, const LinkSpeeds &links) {
    int64_t nanos = -1;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      ManualClock clock;
      clock.advance(1000);
      SessionOptions options;
      options.deterministic = true;
      options.seed = seed;
      options.clock = &clock;
      options.links = links;
      auto session = start(mesh, options);
      if (!session.ok()) return -1;
      for (int run = 0; run < 2; ++run) {
        const int64_t before = clock.nanos();
        const auto outputs = (*session)->run("step", {{"x", view()}});
        EXPECT_TRUE(outputs.ok()) << outputs.status();
        const int64_t taken = clock.nanos() - before;
        EXPECT_TRUE(nanos < 0 || taken == nanos) << "seed " << seed << ": " << taken << " and " << nanos;
        nanos = taken;
      }
    }
    return nanos;
  }

  absl::StatusOr<std::unique_ptr<Session>> start(const Mesh &mesh, const SessionOptions &options) {
    auto plan = loadPlan(mesh.builder.bytes(), registry_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    if (!plan.ok()) return plan.status();
    return Session::create(*std::move(plan), options);
  }

  TensorView view() { return TensorView::contiguous(x_.data(), DType::kF32, {kElements}); }

  Registry registry_ = makeTestRegistry();
  std::vector<float> x_ = std::vector<float>(kElements, 1);
};

TEST_F(LinksTest, AStepTakesAsLongAsItsLink) {
  Mesh mesh;
  mesh.give(mesh.reduceModel("a", mesh.copy("c", mesh.x)));
  EXPECT_EQ(stepNanos(mesh, {{"model", {40, 1e9}}}), 1040);
  EXPECT_EQ(stepNanos(mesh, {{"model", {40, 1e9}}, {"data", {7, 1}}}), 1040) << "of an axis that nothing moves along";
  EXPECT_EQ(stepNanos(mesh, {{"data", {7, 1}}}), 0);
}

TEST_F(LinksTest, ConsumersWaitForTheTransfer) {
  Mesh mesh;
  const int first = mesh.reduceModel("a", mesh.copy("c", mesh.x));
  mesh.give(mesh.reduceModel("b", mesh.copy("d", first)));
  EXPECT_EQ(stepNanos(mesh, {{"model", {40, 1e9}}}), 2080);
}

TEST_F(LinksTest, ACollectiveWaitsForTheTransferOfTheOneThatItReads) {
  Mesh mesh;
  mesh.give(mesh.reduceData("b", mesh.reduceModel("a", mesh.copy("c", mesh.x))));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1e9}}, {"data", {0, 2e9}}}), 1500);
}

TEST_F(LinksTest, TransfersOverDifferentLinksOverlapThoughTheyShareAStream) {
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x);
  mesh.reduceModel("a", c);
  mesh.give(mesh.reduceData("b", c));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1e9}}, {"data", {0, 1e9}}}), 1000);
}

TEST_F(LinksTest, TransfersOverOneLinkRunOneAfterTheOther) {
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x);
  mesh.reduceModel("a", c);
  mesh.give(mesh.reduceModel("b", c));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1e9}}}), 2000);
}

TEST_F(LinksTest, AConsumerOfTwoTransfersWaitsForTheLaterOneThoughItBeganEarlier) {
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x);
  const int slow = mesh.reduceModel("a", c), fast = mesh.reduceData("b", c);
  const int sum = mesh.builder.addRegister(0, "sum", {kElements});
  mesh.builder.addTask(0, 0, "sum", "add", {slow, fast}, {sum});
  mesh.give(mesh.reduceData("last", sum));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1e9}}, {"data", {0, 1e10}}}), 1100);
}

TEST_F(LinksTest, AGroupAlongBothAxesTakesTheSlowerLinkAndOccupiesBoth) {
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x);
  mesh.reduce("all", c, {{0, 1, 2, 3}});  // 1500 bytes
  mesh.give(mesh.reduceData("b", c));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1e9}}, {"data", {0, 2e9}}}), 1500 + 500);
}

// Of a step under the deterministic scheduler: the largest of all devices.
struct Largest {
  int64_t communication = 0, exposed = 0, late = 0;
};
Largest largestOf(const Session &session) {
  Largest largest;
  for (const DeviceRun &run : session.lastRun()) {
    const DeviceTimes times = timesOf(run, explainIdle(run));
    largest.communication = std::max(largest.communication, times.communication);
    largest.exposed = std::max(largest.exposed, times.exposed);
    largest.late = std::max(largest.late, times.late);
  }
  return largest;
}

TEST_F(LinksTest, WhatNothingHidesIsExposed) {
  Mesh mesh;
  const int a = mesh.reduceModel("a", mesh.copy("c", mesh.x));
  mesh.give(mesh.reduceData("b", mesh.copy("d", a)));  // at the end, when nothing is left to compute
  for (uint64_t seed = 0; seed < 20; ++seed) {
    ManualClock clock;
    SessionOptions options;
    options.deterministic = true;
    options.seed = seed;
    options.clock = &clock;
    options.links = {{"model", {0, 1e9}}, {"data", {0, 2e9}}};
    auto session = start(mesh, options);
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_TRUE((*session)->run("step", {{"x", view()}}).ok());
    const Largest times = largestOf(**session);
    EXPECT_EQ(times.communication, 1500);
    EXPECT_EQ(times.exposed, 1500);
    EXPECT_EQ(times.late, 0);
  }
}

TEST_F(LinksTest, ComputingHidesTransfers) {
  ManualClock clock;
  static ManualClock *worked = nullptr;  // by the kernel "work"; one thread runs all devices
  worked = &clock;
  registry_.add("test", "work", {[](const KernelCall &) { return absl::OkStatus(); },
                                 [](const KernelCall &, KernelContext &) {
                                   worked->advance(100);
                                   return absl::OkStatus();
                                 }});
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x), a = mesh.reduceModel("a", c);
  const int q = mesh.reduceData("q", c);  // over no link, behind `a`, so that the work comes while `a` is under way
  const int w = mesh.builder.addRegister(0, "w", {kElements}), sum = mesh.builder.addRegister(0, "sum", {kElements});
  mesh.builder.addTask(0, 0, "w", "work", {q}, {w});
  mesh.builder.addTask(0, 0, "sum", "add", {a, w}, {sum});
  mesh.give(mesh.reduceModel("b", sum));
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SessionOptions options;
    options.deterministic = true;
    options.seed = seed;
    options.clock = &clock;
    options.links = {{"model", {0, 1e9}}};
    auto session = start(mesh, options);
    ASSERT_TRUE(session.ok()) << session.status();
    ASSERT_TRUE((*session)->run("step", {{"x", view()}}).ok());
    const Largest times = largestOf(**session);
    EXPECT_GE(times.communication, 2000);
    EXPECT_LE(times.exposed, 1900) << "a device's own work is hidden under the first transfer";
    EXPECT_GE(times.exposed, 1000) << "nothing hides the second one";
  }
}

TEST_F(LinksTest, LinksChangeTimesAndNotNumbers) {
  Mesh mesh;
  const int c = mesh.copy("c", mesh.x);
  mesh.reduceModel("a", c);
  mesh.give(mesh.reduceData("b", c));
  SessionOptions options;
  options.threadsPerDevice = 1;
  options.links = {{"model", {1000, 1e12}}, {"data", {1000, 1e12}}};
  auto session = start(mesh, options);
  ASSERT_TRUE(session.ok()) << session.status();
  for (int run = 0; run < 20; ++run) {
    const auto outputs = (*session)->run("step", {{"x", view()}});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_EQ(outputs->at("y").as<float>()[kElements - 1], 2.0f);
  }
}

TEST_F(LinksTest, ATransferMayTakeLongerThanTheDeadline) {
  Mesh mesh;
  mesh.give(mesh.reduceModel("a", mesh.copy("c", mesh.x)));
  EXPECT_EQ(stepNanos(mesh, {{"model", {0, 1}}}), int64_t{1000} * 1000000000);
}

TEST_F(LinksTest, WithoutCommunicationAStepWaitsForNoLink) {
  Mesh mesh;
  mesh.give(mesh.reduceModel("a", mesh.copy("c", mesh.x)));
  ManualClock clock;
  SessionOptions options;
  options.deterministic = true;
  options.clock = &clock;
  options.links = {{"model", {40, 1e9}}};
  options.withoutCommunication = true;
  auto session = start(mesh, options);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto outputs = (*session)->run("step", {{"x", view()}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_EQ(outputs->at("y").as<float>()[0], 1.0f) << "its own";
  EXPECT_EQ(clock.nanos(), 0);
}

TEST_F(LinksTest, AnAxisThatTheMeshLacksIsAnError) {
  Mesh mesh;
  mesh.give(mesh.reduceModel("a", mesh.copy("c", mesh.x)));
  SessionOptions options;
  options.links = {{"modl", {0, 1e9}}};
  EXPECT_THAT(start(mesh, options).status().message(),
              HasSubstr("link requires an axis of the plan's mesh (data, model), got 'modl'"));
  options.links = {{"model", {0, 0}}};
  EXPECT_THAT(start(mesh, options).status().message(), HasSubstr("requires a bandwidth above 0"));
}

TEST_F(LinksTest, GroupsLieAlongTheAxesOnWhichTheirRanksDiffer) {
  Mesh mesh;
  mesh.give(mesh.copy("c", mesh.x));
  const auto loaded = loadPlan(mesh.builder.bytes(), registry_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_THAT(axesOfGroup(*loaded, {0, 1}), ElementsAre(1));
  EXPECT_THAT(axesOfGroup(*loaded, {1, 3}), ElementsAre(0));
  EXPECT_THAT(axesOfGroup(*loaded, {0, 3}), ElementsAre(0, 1));
  EXPECT_THAT(axesOfGroup(*loaded, {2}), ElementsAre());
}

}  // namespace
}  // namespace cleave
