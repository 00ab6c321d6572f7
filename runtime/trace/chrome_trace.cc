#include "runtime/trace/chrome_trace.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace cleave {
namespace {

enum Row : int { kPhases, kCompute, kIdle, kCommunicate, kFirstLink };

std::string json(const std::string &text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

struct Span {
  int64_t begin = 0, end = 0;
};

class TraceWriter {
 public:
  TraceWriter(const TraceLog &log, int64_t startNanos, std::ostream &out) : out_(out), start_(startNanos) {
    for (const TraceLog::Device &device : log.devices) writeDevice(device);
  }

 private:
  void writeDevice(const TraceLog::Device &device) {
    process_ = device.rank;
    put(absl::StrFormat(R"({"name":"process_name","ph":"M","pid":%d,"tid":0,"args":{"name":"device %d"}})", process_,
                        process_));
    nameRow(kPhases, "phases");
    nameRow(kCompute, "compute");
    nameRow(kIdle, "idle");
    nameRow(kCommunicate, "communicate");
    for (const auto &run : device.runs) slice(kPhases, {run.beginNanos, run.endNanos}, run.entry, "run", "");
    writePhases(device);
    for (const TaskEvent &event : device.tasks) task(kCompute, event);
    for (const TaskEvent &event : device.communicate) task(kCommunicate, event);
    for (const Idle &idle : device.idle)
      slice(kIdle, {idle.beginNanos, idle.endNanos}, nameOf(idle.cause), "idle",
            absl::StrFormat(R"("for":%s)", json(idle.awaited ? idle.awaited->op : "")));
    writeCollectives(device);
  }

  // Runs of tasks of one phase, within one run of an entry.
  void writePhases(const TraceLog::Device &device) {
    size_t t = 0;
    for (const auto &run : device.runs) {
      while (t < device.tasks.size() && device.tasks[t].beginNanos < run.endNanos) {
        const std::string &phase = device.tasks[t].label->phase;
        Span span{device.tasks[t].beginNanos, 0};
        for (; t < device.tasks.size() && device.tasks[t].label->phase == phase &&
               device.tasks[t].beginNanos < run.endNanos;
             ++t)
          span.end = device.tasks[t].endNanos;
        if (!phase.empty()) slice(kPhases, span, phase, "phase", "");
      }
    }
  }

  void writeCollectives(const TraceLog::Device &device) {
    std::map<const TaskLabel *, std::vector<const TaskEvent *>> runsOf;
    for (const TaskEvent &event : device.tasks) runsOf[event.label].push_back(&event);
    std::map<std::string, int> links;
    for (const CollectiveEvent &event : device.collectives) {
      int row = -1;
      for (const std::string &axis : event.label->axes) {
        const auto [link, isNew] = links.insert({axis, kFirstLink + static_cast<int>(links.size())});
        if (isNew) nameRow(link->second, "link " + axis);
        row = link->second;
        slice(row, {event.beginNanos, event.endNanos}, event.label->op, event.label->kernel, whereOf(*event.label));
      }
      const auto waiters = runsOf.find(event.label->waiter);
      if (row < 0 || waiters == runsOf.end()) continue;
      const auto waiter =
          std::partition_point(waiters->second.begin(), waiters->second.end(),
                               [&](const TaskEvent *waits) { return waits->beginNanos < event.endNanos; });
      if (waiter == waiters->second.end()) continue;
      ++arrow_;
      arrow("s", kCommunicate, event.startNanos, event.label->op);
      arrow("t", row, event.beginNanos, event.label->op);
      arrow("f", kCompute, (*waiter)->beginNanos, event.label->op);
    }
  }

  static std::string whereOf(const TaskLabel &label) {
    return absl::StrFormat(R"("layer":%s,"at":%s)", json(label.layer), json(label.location));
  }

  void task(int row, const TaskEvent &event) {
    slice(row, {event.beginNanos, event.endNanos}, event.label->op, event.label->kernel,
          absl::StrFormat(R"(%s,"phase":%s)", whereOf(*event.label), json(event.label->phase)));
  }

  void nameRow(int row, const std::string &name) {
    put(absl::StrFormat(R"({"name":"thread_name","ph":"M","pid":%d,"tid":%d,"args":{"name":%s}})", process_, row,
                        json(name)));
    put(absl::StrFormat(R"({"name":"thread_sort_index","ph":"M","pid":%d,"tid":%d,"args":{"sort_index":%d}})", process_,
                        row, row));
  }

  void slice(int row, Span span, const std::string &name, const std::string &category, const std::string &arguments) {
    put(absl::StrFormat(R"({"name":%s,"cat":%s,"ph":"X","pid":%d,"tid":%d,"ts":%.3f,"dur":%.3f,"args":{%s}})",
                        json(name), json(category), process_, row, (span.begin - start_) * 1e-3,
                        (span.end - span.begin) * 1e-3, arguments));
  }

  void arrow(const char *kind, int row, int64_t nanos, const std::string &name) {
    put(absl::StrFormat(R"({"name":%s,"cat":"arrow","ph":"%s","id":%d,"pid":%d,"tid":%d,"ts":%.3f%s})", json(name),
                        kind, arrow_ + (int64_t{process_} << 32), process_, row, (nanos - start_) * 1e-3,
                        *kind == 'f' ? R"(,"bp":"e")" : ""));
  }

  void put(const std::string &event) {
    out_ << separator_ << event;
    separator_ = ",\n";
  }

  std::ostream &out_;
  const int64_t start_;
  const char *separator_ = "\n";
  int process_ = 0;
  int64_t arrow_ = 0;
};

template <typename Event>
void append(const std::vector<Event> &from, std::vector<Event> &to) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

void TraceLog::add(Device device) {
  const auto known =
      std::find_if(devices.begin(), devices.end(), [&](const Device &other) { return other.rank == device.rank; });
  if (known == devices.end()) {
    devices.push_back(std::move(device));
    return;
  }
  append(device.runs, known->runs);
  append(device.tasks, known->tasks);
  append(device.communicate, known->communicate);
  append(device.collectives, known->collectives);
  append(device.idle, known->idle);
}

size_t TraceLog::Device::events() const {
  return runs.size() + tasks.size() + communicate.size() + 5 * collectives.size() + idle.size();
}

int64_t TraceLog::beginNanos() const {
  int64_t begin = std::numeric_limits<int64_t>::max();
  for (const Device &device : devices) {
    for (const Run &run : device.runs) begin = std::min(begin, run.beginNanos);
    for (const auto *tasks : {&device.tasks, &device.communicate})
      for (const TaskEvent &event : *tasks) begin = std::min(begin, event.beginNanos);
  }
  return begin;
}

void TraceLog::mapTimes(absl::FunctionRef<int64_t(int64_t nanos)> map) {
  const auto mapSpans = [&](auto &spans) {
    for (auto &span : spans) {
      span.beginNanos = map(span.beginNanos);
      span.endNanos = map(span.endNanos);
    }
  };
  for (Device &device : devices) {
    mapSpans(device.runs);
    mapSpans(device.tasks);
    mapSpans(device.communicate);
    mapSpans(device.collectives);
    mapSpans(device.idle);
    for (CollectiveEvent &event : device.collectives)
      for (int64_t *nanos : {&event.startNanos, &event.arrivedNanos, &event.doneNanos}) *nanos = map(*nanos);
  }
}

void writeTraceEvents(const TraceLog &log, int64_t startNanos, std::ostream &out) { TraceWriter(log, startNanos, out); }

std::string joinTraceEvents(const std::vector<std::string> &parts) {
  std::string text = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", separator;
  for (const std::string &part : parts) {
    if (part.empty()) continue;
    text.append(separator).append(part);
    separator = ",";
  }
  return text.append("\n]}\n");
}

void writeChromeTrace(const TraceLog &log, std::ostream &out) {
  std::ostringstream events;
  writeTraceEvents(log, log.beginNanos(), events);
  out << joinTraceEvents({events.str()});
}

}  // namespace cleave
