#include "runtime/trace/trace_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "nlohmann/json.hpp"
#include "runtime/trace/chrome_trace.h"

namespace cleave {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int64_t kMillisecond = 1000000;

// Two devices that run "initialize" and two steps. A step of 100 ms computes from 0 to 40 and from 71 to 90; a transfer
// runs from 30 to 60 and 62 to 70, and the device waits for it from 40 on. On device 1 it does so 10 ms longer.
std::string exampleTrace() {
  static const TaskLabel kMatmul = {"first", "matmul"}, kNorm = {"second", "norm"};
  static const TaskLabel kReduce = [] {
    TaskLabel label = {"reduce", "all_reduce"};
    label.axes = {"data"};
    return label;
  }();
  TraceLog log;
  for (const int rank : {0, 1}) {
    TraceLog::Device device;
    device.rank = rank;
    device.runs.push_back({"initialize", 0, 500 * kMillisecond});
    device.tasks.push_back({&kMatmul, 0, 400 * kMillisecond});
    for (const int64_t step : {1000, 2000}) {
      const auto at = [&](int64_t milliseconds) { return (step + milliseconds) * kMillisecond; };
      device.runs.push_back({"step", at(0), at(100)});
      device.tasks.push_back({&kMatmul, at(0), at(40)});
      device.tasks.push_back({&kNorm, at(71), at(90 - rank * 10)});
      device.collectives.push_back({&kReduce, at(30), at(30), at(30), at(31), at(60)});
      device.collectives.push_back({&kReduce, at(61), at(62), at(62), at(63), at(70)});
      device.idle.push_back({at(40), at(60), IdleCause::kExposed, &kReduce});
      device.idle.push_back({at(60), at(62), IdleCause::kLate, &kReduce});
      device.idle.push_back({at(62), at(70), IdleCause::kExposed, &kReduce});
      device.idle.push_back({at(70), at(71), IdleCause::kHandOver, nullptr});
      device.idle.push_back({at(90 - rank * 10), at(100), IdleCause::kEnd, nullptr});
    }
    log.add(device);
  }
  std::ostringstream text;
  writeChromeTrace(log, text);
  return text.str();
}

TEST(TraceReport, AddsUpWhereTheTimeOfAStepGoes) {
  const auto report = readTraceReport(exampleTrace());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->entry, "step");
  EXPECT_EQ(report->runs, 2);
  ASSERT_EQ(report->devices.size(), 2u);
  const DeviceReport &device = report->devices[0];
  EXPECT_EQ(device.device, 0);
  EXPECT_DOUBLE_EQ(device.step, 100);
  EXPECT_DOUBLE_EQ(device.compute, 59);
  EXPECT_DOUBLE_EQ(device.communication, 38);
  EXPECT_DOUBLE_EQ(device.hidden, 10);
  EXPECT_DOUBLE_EQ(device.exposed, 28);
  EXPECT_DOUBLE_EQ(device.late, 2);
  EXPECT_DOUBLE_EQ(device.handOver, 1);
  EXPECT_DOUBLE_EQ(device.end, 10);
  EXPECT_DOUBLE_EQ(device.other, 0);
  EXPECT_DOUBLE_EQ(report->devices[1].compute, 49);
  EXPECT_DOUBLE_EQ(report->devices[1].end, 20);
  ASSERT_EQ(report->awaited.size(), 1u);
  EXPECT_EQ(report->awaited[0].op, "reduce");
  EXPECT_DOUBLE_EQ(report->awaited[0].exposed, 28);
  EXPECT_DOUBLE_EQ(report->awaited[0].late, 2);
}

TEST(TraceReport, WithoutStepsTakesTheFirstEntryThatRan) {
  json trace = json::parse(exampleTrace());
  json &events = trace["traceEvents"];
  for (size_t e = events.size(); e-- > 0;)
    if (events[e]["name"] == "step") events.erase(e);
  const auto report = readTraceReport(trace.dump());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->entry, "initialize");
  EXPECT_DOUBLE_EQ(report->devices[0].step, 500);
  EXPECT_DOUBLE_EQ(report->devices[0].compute, 400);
}

struct Damage {
  const char *name;
  void (*make)(json &events);
  const char *message;
};

json &firstSlice(json &events) {
  for (json &event : events)
    if (event["ph"] == "X") return event;
  return events[0];
}

const Damage kDamages[] = {
    {"an event that is none", [](json &events) { events[0] = 7; }, "event 0 requires to be an object, got 7"},
    {"no kind", [](json &events) { events[0].erase("ph"); }, "event 0 requires a text \"ph\", got null"},
    {"no time", [](json &events) { firstSlice(events).erase("ts"); }, "requires \"ts\" to be a number of microseconds"},
    {"a negative time", [](json &events) { firstSlice(events)["ts"] = -5; },
     "\"ts\" to be a number of microseconds, got -5"},
    {"an endless time", [](json &events) { firstSlice(events)["dur"] = 1e300; },
     "\"dur\" to be a number of microseconds"},
    {"a time in words", [](json &events) { firstSlice(events)["dur"] = "long"; }, "got \"long\""},
    {"a process in words", [](json &events) { firstSlice(events)["pid"] = "0"; },
     "requires an integer \"pid\", got \"0\""},
    {"a thread without a name", [](json &events) { firstSlice(events)["tid"] = 77; },
     "requires a thread with a name, got \"pid 0, tid 77\""},
    {"a category of numbers", [](json &events) { firstSlice(events)["cat"] = 1; }, "requires a text \"cat\", got 1"},
    {"no events", [](json &events) { events = json::array(); }, "requires runs of an entry in rows \"phases\""},
    {"a step too few",
     [](json &events) {
       for (size_t e = events.size(); e-- > 0;)
         if (events[e]["name"] == "step") {
           events.erase(e);
           return;
         }
     },
     "device 1 requires as many runs of \"step\" as the others (2), got 1"},
};

TEST(TraceReport, SaysWhatIsWrongWithADamagedTrace) {
  for (const Damage &damage : kDamages) {
    json trace = json::parse(exampleTrace());
    damage.make(trace["traceEvents"]);
    EXPECT_THAT(std::string(readTraceReport(trace.dump()).status().message()), HasSubstr(damage.message))
        << damage.name;
  }
  const std::string whole = exampleTrace();
  for (size_t kept = 0; kept + 5 < whole.size(); kept += 97)
    EXPECT_THAT(std::string(readTraceReport(whole.substr(0, kept)).status().message()), HasSubstr("requires JSON"))
        << kept;
  EXPECT_THAT(std::string(readTraceReport("[]").status().message()),
              HasSubstr("requires a trace, an object with a list"));
  EXPECT_THAT(std::string(readTraceReport("{\"traceEvents\": 3}").status().message()), HasSubstr("requires a trace"));
  EXPECT_THAT(std::string(readTraceReport(std::string(10000, '[')).status().message()), HasSubstr("levels of nesting"));
}

}  // namespace
}  // namespace cleave
