// Files that are no flight records are refused, and those of earlier runs are left out.

#include "runtime/flight/flight_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/runtime/flight/flight_scene.h"

namespace cleave {
namespace {

using ::testing::HasSubstr;
using testing::flightRecorder;
using testing::TemporaryFolder;

// A record with every kind of event.
std::string wholeRecord(const TemporaryFolder &folder) {
  const auto recorder = flightRecorder(folder.path(), 0);
  recorder->enter(FlightPhase::kStep, 3);
  recorder->collective(FlightEvent::Kind::kEnqueued, 0, 0, 0);
  recorder->messageBegun(1, 4);
  recorder->messageEnded(1);
  recorder->end(absl::InternalError("broken"));
  return testing::contentsOf(flightPath(folder.path(), 0));
}

TEST(FlightRecordTest, AFileCutOffAnywhereIsRefused) {
  TemporaryFolder folder;
  const std::string whole = wholeRecord(folder);
  ASSERT_TRUE(readFlightRecord(whole).ok());
  for (size_t size = 0; size < whole.size(); size += 1 + size / 7)
    EXPECT_THAT(readFlightRecord(whole.substr(0, size)).status().message(), HasSubstr("flight record")) << size;
}

TEST(FlightRecordTest, NoByteThatIsWrongDoesHarm) {
  TemporaryFolder folder;
  const std::string whole = wholeRecord(folder);
  for (size_t at = 0; at < whole.size(); at += at < 256 || at + 2000 > whole.size() ? 1 : 97)
    for (int flipped : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ flipped);
      const auto record = readFlightRecord(damaged);
      if (!record.ok()) continue;
      EXPECT_GE(record->aliveNanos, 0);
      for (const FlightEvent &event : record->events) {
        const bool isMessage = event.kind >= FlightEvent::Kind::kMessageBegun;
        EXPECT_LT(event.subject, isMessage ? record->identity.processes : int(record->collectives.size()));
      }
    }
}

TEST(FlightRecordTest, TheLastJobOfAFolderCounts) {
  TemporaryFolder folder;
  for (int process = 0; process < 2; ++process) flightRecorder(folder.path(), process, "1");
  flightRecorder(folder.path(), 1, "2");
  const auto read = readFlightRecords(folder.path());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->records.size(), 1u);
  EXPECT_EQ(read->records[0].identity.process, 1);
  EXPECT_EQ(read->others, 1);
}

TEST(FlightRecordTest, AFolderWithoutRecordsIsNamed) {
  TemporaryFolder folder;
  EXPECT_THAT(readFlightRecords(folder.path()).status().message(), HasSubstr("requires flight records"));
  EXPECT_THAT(readFlightRecords(folder / "none").status().message(), HasSubstr("none\""));
  std::ofstream(folder / "flight-0") << "something else";
  EXPECT_THAT(readFlightRecords(folder.path()).status().message(), HasSubstr("flight-0\": requires a flight record"));
}

TEST(FlightRecordTest, ACollectiveTellsWhatItIs) {
  const FlightCollective collective{"step", "loss", "all_reduce", {"data"}, 4, {}};
  EXPECT_EQ(collective.str(), "all_reduce 'loss' of entry step (axes data; 4 bytes)");
}

}  // namespace
}  // namespace cleave
