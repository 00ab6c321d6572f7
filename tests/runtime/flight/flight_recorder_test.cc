// What a process notes down is there afterwards, whatever ended it.

#include "runtime/flight/flight_recorder.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/runtime/flight/flight_scene.h"

namespace cleave {
namespace {

using testing::flightRecorder;
using testing::readBack;
using testing::TemporaryFolder;
using Kind = FlightEvent::Kind;

TEST(FlightRecorderTest, EventsComeBackInOrderWithTurnsAndSteps) {
  TemporaryFolder folder;
  const auto recorder = flightRecorder(folder / "new/flight", 1);
  for (int step = 1; step <= 2; ++step) {
    recorder->enter(FlightPhase::kStep, step);
    for (Kind kind : {Kind::kEnqueued, Kind::kStarted, Kind::kFinished}) recorder->collective(kind, 0, 1, 3);
  }
  recorder->messageBegun(0, 17);
  const FlightRecord record = readBack(folder / "new/flight", 1);
  ASSERT_EQ(record.events.size(), 7u);
  for (int e = 0; e < 6; ++e) {
    const FlightEvent &event = record.events[e];
    EXPECT_EQ(event.kind, Kind(e % 3));
    EXPECT_EQ(event.sequence, e / 3 + 1);
    EXPECT_EQ(event.step, e / 3 + 1);
    EXPECT_EQ(event.rank, 3);
    EXPECT_EQ(record.collectives[event.subject].name, "far");
    EXPECT_EQ(event.bytes, 8);
  }
  EXPECT_EQ(record.events[6].kind, Kind::kMessageBegun);
  EXPECT_EQ(record.events[6].subject, 0);
  EXPECT_EQ(record.events[6].bytes, 17);
  EXPECT_EQ(record.step, 2);
  EXPECT_EQ(record.identity.host, "b");
  EXPECT_EQ(record.identity.pid, ::getpid());
  EXPECT_EQ(record.outcome, FlightOutcome::kUnderWay);
}

TEST(FlightRecorderTest, TheRingKeepsTheLastEvents) {
  TemporaryFolder folder;
  const auto recorder = flightRecorder(folder.path(), 0);
  constexpr int kEvents = 100000;
  for (int e = 0; e < kEvents; ++e) recorder->messageBegun(1, e);
  const FlightRecord record = readBack(folder.path(), 0);
  ASSERT_GE(record.events.size(), 1000u);
  EXPECT_EQ(record.events.back().bytes, kEvents - 1);
  EXPECT_EQ(record.events.front().bytes, kEvents - int64_t(record.events.size()));
}

TEST(FlightRecorderTest, ThreadsLoseNoEvents) {
  TemporaryFolder folder;
  const auto recorder = flightRecorder(folder.path(), 0);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank)
    threads.emplace_back([&, rank] {
      for (int i = 0; i < 200; ++i) recorder->collective(Kind::kEnqueued, 0, 0, rank);
    });
  for (std::thread &thread : threads) thread.join();
  int64_t turns[2] = {0, 0};
  for (const FlightEvent &event : readBack(folder.path(), 0).events) EXPECT_EQ(event.sequence, ++turns[event.rank]);
  EXPECT_EQ(turns[0], 200);
  EXPECT_EQ(turns[1], 200);
}

TEST(FlightRecorderTest, AProcessThatIsKilledLeavesItsRecord) {
  TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto recorder = flightRecorder(folder.path(), 0);
    recorder->enter(FlightPhase::kSave, 5);
    recorder->collective(Kind::kEnqueued, 0, 0, 1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const FlightRecord record = readBack(folder.path(), 0);
  EXPECT_EQ(record.phase, FlightPhase::kSave);
  EXPECT_EQ(record.step, 5);
  EXPECT_EQ(record.identity.pid, child);
  ASSERT_EQ(record.events.size(), 1u);
  EXPECT_EQ(record.events[0].rank, 1);
}

TEST(FlightRecorderTest, TheFirstWordAboutTheEndCounts) {
  const std::pair<absl::Status, FlightOutcome> cases[] = {
      {absl::OkStatus(), FlightOutcome::kDone},
      {absl::DeadlineExceededError("late"), FlightOutcome::kGaveUp},
      {absl::AbortedError("given up"), FlightOutcome::kGaveUp},
      {absl::InvalidArgumentError("no such file"), FlightOutcome::kFailed},
  };
  for (const auto &[status, outcome] : cases) {
    TemporaryFolder folder;
    const auto recorder = flightRecorder(folder.path(), 0);
    recorder->end(status);
    recorder->end(absl::InternalError("later"));
    const FlightRecord record = readBack(folder.path(), 0);
    EXPECT_EQ(record.outcome, outcome);
    EXPECT_EQ(record.why, status.message());
  }
}

TEST(FlightRecorderTest, ALongErrorIsCutAndAFolderThatCannotBeIsAnError) {
  TemporaryFolder folder;
  const auto recorder = flightRecorder(folder.path(), 0);
  recorder->end(absl::InternalError(std::string(100000, 'x')));
  EXPECT_EQ(readBack(folder.path(), 0).why.find_first_not_of('x'), std::string::npos);
  EXPECT_GT(readBack(folder.path(), 0).why.size(), 1000u);
  const auto made = FlightRecorder::create("/dev/null/flight", testing::flightIdentity(0), testing::flightPlan());
  EXPECT_FALSE(made.ok());
}

}  // namespace
}  // namespace cleave
