#include "runtime/plan/prove_liveness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/plan/model_builder.h"

namespace cleave {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int kCompute = 0, kCommunicate = 1;

std::string errorOf(const ScheduleModel &model) { return std::string(proveLiveness(model).message()); }

// A program of one rank that does these collectives in this order, each on data of its own.
ProgramBuilder sequenceOf(int rank, const std::vector<std::pair<std::string, int>> &collectives) {
  ProgramBuilder program({rank});
  for (const auto &[op, collective] : collectives)
    program.task(kCommunicate, op, {program.addInput("in")}, {program.add("out")}, collective);
  return program;
}

TEST(ProveLiveness, OneOrderOnAllRanksIsLive) {
  EXPECT_EQ(errorOf(modelOf({sequenceOf(0, {{"A", 0}, {"B", 1}}), sequenceOf(1, {{"A", 0}, {"B", 1}})},
                            {{"A", {{0, 1}}}, {"B", {{0, 1}}}})),
            "");
}

TEST(ProveLiveness, TwoCollectivesInOppositeOrderDeadlock) {
  EXPECT_THAT(errorOf(modelOf({sequenceOf(0, {{"A", 0}, {"B", 1}}), sequenceOf(1, {{"B", 1}, {"A", 0}})},
                              {{"A", {{0, 1}}}, {"B", {{0, 1}}}})),
              AllOf(HasSubstr("requires a step without a cycle of waits, got"),
                    HasSubstr("op 'B' of rank 0 communicate waits for op 'A' of rank 0 communicate"),
                    HasSubstr("op 'A' of rank 1 communicate waits for op 'B' of rank 1 communicate")));
}

TEST(ProveLiveness, ThreeGroupsThatEachAgreeDeadlockTogether) {
  EXPECT_THAT(errorOf(modelOf({sequenceOf(0, {{"A", 0}, {"C", 2}}), sequenceOf(1, {{"B", 1}, {"A", 0}}),
                               sequenceOf(2, {{"C", 2}, {"B", 1}})},
                              {{"A", {{0, 1}}}, {"B", {{1, 2}}}, {"C", {{0, 2}}}})),
              AllOf(HasSubstr("'C' of rank 0 communicate waits for op 'A' of rank 0"),
                    HasSubstr("'A' of rank 1 communicate waits for op 'B' of rank 1"),
                    HasSubstr("'B' of rank 2 communicate waits for op 'C' of rank 2")));
}

TEST(ProveLiveness, ThreeGroupsInOneGlobalOrderAreLive) {
  EXPECT_EQ(errorOf(modelOf({sequenceOf(0, {{"A", 0}, {"C", 2}}), sequenceOf(1, {{"A", 0}, {"B", 1}}),
                             sequenceOf(2, {{"B", 1}, {"C", 2}})},
                            {{"A", {{0, 1}}}, {"B", {{1, 2}}}, {"C", {{0, 2}}}})),
            "");
}

TEST(ProveLiveness, DisjointGroupsOfOneCollectiveDontWaitForEachOther) {
  EXPECT_EQ(errorOf(modelOf({sequenceOf(0, {{"A", 0}, {"B", 1}}), sequenceOf(1, {{"A", 0}, {"B", 1}}),
                             sequenceOf(2, {{"B", 1}, {"A", 0}}), sequenceOf(3, {{"B", 1}, {"A", 0}})},
                            {{"A", {{0, 1}, {2, 3}}}, {"B", {{0, 1}, {2, 3}}}})),
            "");
}

TEST(ProveLiveness, ADeadlockThroughDataOfAnotherRankIsFound) {
  // Rank 0 makes what B takes from A's result, on another stream; rank 1 does B first.
  ProgramBuilder zero({0});
  const int a = zero.add("a"), b = zero.add("b"), c = zero.add("c");
  zero.task(kCommunicate, "A", {zero.addInput("x")}, {a}, 0);
  zero.task(kCompute, "use", {a}, {b});
  zero.task(kCompute, "B", {b}, {c}, 1);
  EXPECT_THAT(errorOf(modelOf({zero, sequenceOf(1, {{"B", 1}, {"A", 0}})}, {{"A", {{0, 1}}}, {"B", {{0, 1}}}})),
              AllOf(HasSubstr("op 'use' of rank 0 compute"), HasSubstr("cycle of waits")));
}

TEST(ProveLiveness, StreamsThatWaitForEachOtherDeadlock) {
  // compute: read(c), make(b)   communicate: D(b), C -> c
  ProgramBuilder program({0});
  const int b = program.add("b"), c = program.add("c"), d = program.add("d"), e = program.add("e");
  program.task(kCompute, "read", {c}, {e});
  program.task(kCompute, "make", {program.addInput("x")}, {b});
  program.task(kCommunicate, "D", {b}, {d});
  program.task(kCommunicate, "C", {program.addInput("y")}, {c});
  EXPECT_THAT(errorOf(modelOf({program})),
              AllOf(HasSubstr("op 'read' of rank 0 compute waits for op 'C' of rank 0 communicate"),
                    HasSubstr("op 'D' of rank 0 communicate waits for op 'make' of rank 0 compute")));
}

TEST(ProveLiveness, AStreamThatReadsBeforeItWritesDeadlocks) {
  ProgramBuilder program({0});
  const int a = program.add("a");
  program.task(kCompute, "read", {a}, {program.add("b")});
  program.task(kCompute, "write", {program.addInput("x")}, {a});
  EXPECT_THAT(errorOf(modelOf({program})),
              HasSubstr("op 'read' of rank 0 compute waits for op 'write' of rank 0 compute"));
}

TEST(ProveLiveness, APlannedEdgeAgainstTheStreamsOrderDeadlocks) {
  ProgramBuilder program({0});
  const int first = program.task(kCompute, "first", {}, {program.add("a")});
  const int second = program.task(kCompute, "second", {}, {program.add("b")});
  program.get().tasks[first].after = {second};
  EXPECT_THAT(errorOf(modelOf({program})), HasSubstr("op 'first' of rank 0 compute waits for op 'second'"));
}

TEST(ProveLiveness, AVariableIsUpdatedAfterItsReadersOnOtherStreams) {
  // The list has the reader first: the update waits for it, and the reader's stream waits for what comes after the
  // update.
  ProgramBuilder program({0});
  const int w = program.addVariable("w", 0), late = program.add("late");
  program.task(kCommunicate, "gather", {w}, {program.add("whole")});
  program.task(kCompute, "update", {w}, {w});
  program.task(kCompute, "after", {program.addInput("x")}, {late});
  EXPECT_EQ(errorOf(modelOf({program})), "");
  program.get().tasks[0].reads.push_back(late);
  EXPECT_THAT(errorOf(modelOf({program})), AllOf(HasSubstr("op 'update' of rank 0 compute waits for op 'gather'"),
                                                 HasSubstr("op 'gather' of rank 0 communicate waits for op 'after'")));
}

TEST(ProveLiveness, ALoopWithEnoughCopiesIsLiveAndWithoutCreditsIsNot) {
  // make and use run four times each, on two streams; use's stream keeps make's values until a task behind its loop.
  for (const int copies : {4, 1}) {
    ProgramBuilder program({0});
    const int value = program.add("value");
    program.get().values[value].count = copies;
    const int make = program.task(kCompute, "make", {}, {value});
    const int barrier = program.task(kCompute, "barrier", {}, {program.add("done")});
    const int use = program.task(kCommunicate, "use", {value}, {program.add("used")});
    program.get().tasks[make].repeat = program.get().tasks[use].repeat = 4;
    program.get().values[2].count = 4;
    program.get().tasks[use].after = {barrier};
    if (copies == 4) {
      EXPECT_EQ(errorOf(modelOf({program})), "");
    } else {
      // The second turn of make needs the register back, but use begins only behind the barrier.
      std::swap(program.get().tasks[barrier], program.get().tasks[use]);
      program.get().streams = {{make, use}, {barrier}};
      for (auto &task : program.get().tasks) task.after.clear();
      program.get().tasks[barrier].after = {use};
      EXPECT_THAT(errorOf(modelOf({program})),
                  AllOf(HasSubstr("op 'make' of rank 0 compute waits for op 'use' of rank 0 communicate"),
                        HasSubstr("op 'use' of rank 0 communicate waits for op 'barrier' of rank 0 compute")));
    }
  }
}

TEST(ProveLiveness, RepeatCountsMustFitTogether) {
  ProgramBuilder program({0});
  const int value = program.add("value");
  const int make = program.task(kCompute, "make", {}, {value}),
            use = program.task(kCompute, "use", {value}, {program.add("b")});
  program.get().tasks[make].repeat = 2;
  program.get().tasks[use].repeat = 3;
  EXPECT_THAT(errorOf(modelOf({program})),
              HasSubstr("op 'use' requires to run once or as often as register 'value' is written (2), "
                        "got a repeat count of 3"));
}

TEST(ProveLiveness, AStepOfTooManyTurnsIsRefused) {
  ProgramBuilder program({0});
  const int make = program.task(kCompute, "make", {}, {program.add("value")});
  program.get().tasks[make].repeat = int64_t{1} << 40;
  EXPECT_THAT(errorOf(modelOf({program})), HasSubstr("op 'make' requires a step of at most"));
}

TEST(ProveLiveness, AllRanksOfAGroupTakeAsManyTurns) {
  ProgramBuilder twice = sequenceOf(1, {{"A", 0}});
  twice.get().tasks[0].repeat = 2;
  EXPECT_THAT(errorOf(modelOf({sequenceOf(0, {{"A", 0}}), twice}, {{"A", {{0, 1}}}})),
              HasSubstr("collective 'A' requires as many turns on rank 1 as on rank 0, 1, got 2"));
}

TEST(ProveLiveness, ARankWithoutTheCollectivesTaskIsFound) {
  EXPECT_THAT(errorOf(modelOf({sequenceOf(0, {{"A", 0}}), sequenceOf(1, {})}, {{"A", {{0, 1}}}})),
              HasSubstr("collective 'A' requires as many turns on rank 1 as on rank 0, 1, got 0"));
}

}  // namespace
}  // namespace cleave
