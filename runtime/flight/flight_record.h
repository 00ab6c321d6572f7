// What a process of a job left behind: who it is, where it stands, and its last collectives and messages.

#ifndef CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORD_H
#define CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORD_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

enum class FlightPhase { kStart, kStep, kEvaluate, kSave };
const char *nameOf(FlightPhase phase);  // "start", "step", "evaluate", "save"

enum class FlightOutcome {
  kUnderWay,  // or ended by a signal: nothing is written for that
  kDone,
  kGaveUp,  // waiting for others
  kFailed   // by itself
};
const char *nameOf(FlightOutcome outcome);  // "under way", "done", "gave up", "failed"

struct FlightEvent {
  enum class Kind {
    kEnqueued,  // of a collective: this rank is there
    kStarted,   // what it needs of the others has come, and this rank does its share
    kFinished,
    kFailed,        // given up
    kMessageBegun,  // with another process, of what processes tell each other besides collectives
    kMessageEnded
  };
  Kind kind = Kind::kEnqueued;
  int64_t nanos = 0;  // since 1970, by the host's clock
  int64_t step = 0;
  int rank = 0;     // of a collective
  int subject = 0;  // a collective's index in FlightRecord::collectives; of a message the other process
  // Of a collective: how often this rank has been there. Of a message: how many there were with that process, which
  // counts the same ones.
  int64_t sequence = 0;
  int64_t bytes = 0;
};
const char *nameOf(FlightEvent::Kind kind);

struct FlightCollective {
  std::string entry, name, kind;
  std::vector<std::string> axes;
  int64_t bytes = 0;  // what a rank's operand holds
  std::vector<std::vector<int>> groups;
  std::string str() const;  // "all_reduce 'loss' of entry step (axes data, 4 bytes)"
};

// Whose record it is.
struct FlightIdentity {
  std::string job;  // of all processes of a run
  int process = 0, processes = 1;
  int firstRank = 0, endRank = 0;
  std::string host;
  int64_t pid = 0;
};

struct FlightRecord {
  FlightIdentity identity;
  std::vector<FlightCollective> collectives;
  FlightPhase phase = FlightPhase::kStart;
  int64_t step = 0;
  FlightOutcome outcome = FlightOutcome::kUnderWay;
  std::string why;         // kGaveUp, kFailed
  int64_t aliveNanos = 0;  // the last sign of life
  int64_t pauseBegin = 0, pauseEnd = 0;  // the last half second or more without one; SIGSTOP makes such
  std::vector<FlightEvent> events;
};

// Fails where the bytes are no record, or another version's.
absl::StatusOr<FlightRecord> readFlightRecord(absl::string_view bytes);

// The text behind the ring.
std::string flightText(const FlightIdentity &identity, const std::vector<FlightCollective> &collectives);

// "flight-3" below the folder.
std::string flightPath(const std::string &folder, int process);

// The records of a folder by process: those of the job that began last (`others` counts those of earlier ones). Fails
// where there is none, and for a file of such a name that is no record.
struct FlightRecords {
  std::vector<FlightRecord> records;
  int others = 0;
};
absl::StatusOr<FlightRecords> readFlightRecords(const std::string &folder);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_FLIGHT_FLIGHT_RECORD_H
