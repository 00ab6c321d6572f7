#include "passes/cost/step_times.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

constexpr int kCompute = 0, kCommunicate = 1;

// Devices that all run the same program: `add` gives a task to each.
class Program {
 public:
  explicit Program(int devices) : devices_(devices) {}

  // Numbers of tasks are those of device 0; `seconds` may differ by device.
  int compute(std::vector<double> seconds, std::vector<int> after = {}) {
    return add(kCompute, std::move(seconds), std::move(after), -1);
  }
  int transfer(double work, double wire, std::vector<int> links, std::vector<int> after = {}) {
    graph_.collectives.push_back({work, wire, std::move(links)});
    return add(kCommunicate, {0}, std::move(after), int(graph_.collectives.size()) - 1);
  }
  StepTimes run() const {
    const auto times = timesOf(graph_);
    EXPECT_TRUE(times.ok()) << times.status();
    return *times;
  }
  StepGraph &graph() { return graph_; }

 private:
  int add(int stream, std::vector<double> seconds, std::vector<int> after, int collective) {
    const int first = int(graph_.tasks.size());
    for (int device = 0; device < devices_; ++device) {
      StepGraph::Task task{device, stream, seconds[device % seconds.size()], {}, collective};
      for (int before : after) task.after.push_back(before + device);
      graph_.tasks.push_back(task);
    }
    return first;
  }

  int devices_;
  StepGraph graph_;
};

TEST(StepTimesTest, AStreamRunsItsTasksOneAfterTheOther) {
  Program program(1);
  program.compute({1});
  program.compute({2});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 3);
  EXPECT_EQ(times.tasks[1].start, 1);
  EXPECT_EQ(times.compute, 3);
  EXPECT_EQ(times.communication, 0);
}

TEST(StepTimesTest, ATransferThatIsWaitedForIsExposed) {
  Program program(2);
  const int before = program.compute({1});
  const int sum = program.transfer(0, 3, {0}, {before});
  program.compute({1}, {sum});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 5);
  EXPECT_EQ(times.exposed, 3);
  EXPECT_EQ(times.late, 0);
  EXPECT_EQ(times.communication, 3);
  EXPECT_EQ(times.collectives[0].exposed, 3);
  EXPECT_EQ(times.collectives[0].arrived, 1);
  EXPECT_EQ(times.collectives[0].end, 4);
}

TEST(StepTimesTest, AWaitTellsWhoStandsStillForWhat) {
  Program program(2);
  const int before = program.compute({1});
  const int sum = program.transfer(0, 3, {0}, {before});
  const int hider = program.compute({2});
  const int reader = program.compute({1}, {sum});
  const StepTimes times = program.run();
  ASSERT_EQ(times.waits.size(), 2);  // one a device
  const StepTimes::Wait &wait = times.waits[0];
  EXPECT_EQ(wait.device, times.exposedDevice);
  EXPECT_EQ(wait.collective, 0);
  EXPECT_EQ(wait.waiter, reader);
  EXPECT_EQ(wait.from, 3);
  EXPECT_EQ(wait.to, 4);
  EXPECT_EQ(times.causes[before], -1);
  EXPECT_EQ(times.causes[hider], before);
  EXPECT_EQ(times.causes[reader], sum);
}

TEST(StepTimesTest, WhatIsLeftAtTheEndStandsStillForNoTask) {
  Program program(2);
  const int before = program.compute({1});
  program.transfer(0, 3, {0}, {before});
  const StepTimes times = program.run();
  ASSERT_EQ(times.waits.size(), 2);
  EXPECT_EQ(times.waits[0].waiter, -1);
  EXPECT_EQ(times.waits[0].to - times.waits[0].from, times.exposed);
}

TEST(StepTimesTest, ExposedIsTheSumOfTheWaitsOfOneDevice) {
  Program program(2);
  const int before = program.compute({1, 2});
  const int sum = program.transfer(0, 3, {0}, {before});
  program.compute({2, 1}, {sum});
  const StepTimes times = program.run();
  double sums = 0;
  for (const StepTimes::Wait &wait : times.waits)
    if (wait.device == times.exposedDevice) sums += wait.to - wait.from;
  EXPECT_EQ(sums, times.exposed);
}

TEST(StepTimesTest, WorkThatDoesNotNeedTheTransferHidesIt) {
  Program program(2);
  const int before = program.compute({1});
  const int sum = program.transfer(0, 3, {0}, {before});
  program.compute({2});
  program.compute({1}, {sum});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 5);
  EXPECT_EQ(times.collectives[0].exposed, 1);
}

TEST(StepTimesTest, APeerThatComesLateIsNotTheTransfersFault) {
  Program program(2);
  const int before = program.compute({1, 4});
  const int sum = program.transfer(0, 2, {0}, {before});
  program.compute({1}, {sum});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 7);
  EXPECT_EQ(times.collectives[0].arrived, 4);
  EXPECT_EQ(times.exposed, 2);
  EXPECT_EQ(times.late, 3);
}

TEST(StepTimesTest, TransfersOverOneLinkQueueAndThoseOverTwoDoNot) {
  for (const bool areApart : {false, true}) {
    Program program(2);
    const int before = program.compute({1});
    const int first = program.transfer(0, 2, {0}, {before});
    const int second = program.transfer(0, 2, {areApart ? 1 : 0}, {before});
    program.compute({1}, {first, second});
    const StepTimes times = program.run();
    EXPECT_EQ(times.collectives[1].start, areApart ? 1 : 3);
    EXPECT_EQ(times.seconds, areApart ? 4 : 6);
    EXPECT_EQ(times.exposed, areApart ? 2 : 4);
    EXPECT_EQ(times.communication, areApart ? 2 : 4);
  }
}

TEST(StepTimesTest, OneThatUsesSeveralLinksWaitsForAllOfThem) {
  Program program(2);
  program.transfer(0, 2, {0});
  program.transfer(0, 5, {1});
  program.transfer(0, 1, {0, 1});
  const StepTimes times = program.run();
  EXPECT_EQ(times.collectives[2].start, 5);
  EXPECT_EQ(times.seconds, 6);
}

TEST(StepTimesTest, CopiesHoldUpWhatTheDeviceComputes) {
  Program program(2);
  const int before = program.compute({1});
  const int sum = program.transfer(0.5, 2, {0}, {before});
  program.compute({3});
  program.compute({1}, {sum});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 1 + 3 + 0.5 + 1);
  EXPECT_EQ(times.exposed, 0);
  EXPECT_EQ(times.collectives[0].end, 3);
}

TEST(StepTimesTest, CopiesAndTransferRunAtOnce) {
  Program program(2);
  const int sum = program.transfer(3, 2, {0});
  program.compute({1}, {sum});
  EXPECT_EQ(program.run().seconds, 4);
}

TEST(StepTimesTest, AStreamGoesOnOnceItsCopiesAreDone) {
  Program program(2);
  program.transfer(1, 5, {0});
  program.transfer(1, 2, {1});
  const StepTimes times = program.run();
  EXPECT_EQ(times.collectives[1].arrived, 1);
  EXPECT_EQ(times.collectives[1].end, 3);
  EXPECT_EQ(times.seconds, 5);
}

TEST(StepTimesTest, AChainOfTransfersIsExposedPieceByPiece) {
  Program program(2);
  const int before = program.compute({1});
  const int scattered = program.transfer(0, 2, {0}, {before});
  const int gathered = program.transfer(0, 3, {0}, {scattered});
  program.compute({1}, {gathered});
  const StepTimes times = program.run();
  EXPECT_EQ(times.collectives[0].exposed, 2);
  EXPECT_EQ(times.collectives[1].exposed, 3);
  EXPECT_EQ(times.late, 0);
  EXPECT_EQ(times.seconds, 7);
}

TEST(StepTimesTest, WhatTheEndOfTheStepWaitsForIsExposedToo) {
  Program program(2);
  const int before = program.compute({1});
  program.transfer(0, 2, {0}, {before});
  const StepTimes times = program.run();
  EXPECT_EQ(times.seconds, 3);
  EXPECT_EQ(times.exposed, 2);
}

TEST(StepTimesTest, TasksThatWaitInACircleAreNamed) {
  Program program(1);
  program.compute({1});
  program.compute({1});
  program.graph().tasks[0].after = {1};
  EXPECT_EQ(timesOf(program.graph()).status().message(), "requires tasks that don't wait in a circle, got task 0");
}

TEST(StepTimesTest, ACollectiveThatOneMemberNeverReachesIsADeadlock) {
  Program program(2);
  program.transfer(0, 1, {0});
  program.transfer(0, 1, {0});
  std::swap(program.graph().tasks[1].collective, program.graph().tasks[3].collective);
  EXPECT_FALSE(timesOf(program.graph()).ok());
}

}  // namespace
}  // namespace cleave
