#include "runtime/trace/chrome_trace.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace cleave {
namespace {

std::string json(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string nameEvent(const char *kind, int process, size_t thread, const std::string &name) {
  return absl::StrFormat(R"({"name":"%s","ph":"M","pid":%d,"tid":%d,"args":{"name":%s}})", kind, process, thread,
                         json(name));
}

std::string taskEvent(const TaskEvent &event, int process, size_t thread, int64_t start) {
  const TaskLabel &label = *event.label;
  return absl::StrFormat(
      R"({"name":%s,"cat":%s,"ph":"X","pid":%d,"tid":%d,"ts":%.3f,"dur":%.3f,"args":{"layer":%s,"at":%s}})",
      json(label.op), json(label.kernel), process, thread, (event.beginNanos - start) * 1e-3,
      (event.endNanos - event.beginNanos) * 1e-3, json(label.layer), json(label.location));
}

}  // namespace

void writeChromeTrace(const TraceLog &log, std::ostream &out) {
  int64_t start = std::numeric_limits<int64_t>::max();
  for (const auto &stream : log.streams)
    for (const TaskEvent &event : stream.events) start = std::min(start, event.beginNanos);

  out << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
  const char *separator = "\n";
  const auto put = [&](const std::string &event) {
    out << separator << event;
    separator = ",\n";
  };
  for (size_t s = 0; s < log.streams.size(); ++s) {
    const auto &stream = log.streams[s];
    put(nameEvent("process_name", stream.rank, s, absl::StrFormat("device %d", stream.rank)));
    put(nameEvent("thread_name", stream.rank, s, stream.name));
    for (const TaskEvent &event : stream.events) put(taskEvent(event, stream.rank, s, start));
  }
  out << "\n]}\n";
}

}  // namespace cleave
