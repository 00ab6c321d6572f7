#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "runtime/flight/diagnose.h"
#include "runtime/flight/flight_record.h"
#include "tools/cli/run_commands.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

using Json = nlohmann::ordered_json;
using Event = std::pair<const FlightRecord *, FlightEvent>;

std::string listOf(const std::vector<int> &numbers) { return absl::StrJoin(numbers, ", "); }

std::string secondsText(int64_t nanos) { return absl::StrFormat("%.2f s", double(nanos) * 1e-9); }

std::string nameOf(const Diagnosis::Suspect &suspect) {
  return absl::StrCat("process ", suspect.process, " (ranks ", listOf(suspect.ranks),
                      suspect.host.empty() ? "" : absl::StrCat(", host ", suspect.host), ")");
}

std::string suspectsText(const Diagnosis &found) {
  if (found.suspects.empty())
    return found.linked.empty()
               ? "No process stands out.\n"
               : absl::StrCat("No process stands out. Data are under way between processes ", listOf(found.linked),
                              " and do not come: a link between them is cut or slow.\n");
  std::string text;
  for (const Diagnosis::Suspect &suspect : found.suspects) {
    absl::StrAppend(&text, text.empty() ? "culprit: " : "\nalso: ", nameOf(suspect), "\n");
    for (const std::string &reason : suspect.reasons) absl::StrAppend(&text, "  ", reason, "\n");
    for (const std::string &what : suspect.absentFrom) absl::StrAppend(&text, "  it is missing in ", what, "\n");
  }
  return text;
}

std::string waitsText(const Diagnosis &found) {
  if (found.waits.empty()) return "";
  std::vector<std::vector<std::string>> rows = {{"who", "step", "waits", "for", "in"}};
  for (const Diagnosis::Wait &wait : found.waits) {
    const bool isMessage = wait.rank < 0;
    const std::string absent = absl::StrCat(isMessage ? "process " : "ranks ", listOf(wait.absent));
    rows.push_back({absl::StrCat(isMessage ? "process " : "rank ", isMessage ? wait.process : wait.rank),
                    absl::StrCat(wait.step), secondsText(wait.endNanos - wait.beginNanos),
                    wait.absent.empty() ? "data under way" : absent, wait.what});
  }
  return absl::StrCat("\nWho waits for whom:\n\n", textTable(rows));
}

std::string recordsText(const std::vector<FlightRecord> &records) {
  int64_t last = 0;
  for (const FlightRecord &record : records) last = std::max(last, record.aliveNanos);
  std::vector<std::vector<std::string>> rows = {
      {"process", "host", "pid", "ranks", "phase", "step", "silent at the end", "outcome"}};
  for (const FlightRecord &record : records) {
    const FlightIdentity &who = record.identity;
    rows.push_back({absl::StrCat(who.process), who.host, absl::StrCat(who.pid),
                    absl::StrCat(who.firstRank, "-", who.endRank - 1), nameOf(record.phase), absl::StrCat(record.step),
                    secondsText(last - record.aliveNanos),
                    record.why.empty() ? nameOf(record.outcome)
                                       : absl::StrCat(nameOf(record.outcome), ": ",
                                                      record.why.substr(0, record.why.find('\n')))});
  }
  return absl::StrCat("\nRecords:\n\n", textTable(rows));
}

Json suspectsJson(const Diagnosis &found) {
  Json list = Json::array();
  for (const Diagnosis::Suspect &suspect : found.suspects)
    list.push_back({{"process", suspect.process},
                    {"ranks", suspect.ranks},
                    {"host", suspect.host},
                    {"reasons", suspect.reasons},
                    {"absent_from", suspect.absentFrom}});
  return list;
}

Json waitsJson(const Diagnosis &found) {
  Json list = Json::array();
  for (const Diagnosis::Wait &wait : found.waits) {
    Json one = {{"process", wait.process},     {"rank", wait.rank < 0 ? Json() : Json(wait.rank)},
                {"step", wait.step},           {"in", wait.what},
                {"begin_ns", wait.beginNanos}, {"end_ns", wait.endNanos},
                {"for", wait.absent}};
    list.push_back(std::move(one));
  }
  return list;
}

Json recordsJson(const std::vector<FlightRecord> &records) {
  Json list = Json::array();
  for (const FlightRecord &record : records)
    list.push_back({{"process", record.identity.process},
                    {"host", record.identity.host},
                    {"pid", record.identity.pid},
                    {"first_rank", record.identity.firstRank},
                    {"end_rank", record.identity.endRank},
                    {"phase", nameOf(record.phase)},
                    {"step", record.step},
                    {"alive_ns", record.aliveNanos},
                    {"outcome", nameOf(record.outcome)},
                    {"why", record.why}});
  return list;
}

// Of all processes, in the order of their hosts' clocks.
Json eventsJson(const std::vector<FlightRecord> &records) {
  std::vector<Event> events;
  for (const FlightRecord &record : records)
    for (const FlightEvent &event : record.events) events.push_back({&record, event});
  std::stable_sort(events.begin(), events.end(),
                   [](const Event &a, const Event &b) { return a.second.nanos < b.second.nanos; });
  Json list = Json::array();
  for (const auto &[record, event] : events) {
    const bool isMessage = event.kind >= FlightEvent::Kind::kMessageBegun;
    Json one = {{"ns", event.nanos},
                {"process", record->identity.process},
                {"event", nameOf(event.kind)},
                {"step", event.step}};
    one["sequence"] = event.sequence;
    one["bytes"] = event.bytes;
    if (isMessage) {
      one["peer"] = event.subject;
    } else {
      one["rank"] = event.rank;
      one["collective"] = record->collectives[event.subject].str();
    }
    list.push_back(std::move(one));
  }
  return list;
}

std::string jsonOf(const FlightRecords &read, const Diagnosis &found) {
  const Json all = {{"processes", read.records.front().identity.processes},
                    {"suspects", suspectsJson(found)},
                    {"waits", waitsJson(found)},
                    {"linked", found.linked},
                    {"records", recordsJson(read.records)},
                    {"events", eventsJson(read.records)}};
  return all.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

absl::StatusOr<ExitCode> runDiagnose(const ParsedFlags &flags) {
  const auto read = readFlightRecords(flags.positional(0));
  if (!read.ok()) return read.status();
  if (read->others > 0)
    std::fprintf(stderr, "warning: %d records are of earlier runs, and left out\n", read->others);
  const Diagnosis found = diagnose(read->records);
  const std::string text = flags.isOn("--json")
                               ? jsonOf(*read, found)
                               : suspectsText(found) + waitsText(found) + recordsText(read->records);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return absl::FailedPreconditionError("cannot write to stdout");
  return kDone;
}

}  // namespace cleave::cli
