#include "runtime/trace/trace_report.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/trace/device_run.h"
#include "runtime/trace/spans.h"
#include "runtime/trace/trace_file.h"

namespace cleave {
namespace {

// The runs of one entry on one device.
class Runs {
 public:
  Runs(const TraceRows &rows, const std::string &entry) {
    const auto phases = rows.find("phases");
    if (phases == rows.end()) return;
    for (const TraceSlice &slice : phases->second)
      if (slice.category == "run" && slice.name == entry) spans_.push_back({slice.begin, slice.end});
    std::sort(spans_.begin(), spans_.end());
  }
  int64_t count() const { return static_cast<int64_t>(spans_.size()); }
  bool hold(const TraceSlice &slice) const {
    const auto next = std::upper_bound(spans_.begin(), spans_.end(), slice.begin,
                                       [](int64_t nanos, const auto &span) { return nanos < span.first; });
    return next != spans_.begin() && slice.begin <= std::prev(next)->second;
  }
  int64_t length() const { return lengthOf(spans_); }

 private:
  Spans spans_;
};

DeviceReport reportOf(int64_t device, const TraceRows &rows, const Runs &runs,
                      std::map<std::string, AwaitedCollective> &awaited) {
  const double share = 1e-6 / static_cast<double>(runs.count());
  Spans compute, links, exposed;
  std::map<std::string, int64_t> idle;  // by cause
  for (const auto &[row, slices] : rows)
    for (const TraceSlice &slice : slices) {
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

}  // namespace

absl::StatusOr<TraceReport> readTraceReport(absl::string_view trace) {
  auto read = readTrace(trace);
  if (!read.ok()) return read.status();
  TraceReport report;
  report.entry = read->entry;
  std::map<std::string, AwaitedCollective> largest;
  for (const auto &[device, rows] : read->devices) {
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
