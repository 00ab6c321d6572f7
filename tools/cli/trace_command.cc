#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runtime/files/mapped_file.h"
#include "runtime/trace/trace_report.h"
#include "tools/cli/run_commands.h"
#include "tools/cli/text_table.h"

namespace cleave::cli {
namespace {

constexpr size_t kMostAwaited = 10;

using Figure = double DeviceReport::*;
constexpr struct {
  const char *name;
  Figure figure;
} kColumns[] = {{"step", &DeviceReport::step},
                {"compute", &DeviceReport::compute},
                {"communication", &DeviceReport::communication},
                {"hidden", &DeviceReport::hidden},
                {"exposed", &DeviceReport::exposed},
                {"late", &DeviceReport::late},
                {"hand-over", &DeviceReport::handOver},
                {"end", &DeviceReport::end},
                {"other", &DeviceReport::other}};

std::string milliseconds(double value) { return absl::StrFormat("%.3f", value); }

std::string tablesOf(const TraceReport &report) {
  std::vector<std::vector<std::string>> rows = {{"device"}};
  for (const auto &column : kColumns) rows[0].push_back(column.name);
  for (const DeviceReport &device : report.devices) {
    rows.push_back({absl::StrCat(device.device)});
    for (const auto &column : kColumns) rows.back().push_back(milliseconds(device.*column.figure));
  }
  rows.push_back({"largest"});
  for (const auto &column : kColumns) {
    double largest = 0;
    for (const DeviceReport &device : report.devices) largest = std::max(largest, device.*column.figure);
    rows.back().push_back(milliseconds(largest));
  }
  std::string text =
      absl::StrCat("Milliseconds a run of \"", report.entry, "\", means of ", report.runs,
                   ". Idle time of the compute stream is exposed, late, hand-over or end.\n\n", textTable(rows));
  if (report.awaited.empty()) return text;
  rows = {{"exposed", "late", "collective"}};
  for (const AwaitedCollective &awaited : report.awaited)
    if (rows.size() <= kMostAwaited)
      rows.push_back({milliseconds(awaited.exposed), milliseconds(awaited.late), awaited.op});
  return absl::StrCat(text, "\nWhat computing stood still for longest, on the device where it cost most:\n\n",
                      textTable(rows));
}

}  // namespace

absl::StatusOr<ExitCode> runTraceReport(const ParsedFlags &flags) {
  const std::string &path = flags.positional(0);
  auto file = MappedFile::open(path);
  if (!file.ok()) return file.status();
  auto report = readTraceReport(file->bytes());
  if (!report.ok())
    return absl::Status(report.status().code(), absl::StrCat("\"", path, "\": ", report.status().message()));
  const std::string text = tablesOf(*report);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return absl::FailedPreconditionError("cannot write to stdout");
  return kDone;
}

}  // namespace cleave::cli
