#include "runtime/trace/trace_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/strict_json.h"
#include "runtime/trace/device_run.h"
#include "runtime/trace/spans.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr int kDepth = 4;             // of what the writer nests
constexpr double kMostMicros = 1e12;  // ten days

struct Slice {
  std::string name, category, awaited;
  int64_t begin = 0, end = 0;  // ns
};
// The slices of one device, by row.
using Rows = std::map<std::string, std::vector<Slice>>;

absl::Status wrong(size_t event, absl::string_view rule, const json &seen) {
  return absl::InvalidArgumentError(
      absl::StrCat("event ", event, " requires ", rule, ", got ",
                   seen.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 80)));
}

json fieldOf(const json &object, const char *name) {
  const auto found = object.find(name);
  return found == object.end() ? json() : *found;
}

absl::StatusOr<int64_t> integerOf(const json &event, size_t index, const char *name) {
  const json value = fieldOf(event, name);
  if (!value.is_number_integer()) return wrong(index, absl::StrCat("an integer \"", name, "\""), value);
  return value.get<int64_t>();
}

absl::StatusOr<std::string> textOf(const json &event, size_t index, const char *name) {
  const json value = fieldOf(event, name);
  if (!value.is_string()) return wrong(index, absl::StrCat("a text \"", name, "\""), value);
  return value.get<std::string>();
}

absl::StatusOr<int64_t> nanosOf(const json &event, size_t index, const char *name) {
  const json value = fieldOf(event, name);
  if (!value.is_number() || !(value.get<double>() >= 0) || value.get<double>() > kMostMicros)
    return wrong(index, absl::StrCat("\"", name, "\" to be a number of microseconds"), value);
  return std::llround(value.get<double>() * 1e3);
}

absl::StatusOr<Slice> sliceOf(const json &event, size_t index) {
  Slice slice;
  auto name = textOf(event, index, "name"), category = textOf(event, index, "cat");
  if (!name.ok()) return name.status();
  if (!category.ok()) return category.status();
  auto begin = nanosOf(event, index, "ts"), length = nanosOf(event, index, "dur");
  if (!begin.ok()) return begin.status();
  if (!length.ok()) return length.status();
  const json arguments = fieldOf(event, "args");
  if (arguments.is_object()) {
    const json awaited = fieldOf(arguments, "for");
    if (awaited.is_string()) slice.awaited = awaited.get<std::string>();
  }
  slice.name = *std::move(name);
  slice.category = *std::move(category);
  slice.begin = *begin;
  slice.end = *begin + *length;
  return slice;
}

using RowNames = std::map<std::pair<int64_t, int64_t>, std::string>;  // by process and thread

absl::Status readNames(const json &events, RowNames &names) {
  for (size_t e = 0; e < events.size(); ++e) {
    const json &event = events[e];
    if (!event.is_object()) return wrong(e, "to be an object", event);
    auto kind = textOf(event, e, "ph");
    if (!kind.ok()) return kind.status();
    if (*kind != "M" || fieldOf(event, "name") != "thread_name") continue;
    auto process = integerOf(event, e, "pid"), thread = integerOf(event, e, "tid");
    if (!process.ok()) return process.status();
    if (!thread.ok()) return thread.status();
    const json arguments = fieldOf(event, "args");
    if (!arguments.is_object()) return wrong(e, "\"args\" with a name", arguments);
    auto name = textOf(arguments, e, "name");
    if (!name.ok()) return name.status();
    names[{*process, *thread}] = *std::move(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<int64_t, Rows>> readDevices(const json &events) {
  RowNames names;
  if (auto status = readNames(events, names); !status.ok()) return status;
  std::map<int64_t, Rows> devices;
  for (size_t e = 0; e < events.size(); ++e) {
    if (events[e]["ph"] != "X") continue;
    auto process = integerOf(events[e], e, "pid"), thread = integerOf(events[e], e, "tid");
    if (!process.ok()) return process.status();
    if (!thread.ok()) return thread.status();
    auto slice = sliceOf(events[e], e);
    if (!slice.ok()) return slice.status();
    const auto row = names.find({*process, *thread});
    if (row == names.end()) return wrong(e, "a thread with a name", absl::StrCat("pid ", *process, ", tid ", *thread));
    devices[*process][row->second].push_back(*std::move(slice));
  }
  return devices;
}

// The runs of one entry on one device.
class Runs {
 public:
  Runs(const Rows &rows, const std::string &entry) {
    const auto phases = rows.find("phases");
    if (phases == rows.end()) return;
    for (const Slice &slice : phases->second)
      if (slice.category == "run" && slice.name == entry) spans_.push_back({slice.begin, slice.end});
    std::sort(spans_.begin(), spans_.end());
  }
  int64_t count() const { return static_cast<int64_t>(spans_.size()); }
  bool hold(const Slice &slice) const {
    const auto next = std::upper_bound(spans_.begin(), spans_.end(), slice.begin,
                                       [](int64_t nanos, const auto &span) { return nanos < span.first; });
    return next != spans_.begin() && slice.begin <= std::prev(next)->second;
  }
  int64_t length() const { return lengthOf(spans_); }

 private:
  Spans spans_;
};

DeviceReport reportOf(int64_t device, const Rows &rows, const Runs &runs,
                      std::map<std::string, AwaitedCollective> &awaited) {
  const double share = 1e-6 / static_cast<double>(runs.count());
  Spans compute, links, exposed;
  std::map<std::string, int64_t> idle;  // by cause
  for (const auto &[row, slices] : rows)
    for (const Slice &slice : slices) {
      if (!runs.hold(slice)) continue;
      const int64_t nanos = slice.end - slice.begin;
      if (row == "compute") compute.push_back({slice.begin, slice.end});
      if (absl::StartsWith(row, "link ")) links.push_back({slice.begin, slice.end});
      if (row != "idle") continue;
      idle[slice.name] += nanos;
      const bool isExposed = slice.name == nameOf(IdleCause::kExposed), isLate = slice.name == nameOf(IdleCause::kLate);
      if (isExposed) exposed.push_back({slice.begin, slice.end});
      if ((isExposed || isLate) && !slice.awaited.empty())
        (isExposed ? awaited[slice.awaited].exposed : awaited[slice.awaited].late) +=
            static_cast<double>(nanos) * share;
    }
  links = unionOf(std::move(links));
  DeviceReport report;
  report.device = device;
  report.step = static_cast<double>(runs.length()) * share;
  report.compute = static_cast<double>(lengthOf(unionOf(std::move(compute)))) * share;
  report.communication = static_cast<double>(lengthOf(links)) * share;
  report.hidden = static_cast<double>(lengthOutside(links, unionOf(std::move(exposed)))) * share;
  const auto idleFor = [&](IdleCause cause) { return static_cast<double>(idle[nameOf(cause)]) * share; };
  report.exposed = idleFor(IdleCause::kExposed);
  report.late = idleFor(IdleCause::kLate);
  report.handOver = idleFor(IdleCause::kHandOver);
  report.end = idleFor(IdleCause::kEnd);
  const double known = report.compute + report.exposed + report.late + report.handOver + report.end;
  report.other = std::max(0.0, report.step - known);
  return report;
}

// The entry whose runs count.
std::string entryOf(const std::map<int64_t, Rows> &devices) {
  std::string first;
  int64_t begin = 0;
  for (const auto &[device, rows] : devices) {
    const auto phases = rows.find("phases");
    if (phases == rows.end()) continue;
    for (const Slice &slice : phases->second) {
      if (slice.category != "run") continue;
      if (slice.name == "step") return slice.name;
      if (first.empty() || slice.begin < begin) {
        first = slice.name;
        begin = slice.begin;
      }
    }
  }
  return first;
}

}  // namespace

absl::StatusOr<TraceReport> readTraceReport(absl::string_view trace) {
  auto root = parseStrictJson(trace, kDepth);
  if (!root.ok()) return root.status();
  if (!root->is_object() || !fieldOf(*root, "traceEvents").is_array())
    return absl::InvalidArgumentError(
        "requires a trace, an object with a list \"traceEvents\", got another JSON value");
  auto devices = readDevices((*root)["traceEvents"]);
  if (!devices.ok()) return devices.status();
  TraceReport report;
  report.entry = entryOf(*devices);
  if (report.entry.empty())
    return absl::InvalidArgumentError(
        "requires runs of an entry in rows \"phases\", as train --trace writes them, got none");
  std::map<std::string, AwaitedCollective> largest;
  for (const auto &[device, rows] : *devices) {
    const Runs runs(rows, report.entry);
    if (runs.count() == 0 || (report.runs > 0 && runs.count() != report.runs))
      return absl::InvalidArgumentError(absl::StrCat("device ", device, " requires as many runs of \"", report.entry,
                                                     "\" as the others (", std::max<int64_t>(report.runs, 1), "), got ",
                                                     runs.count()));
    report.runs = runs.count();
    std::map<std::string, AwaitedCollective> awaited;
    report.devices.push_back(reportOf(device, rows, runs, awaited));
    for (const auto &[op, here] : awaited) {
      AwaitedCollective &most = largest[op];
      if (most.op.empty() || here.exposed + here.late > most.exposed + most.late) most = {op, here.exposed, here.late};
    }
  }
  for (const auto &[op, most] : largest) report.awaited.push_back(most);
  std::stable_sort(report.awaited.begin(), report.awaited.end(),
                   [](const auto &a, const auto &b) { return a.exposed + a.late > b.exposed + b.late; });
  return report;
}

}  // namespace cleave
