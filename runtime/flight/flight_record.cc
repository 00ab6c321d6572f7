#include "runtime/flight/flight_record.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/files/mapped_file.h"
#include "runtime/files/strict_json.h"
#include "runtime/flight/flight_format.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr char kName[] = "flight-";
constexpr int kDepth = 6;  // of the text
constexpr int64_t kMostProcesses = int64_t{1} << 20;

absl::Status noRecord(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("requires a flight record of this version of Cleave, got ", why));
}

template <typename T>
T valueAt(absl::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

// Times and numbers of a record that was not damaged: sums of two of them fit.
bool isCount(int64_t value) { return value >= 0 && value < int64_t{1} << 62; }

FlightEvent eventAt(absl::string_view bytes, size_t offset) {
  using flight::Slot;
  FlightEvent event;
  event.kind = FlightEvent::Kind(valueAt<int32_t>(bytes, offset + offsetof(Slot, kind)));
  event.nanos = valueAt<int64_t>(bytes, offset + offsetof(Slot, nanos));
  event.step = valueAt<int64_t>(bytes, offset + offsetof(Slot, step));
  event.rank = valueAt<int32_t>(bytes, offset + offsetof(Slot, rank));
  event.subject = valueAt<int32_t>(bytes, offset + offsetof(Slot, subject));
  event.sequence = valueAt<int64_t>(bytes, offset + offsetof(Slot, sequence));
  event.bytes = valueAt<int64_t>(bytes, offset + offsetof(Slot, bytes));
  return event;
}

bool isWhole(const FlightEvent &event, const FlightRecord &record) {
  if (int(event.kind) < 0 || event.kind > FlightEvent::Kind::kMessageEnded || !isCount(event.nanos)) return false;
  const FlightIdentity &who = record.identity;
  if (event.kind >= FlightEvent::Kind::kMessageBegun) return event.subject >= 0 && event.subject < who.processes;
  return event.subject >= 0 && event.subject < int64_t(record.collectives.size()) && event.rank >= who.firstRank &&
         event.rank < who.endRank;
}

// Records of one job agree on what they are records of.
bool belongTogether(const FlightRecord &a, const FlightRecord &b) {
  const FlightIdentity &one = a.identity, &other = b.identity;
  return one.processes == other.processes && one.endRank - one.firstRank == other.endRank - other.firstRank &&
         a.collectives.size() == b.collectives.size();
}

absl::Status readText(absl::string_view text, FlightRecord &record) {
  const auto root = parseStrictJson(text, kDepth);
  if (!root.ok()) return noRecord(root.status().message());
  try {
    FlightIdentity &identity = record.identity;
    root->at("job").get_to(identity.job);
    root->at("process").get_to(identity.process);
    root->at("processes").get_to(identity.processes);
    root->at("first_rank").get_to(identity.firstRank);
    root->at("end_rank").get_to(identity.endRank);
    root->at("host").get_to(identity.host);
    root->at("pid").get_to(identity.pid);
    for (const json &from : root->at("collectives")) {
      FlightCollective &to = record.collectives.emplace_back();
      from.at("entry").get_to(to.entry);
      from.at("name").get_to(to.name);
      from.at("kind").get_to(to.kind);
      from.at("axes").get_to(to.axes);
      from.at("bytes").get_to(to.bytes);
      from.at("groups").get_to(to.groups);
    }
  } catch (const json::exception &error) {
    return noRecord(error.what());
  }
  const FlightIdentity &identity = record.identity;
  if (identity.processes < 1 || identity.processes > kMostProcesses || identity.process < 0 ||
      identity.process >= identity.processes || identity.endRank <= identity.firstRank ||
      identity.firstRank != int64_t{identity.process} * (identity.endRank - identity.firstRank))
    return noRecord("one of a process that can't be");
  return absl::OkStatus();
}

}  // namespace

const char *nameOf(FlightPhase phase) {
  switch (phase) {
    case FlightPhase::kStart: return "start";
    case FlightPhase::kStep: return "step";
    case FlightPhase::kEvaluate: return "evaluate";
    case FlightPhase::kSave: return "save";
  }
  return "";
}

const char *nameOf(FlightOutcome outcome) {
  switch (outcome) {
    case FlightOutcome::kUnderWay: return "under way";
    case FlightOutcome::kDone: return "done";
    case FlightOutcome::kGaveUp: return "gave up";
    case FlightOutcome::kFailed: return "failed";
  }
  return "";
}

const char *nameOf(FlightEvent::Kind kind) {
  switch (kind) {
    case FlightEvent::Kind::kEnqueued: return "enqueued";
    case FlightEvent::Kind::kStarted: return "started";
    case FlightEvent::Kind::kFinished: return "finished";
    case FlightEvent::Kind::kFailed: return "given up";
    case FlightEvent::Kind::kMessageBegun: return "message begun";
    case FlightEvent::Kind::kMessageEnded: return "message ended";
  }
  return "";
}

std::string FlightCollective::str() const {
  return absl::StrCat(kind, " '", name, "' of entry ", entry, " (axes ", absl::StrJoin(axes, ", "), "; ", bytes,
                      " bytes)");
}

absl::StatusOr<FlightRecord> readFlightRecord(absl::string_view bytes) {
  using flight::Head;
  using flight::Slot;
  if (bytes.size() < sizeof(Head) || std::memcmp(bytes.data(), flight::kMagic, sizeof(flight::kMagic)) != 0)
    return noRecord("another file");
  const int64_t capacity = valueAt<int64_t>(bytes, offsetof(Head, capacity));
  const int64_t textBytes = valueAt<int64_t>(bytes, offsetof(Head, textBytes));
  const int64_t rest = static_cast<int64_t>(bytes.size() - sizeof(Head));
  if (capacity < 1 || capacity > rest / int64_t(sizeof(Slot)) || textBytes != rest - capacity * int64_t(sizeof(Slot)))
    return noRecord("one that is cut off");
  FlightRecord record;
  if (auto status = readText(bytes.substr(bytes.size() - textBytes), record); !status.ok()) return status;
  const int32_t phase = valueAt<int32_t>(bytes, offsetof(Head, phase));
  const int32_t outcome = valueAt<int32_t>(bytes, offsetof(Head, outcome));
  if (phase < 0 || phase > int32_t(FlightPhase::kSave) || outcome < 0 || outcome > int32_t(FlightOutcome::kFailed))
    return noRecord("one in no known phase");
  record.phase = FlightPhase(phase);
  record.outcome = FlightOutcome(outcome);
  record.step = valueAt<int64_t>(bytes, offsetof(Head, step));
  record.aliveNanos = valueAt<int64_t>(bytes, offsetof(Head, aliveNanos));
  record.pauseBegin = valueAt<int64_t>(bytes, offsetof(Head, pauseBegin));
  record.pauseEnd = valueAt<int64_t>(bytes, offsetof(Head, pauseEnd));
  const int64_t written = valueAt<int64_t>(bytes, offsetof(Head, written));
  for (int64_t count : {record.aliveNanos, record.pauseBegin, record.pauseEnd, written})
    if (!isCount(count)) return noRecord("one with times or numbers that can't be");
  const absl::string_view why = bytes.substr(offsetof(Head, why), flight::kMostWhy);
  record.why = std::string(why.substr(0, why.find('\0')));
  for (int64_t number = std::max<int64_t>(0, written - capacity) + 1; number <= written; ++number) {
    const size_t offset = sizeof(Head) + size_t((number - 1) % capacity) * sizeof(Slot);
    if (valueAt<int64_t>(bytes, offset + offsetof(Slot, number)) != number) continue;
    if (FlightEvent event = eventAt(bytes, offset); isWhole(event, record)) record.events.push_back(event);
  }
  return record;
}

std::string flightText(const FlightIdentity &identity, const std::vector<FlightCollective> &collectives) {
  json list = json::array();
  for (const FlightCollective &collective : collectives)
    list.push_back({{"entry", collective.entry},
                    {"name", collective.name},
                    {"kind", collective.kind},
                    {"axes", collective.axes},
                    {"bytes", collective.bytes},
                    {"groups", collective.groups}});
  const json root = {{"job", identity.job},
                     {"process", identity.process},
                     {"processes", identity.processes},
                     {"first_rank", identity.firstRank},
                     {"end_rank", identity.endRank},
                     {"host", identity.host},
                     {"pid", identity.pid},
                     {"collectives", std::move(list)}};
  return root.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string flightPath(const std::string &folder, int process) { return absl::StrCat(folder, "/", kName, process); }

absl::StatusOr<FlightRecords> readFlightRecords(const std::string &folder) {
  std::error_code error;
  std::map<std::string, std::map<int, FlightRecord>> jobs;  // the names of jobs sort by when they began
  int all = 0;
  for (const auto &file : std::filesystem::directory_iterator(folder, error)) {
    const std::string path = file.path().string(), name = file.path().filename().string();
    if (name.rfind(kName, 0) != 0) continue;
    const auto mapped = MappedFile::open(path);
    if (!mapped.ok()) return mapped.status();
    auto record = readFlightRecord(mapped->bytes());
    if (!record.ok())
      return absl::Status(record.status().code(), absl::StrCat("\"", path, "\": ", record.status().message()));
    ++all;
    jobs[record->identity.job].emplace(record->identity.process, *std::move(record));
  }
  if (error) return absl::NotFoundError(absl::StrCat("cannot read \"", folder, "\": ", error.message()));
  if (jobs.empty())
    return absl::NotFoundError(absl::StrCat("\"", folder, "\": requires flight records (files ", kName,
                                            "0, ...), as train --flight-records writes them, got none"));
  FlightRecords records;
  for (auto &[process, record] : jobs.rbegin()->second) records.records.push_back(std::move(record));
  for (const FlightRecord &record : records.records)
    if (!belongTogether(record, records.records.front()))
      return absl::InvalidArgumentError(absl::StrCat("\"", folder, "\": requires records of one job, got those of ",
                                                     "processes ", records.records.front().identity.process, " and ",
                                                     record.identity.process, ", which differ"));
  records.others = all - int(records.records.size());
  return records;
}

}  // namespace cleave
