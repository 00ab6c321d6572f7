#include "runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <sstream>
#include <thread>

#include "actors/clock.h"
#include "nlohmann/json.hpp"
#include "runtime/load_plan.h"
#include "tests/runtime/plan_builder.h"

namespace cleave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SessionTest : public testing::Test {
 protected:
  std::unique_ptr<Session> start(const PlanBuilder &builder, const SessionOptions &options = {}) {
    absl::StatusOr<LoadedPlan> plan = loadPlan(builder.bytes(), registry_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    if (!plan.ok()) return nullptr;
    absl::StatusOr<std::unique_ptr<Session>> session = Session::create(*std::move(plan), options);
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  static TensorView viewOf(std::vector<float> &values) {
    return TensorView::contiguous(values.data(), DType::kF32, {static_cast<int64_t>(values.size())});
  }
  static std::vector<float> valuesOf(const HostTensor &tensor) {
    return {tensor.as<float>(), tensor.as<float>() + tensor.elements()};
  }
  static std::vector<float> readWeight(const Session &session) {
    std::vector<float> weight(3);
    EXPECT_TRUE(session.read("weight", viewOf(weight)).ok());
    return weight;
  }

  const Registry registry_ = makeTestRegistry();
  std::vector<float> x_ = {1, 2, 3, 4, 5};
};

TEST_F(SessionTest, AStepScattersInputsGathersOutputsAndUpdatesVariables) {
  const auto session = start(makeExampleStep());
  for (int step = 1; step <= 3; ++step) {
    const auto outputs = session->run("step", {{"x", viewOf(x_)}});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_THAT(valuesOf(outputs->at("doubled")), ElementsAre(2, 4, 6, 8, 10));
    EXPECT_THAT(valuesOf(outputs->at("total")), ElementsAre(30));
    const float weight = 1 + 30.0f * step;
    EXPECT_THAT(readWeight(*session), ElementsAre(weight, weight, weight));
  }
}

TEST_F(SessionTest, EachRankUpdatesItsShareInPlaceAndGathersTheOthers) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SessionOptions options;
    options.deterministic = seed > 0;
    options.seed = seed;
    const auto session = start(makeSharedUpdate(), options);
    std::vector<float> weight = {1, 2, 3, 4};
    ASSERT_TRUE(session->write("weight", viewOf(weight)).ok());
    for (int step = 0; step < 2; ++step) ASSERT_TRUE(session->run("step", {}).ok());
    // Read from each rank's memory: the boxes of a whole variable are copies.
    EXPECT_TRUE(session->read("weight", viewOf(weight)).ok());
    EXPECT_THAT(weight, ElementsAre(9, 18, 27, 36)) << "seed " << seed;
  }
}

TEST_F(SessionTest, ABucketMovesAllOfItsSegments) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SessionOptions options;
    options.deterministic = seed > 0;
    options.seed = seed;
    const auto session = start(makeBucketStep(), options);
    std::vector<float> a = {1, 2, 3, 4}, b = {5, 6};
    for (int step = 0; step < 2; ++step) {
      const auto outputs = session->run("step", {{"a", viewOf(a)}, {"b", viewOf(b)}});
      ASSERT_TRUE(outputs.ok()) << outputs.status();
      EXPECT_EQ(valuesOf(outputs->at("all_a")), a);
      EXPECT_EQ(valuesOf(outputs->at("all_b")), b);
    }
  }
}

TEST_F(SessionTest, EverySeedOfTheDeterministicSchedulerGivesTheSameStep) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SessionOptions options;
    options.deterministic = true;
    options.seed = seed;
    const auto session = start(makeExampleStep(), options);
    for (int step = 0; step < 2; ++step) ASSERT_TRUE(session->run("step", {{"x", viewOf(x_)}}).ok()) << "seed " << seed;
    EXPECT_THAT(readWeight(*session), ElementsAre(61, 61, 61)) << "seed " << seed;
  }
}

TEST_F(SessionTest, SeveralThreadsADeviceGiveTheSameNumbers) {
  SessionOptions options;
  options.threadsPerDevice = 3;
  const auto session = start(makeExampleStep(), options);
  EXPECT_EQ(session->threadsPerDevice(), 3);
  for (int step = 0; step < 50; ++step) ASSERT_TRUE(session->run("step", {{"x", viewOf(x_)}}).ok());
  EXPECT_THAT(readWeight(*session), ElementsAre(1501, 1501, 1501));
}

TEST_F(SessionTest, PartsOfVariablesAreWrittenAndRead) {
  const auto session = start(makeExampleStep());
  std::vector<float> values = {7, 8};
  ASSERT_TRUE(session->writePart("weight", {{1}, {2}}, viewOf(values)).ok());
  EXPECT_THAT(readWeight(*session), ElementsAre(1, 7, 8));
  std::vector<float> one(1);
  ASSERT_TRUE(session->readPart("weight", {{2}, {1}}, viewOf(one)).ok());
  EXPECT_THAT(one, ElementsAre(8));
}

TEST_F(SessionTest, AViewOfAnotherShapeIsNoValueOfAVariable) {
  const auto session = start(makeExampleStep());
  std::vector<float> values = {7, 8};
  EXPECT_THAT(session->write("weight", viewOf(values)).message(), HasSubstr("'weight' requires 3xf32, got 2xf32"));
  EXPECT_THAT(session->writePart("weight", {{2}, {2}}, viewOf(values)).message(),
              HasSubstr("requires a part of 3xf32, got [2:4]"));
  EXPECT_THAT(session->write("bias", viewOf(values)).message(), HasSubstr("requires a variable 'bias', got none"));
}

TEST_F(SessionTest, InputsAreCheckedByNameTypeAndShape) {
  const auto session = start(makeExampleStep());
  std::vector<float> shorter = {1, 2};
  EXPECT_THAT(session->run("step", {}).status().message(), HasSubstr("input 'x' requires a value, got none"));
  EXPECT_THAT(session->run("step", {{"x", viewOf(shorter)}}).status().message(),
              HasSubstr("requires 5xf32, got 2xf32"));
  EXPECT_THAT(session->run("step", {{"x", viewOf(x_)}, {"y", viewOf(x_)}}).status().message(),
              HasSubstr("input 'y' requires to be one of the entry's"));
  EXPECT_THAT(session->run("evaluate", {}).status().message(), HasSubstr("requires an entry 'evaluate', got none"));
}

// The example with a kernel that takes only values of at least 0 for "overlapped", which every rank runs.
PlanBuilder makeCheckedStep() {
  PlanBuilder builder = makeExampleStep();
  for (int c = 0; c < 2; ++c) {
    plan::Task *task = builder.entry().mutable_programs(c)->mutable_tasks(3);
    task->set_kernel("check_positive");
    task->set_layer("block 1");
    task->set_location("model.mlir:5:1");
  }
  return builder;
}

TEST_F(SessionTest, AnErrorOfAKernelNamesOpLayerRankAndLocationAndFreesThePeers) {
  for (bool deterministic : {false, true}) {
    SessionOptions options;
    options.deterministic = deterministic;
    const auto session = start(makeCheckedStep(), options);
    x_[4] = -5;
    const absl::Status status = session->run("step", {{"x", viewOf(x_)}}).status();
    EXPECT_THAT(status.message(),
                HasSubstr("op 'overlapped' (kernel check_positive, layer block 1, rank 1, at model.mlir:5:1): "
                          "requires values of at least 0, got -10 at 2"));
    EXPECT_THAT(session->run("step", {{"x", viewOf(x_)}}).status().message(), HasSubstr("its last run ended well"));
  }
}

TEST_F(SessionTest, AFailedRunThatUpdatesNothingCanBeRepeated) {
  PlanBuilder builder(2);
  builder.addClass({0, 1});
  builder.addEntry("check");
  const int x = builder.addRegister(0, "x", {2}), y = builder.addRegister(0, "y", {2}),
            z = builder.addRegister(0, "z", {2});
  const plan::Layout whole = makeLayout({2}, 2, -1);
  builder.addTask(0, 0, "look", "check_positive", {x}, {y});
  builder.addCollectiveTask(0, 1, "reduce", builder.addCollective("reduce", "sum", {2}, whole, whole), y, z);
  builder.addPort(true, "x", {4}, 0, {x});
  builder.addPort(false, "z", {2}, -1, {z});
  const auto session = start(builder);
  for (int round = 0; round < 20; ++round) {
    std::vector<float> good = {1, 2, 3, 4}, bad = {1, 2, 3, -4};
    EXPECT_FALSE(session->run("check", {{"x", viewOf(bad)}}).ok());
    const auto outputs = session->run("check", {{"x", viewOf(good)}});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_THAT(valuesOf(outputs->at("z")), ElementsAre(4, 6));
  }
}

TEST_F(SessionTest, EmptyShardsTakePart) {
  PlanBuilder builder(3);
  builder.addClass({0});
  builder.addClass({1, 2});
  builder.addEntry("step");
  const int collective = builder.addCollective("gather", "", {2}, makeLayout({2}, 3, 0), makeLayout({2}, 3, -1));
  std::vector<int64_t> x, all;
  for (int c = 0; c < 2; ++c) {
    x.push_back(builder.addRegister(c, "x", {c}));
    const int y = builder.addRegister(c, "y", {c});
    all.push_back(builder.addRegister(c, "all", {2}));
    builder.addTask(c, 0, "copy", "copy", {x[c]}, {y});
    builder.addCollectiveTask(c, 1, "gather", collective, y, all[c]);
  }
  builder.addPort(true, "x", {2}, 0, x);
  builder.addPort(false, "all", {2}, -1, all);
  const auto session = start(builder);
  std::vector<float> values = {5, 6};
  const auto outputs = session->run("step", {{"x", viewOf(values)}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(valuesOf(outputs->at("all")), ElementsAre(5, 6));
}

TEST_F(SessionTest, AttributesThatDifferByRankReachTheirRank) {
  PlanBuilder builder(2);
  builder.addClass({1, 0});
  builder.addEntry("step");
  const int x = builder.addRegister(0, "x", {1}), y = builder.addRegister(0, "y", {1});
  plan::Attribute *factor = builder.addTask(0, 0, "scale", "scale", {x}, {y}).add_attributes();
  factor->set_name("factor");
  factor->add_values()->set_number(10);   // of rank 1
  factor->add_values()->set_number(100);  // of rank 0
  builder.addPort(true, "x", {2}, 0, {x});
  builder.addPort(false, "y", {2}, 0, {y});
  const auto session = start(builder);
  std::vector<float> values = {1, 2};
  const auto outputs = session->run("step", {{"x", viewOf(values)}});
  ASSERT_TRUE(outputs.ok()) << outputs.status();
  EXPECT_THAT(valuesOf(outputs->at("y")), ElementsAre(100, 20));
}

TEST_F(SessionTest, ALoopRunsItsTasksInTurnAndAccumulatesInPlace) {
  PlanBuilder builder(1);
  builder.addClass({0});
  builder.addEntry("step");
  const int x = builder.addRegister(0, "x", {2}), zero = builder.addRegister(0, "zero", {2});
  const int sum = builder.addRegister(0, "sum", {2}), result = builder.addRegister(0, "result", {2});
  builder.held(0, sum).set_offset(builder.held(0, zero).offset());
  plan::Attribute *factor = builder.addTask(0, 0, "clear", "scale", {x}, {zero}).add_attributes();
  factor->set_name("factor");
  factor->add_values()->set_number(0);
  builder.addTask(0, 0, "accumulate", "add", {zero, x}, {sum}).set_repeat(3);
  builder.addTask(0, 1, "take", "copy", {sum}, {result});
  builder.addPort(true, "x", {2}, -1, {x});
  builder.addPort(false, "result", {2}, -1, {result});
  const auto session = start(builder);
  std::vector<float> values = {1, 10};
  for (int step = 0; step < 2; ++step) {
    const auto outputs = session->run("step", {{"x", viewOf(values)}});
    ASSERT_TRUE(outputs.ok()) << outputs.status();
    EXPECT_THAT(valuesOf(outputs->at("result")), ElementsAre(3, 30));
  }
}

TEST_F(SessionTest, TheFirstOpThatMakesInfinityIsFound) {
  SessionOptions options;
  options.checkFinite = true;
  const auto session = start(makeExampleStep(), options);
  ASSERT_TRUE(session->run("step", {{"x", viewOf(x_)}}).ok());
  x_[3] = 3e38f;
  const absl::Status status = session->run("step", {{"x", viewOf(x_)}}).status();
  EXPECT_THAT(status.message(), HasSubstr("op 'double' (kernel scale, rank 1) requires to make finite values"));
}

TEST_F(SessionTest, ACollectiveIsNotBlamedForWhatAPeerHad) {
  SessionOptions options;
  options.checkFinite = true;
  const auto session = start(makeExampleStep(), options);
  x_[3] = std::numeric_limits<float>::infinity();  // of rank 1; rank 0 gets it from the reduction
  EXPECT_TRUE(session->run("step", {{"x", viewOf(x_)}}).ok());
}

TEST_F(SessionTest, ATraceHasEveryTaskOfEveryStreamAndRank) {
  SessionOptions options;
  options.trace = true;
  const auto session = start(makeExampleStep(), options);
  ASSERT_TRUE(session->run("step", {{"x", viewOf(x_)}}).ok());
  std::ostringstream text;
  writeChromeTrace(session->takeTrace(), text);
  const auto trace = nlohmann::json::parse(text.str());
  std::map<std::pair<int, int>, std::string> rows;  // by process and thread
  std::map<std::string, int> slices;                // by row
  for (const auto &event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") rows[{event["pid"], event["tid"]}] = event["args"]["name"];
    if (event["ph"] != "X") continue;
    ++slices[rows[{event["pid"], event["tid"]}]];
    EXPECT_GE(event["dur"], 0);
  }
  EXPECT_EQ(slices["compute"], 2 * 4);
  EXPECT_EQ(slices["communicate"], 2);
  EXPECT_EQ(slices["link data"], 2);
  EXPECT_GE(slices["phases"], 2);
  EXPECT_TRUE(session->takeTrace().devices.empty());
}

TEST_F(SessionTest, PeakBytesAreTheArenaAndTheScratchOfAllThreads) {
  SessionOptions options;
  options.threadsPerDevice = 2;
  const PlanBuilder builder = makeExampleStep();
  const auto session = start(builder, options);
  const int64_t arena = session->plan().classes[0].arenaBytes;
  EXPECT_THAT(session->peakBytes(), ElementsAre(arena + 2 * kWorkspaceBytes, arena + 2 * kWorkspaceBytes));
}

}  // namespace
}  // namespace cleave
