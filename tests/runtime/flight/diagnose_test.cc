// The process that held up the others is named, for every way in which it can.

#include "runtime/flight/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/runtime/flight/flight_scene.h"

namespace cleave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = FlightEvent::Kind;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int kNear = 0, kFar = 1;  // collectives

// Two processes of two ranks on hosts a and b, in step 7 at second 100; each test then says what else happened.
class DiagnoseTest : public ::testing::Test {
 protected:
  DiagnoseTest() {
    for (int process = 0; process < 2; ++process) {
      FlightRecord &record = records_.emplace_back();
      record.identity = testing::flightIdentity(process);
      record.collectives = {{"step", "near", "all_reduce", {"model"}, 8, {{0, 1}, {2, 3}}},
                            {"step", "far", "all_reduce", {"data"}, 8, {{0, 2}, {1, 3}}}};
      record.phase = FlightPhase::kStep;
      record.step = 7;
      record.aliveNanos = 110 * kSecond;
    }
  }
  void add(Kind kind, int rank, int collective, int64_t turn, int64_t second = 100) {
    records_[rank / 2].events.push_back({kind, second * kSecond, 7, rank, collective, turn, 8});
  }
  void message(Kind kind, int process, int other, int64_t number) {
    records_[process].events.push_back({kind, 100 * kSecond, 7, 0, other, number, 1});
  }
  void giveUp(int process, int64_t second) {
    records_[process].outcome = FlightOutcome::kGaveUp;
    records_[process].aliveNanos = second * kSecond;
  }

  std::vector<FlightRecord> records_;
};

TEST_F(DiagnoseTest, ARankThatOthersWaitForIsNamedWithTheCollective) {
  for (int rank : {0, 1, 2}) add(Kind::kEnqueued, rank, kFar, 4);
  add(Kind::kFinished, 3, kFar, 3);
  giveUp(0, 109);
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_EQ(found.suspects[0].host, "b");
  EXPECT_THAT(found.suspects[0].ranks, ElementsAre(2, 3));
  EXPECT_THAT(found.suspects[0].reasons, ElementsAre(HasSubstr("waits for nobody")));
  EXPECT_THAT(found.suspects[0].absentFrom, ElementsAre(HasSubstr("'far'")));
  ASSERT_EQ(found.waits.size(), 3u);
  EXPECT_EQ(found.waits[1].rank, 1);
  EXPECT_THAT(found.waits[1].absent, ElementsAre(3));
  EXPECT_EQ(found.waits[1].endNanos - found.waits[1].beginNanos, 9 * kSecond);
  EXPECT_THAT(found.waits[2].absent, ElementsAre());
}

TEST_F(DiagnoseTest, OneThatWasEndedBySignalIsNamedThoughItHadArrived) {
  for (int rank = 0; rank < 4; ++rank) add(Kind::kEnqueued, rank, kFar, 4);
  records_[0].aliveNanos = 103 * kSecond;
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 0);
  EXPECT_THAT(found.suspects[0].reasons[0], HasSubstr("no sign of life for 7.00 s"));
}

TEST_F(DiagnoseTest, OneThatStoppedIsNamedThoughItGoesOnLater) {
  for (int rank = 0; rank < 4; ++rank) add(Kind::kEnqueued, rank, kFar, 4);
  records_[1].pauseBegin = 100 * kSecond;
  records_[1].pauseEnd = 109 * kSecond;
  giveUp(0, 109);
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_THAT(found.suspects[0].reasons[0], HasSubstr("no sign of life for 9.00 s"));
}

TEST_F(DiagnoseTest, APauseLongAgoIsNoReason) {
  for (int rank : {0, 1}) add(Kind::kEnqueued, rank, kFar, 4);
  records_[0].pauseBegin = 10 * kSecond;
  records_[0].pauseEnd = 50 * kSecond;
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
}

TEST_F(DiagnoseTest, OneThatFailedByItselfComesFirst) {
  for (int rank : {0, 1}) add(Kind::kEnqueued, rank, kFar, 4);
  records_[0].aliveNanos = 103 * kSecond;
  records_[1].outcome = FlightOutcome::kFailed;
  records_[1].why = "disk is full";
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 2u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_THAT(found.suspects[0].reasons[0], HasSubstr("disk is full"));
}

TEST_F(DiagnoseTest, AMissingRecordIsEvidence) {
  for (int rank : {0, 1}) add(Kind::kEnqueued, rank, kFar, 1);
  records_.pop_back();
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_THAT(found.suspects[0].reasons[0], HasSubstr("no record"));
}

TEST_F(DiagnoseTest, AProcessThatSendsNoMessageIsNamed) {
  for (int process = 0; process < 2; ++process) {
    message(Kind::kMessageBegun, process, 1 - process, 1);
    message(Kind::kMessageEnded, process, 1 - process, 1);
  }
  message(Kind::kMessageBegun, 1, 0, 2);
  giveUp(1, 109);
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 0);
  ASSERT_EQ(found.waits.size(), 1u);
  EXPECT_EQ(found.waits[0].rank, -1);
  EXPECT_THAT(found.waits[0].absent, ElementsAre(0));
}

TEST_F(DiagnoseTest, AChainOfWaitsLeadsToItsEnd) {
  // Ranks 0 and 1 wait for 2 and 3; 2 waits for 3 in another collective, and 3 is at work.
  for (int rank : {0, 1}) add(Kind::kEnqueued, rank, kFar, 4);
  add(Kind::kEnqueued, 2, kNear, 4);
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_THAT(found.suspects[0].absentFrom, ElementsAre(HasSubstr("'far'"), HasSubstr("'near'")));
}

TEST_F(DiagnoseTest, WhereAllHaveComeTheLinkIsNamed) {
  for (int rank = 0; rank < 4; ++rank) add(Kind::kEnqueued, rank, kFar, 4);
  for (int process : {0, 1}) giveUp(process, 109);
  const Diagnosis found = diagnose(records_);
  EXPECT_TRUE(found.suspects.empty());
  EXPECT_THAT(found.linked, ElementsAre(0, 1));
}

TEST_F(DiagnoseTest, OneThatIsAwaitedMayItselfWaitForALink) {
  for (int rank : {0, 2}) add(Kind::kEnqueued, rank, kFar, 4);
  add(Kind::kEnqueued, 3, kNear, 5);
  const Diagnosis found = diagnose(records_);
  ASSERT_EQ(found.suspects.size(), 1u);
  EXPECT_EQ(found.suspects[0].process, 1);
  EXPECT_THAT(found.suspects[0].reasons, ElementsAre(HasSubstr("data that are under way between it and process 0")));
}

TEST_F(DiagnoseTest, WhatEndedWellHasNoCulprit) {
  for (int rank = 0; rank < 4; ++rank) add(Kind::kFinished, rank, kFar, 4);
  for (FlightRecord &record : records_) record.outcome = FlightOutcome::kDone;
  records_[0].aliveNanos = 50 * kSecond;
  const Diagnosis found = diagnose(records_);
  EXPECT_TRUE(found.suspects.empty());
  EXPECT_TRUE(found.waits.empty());
}

}  // namespace
}  // namespace cleave
