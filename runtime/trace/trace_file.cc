#include "runtime/trace/trace_file.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/files/strict_json.h"

namespace cleave {
namespace {

using nlohmann::json;

constexpr int kDepth = 4;             // of what the writer nests
constexpr double kMostMicros = 1e12;  // ten days

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

absl::StatusOr<TraceSlice> sliceOf(const json &event, size_t index) {
  TraceSlice slice;
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
    const json phase = fieldOf(arguments, "phase");
    if (phase.is_string()) slice.phase = phase.get<std::string>();
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

absl::StatusOr<std::map<int64_t, TraceRows>> readDevices(const json &events) {
  RowNames names;
  if (auto status = readNames(events, names); !status.ok()) return status;
  std::map<int64_t, TraceRows> devices;
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

// The entry whose runs count.
std::string entryOf(const std::map<int64_t, TraceRows> &devices) {
  std::string first;
  int64_t begin = 0;
  for (const auto &[device, rows] : devices) {
    const auto phases = rows.find("phases");
    if (phases == rows.end()) continue;
    for (const TraceSlice &slice : phases->second) {
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

absl::StatusOr<TraceFile> readTrace(absl::string_view trace) {
  auto root = parseStrictJson(trace, kDepth);
  if (!root.ok()) return root.status();
  if (!root->is_object() || !fieldOf(*root, "traceEvents").is_array())
    return absl::InvalidArgumentError(
        "requires a trace, an object with a list \"traceEvents\", got another JSON value");
  auto devices = readDevices((*root)["traceEvents"]);
  if (!devices.ok()) return devices.status();
  TraceFile file{entryOf(*devices), *std::move(devices)};
  if (file.entry.empty())
    return absl::InvalidArgumentError(
        "requires runs of an entry in rows \"phases\", as train --trace writes them, got none");
  return file;
}

}  // namespace cleave
