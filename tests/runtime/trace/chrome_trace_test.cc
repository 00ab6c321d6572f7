#include "runtime/trace/chrome_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "nlohmann/json.hpp"

namespace cleave {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

// Two steps of a device: a matmul, whose value is reduced along two axes while another one runs, and an update.
class ChromeTraceTest : public testing::Test {
 protected:
  ChromeTraceTest() {
    reduce_.axes = {"data", "model"};
    reduce_.waiter = &update_;
    device_.rank = 3;
    for (const int64_t start : {1000, 101000}) {
      device_.runs.push_back({"step", start, start + 90000});
      device_.tasks.push_back({&first_, start + 1000, start + 11000});
      device_.tasks.push_back({&second_, start + 11000, start + 31000});
      device_.tasks.push_back({&update_, start + 61000, start + 71000});
      device_.communicate.push_back({&reduce_, start + 12000, start + 15000});
      device_.collectives.push_back(
          {&reduce_, start + 12000, start + 14000, start + 20000, start + 15000, start + 60000});
      device_.idle.push_back({start + 31000, start + 60000, IdleCause::kExposed, &reduce_});
      device_.idle.push_back({start + 60000, start + 61000, IdleCause::kHandOver, nullptr});
    }
  }

  json written() const {
    TraceLog log;
    log.add(device_);
    std::ostringstream text;
    writeChromeTrace(log, text);
    return json::parse(text.str())["traceEvents"];
  }

  // "name begin-end" of the slices of a row, in microseconds.
  static std::vector<std::string> slicesOf(const json &events, const std::string &row) {
    json thread;
    for (const json &event : events)
      if (event["name"] == "thread_name" && event["args"]["name"] == row) thread = event["tid"];
    std::vector<std::string> slices;
    for (const json &event : events)
      if (event["ph"] == "X" && event["tid"] == thread && event["ts"] < 100)
        slices.push_back(event["name"].get<std::string>() + " " + event["ts"].dump() + "-" +
                         json(event["ts"].get<double>() + event["dur"].get<double>()).dump());
    return slices;
  }

  const TaskLabel first_ = {"first", "matmul", "block 0", "forward", "m.mlir:3:1"},
                  second_ = {"second", "matmul", "block 0", "forward", ""},
                  update_ = {"update", "sgd", "", "update", ""};
  TaskLabel reduce_ = {"reduce", "all_reduce", "block 0", "backward", "m.mlir:4:1"};
  TraceLog::Device device_;
};

TEST_F(ChromeTraceTest, ADeviceHasARowForEachKindOfThing) {
  const json events = written();
  EXPECT_THAT(slicesOf(events, "compute"), ElementsAre("first 1.0-11.0", "second 11.0-31.0", "update 61.0-71.0"));
  EXPECT_THAT(slicesOf(events, "phases"), ElementsAre("step 0.0-90.0", "forward 1.0-31.0", "update 61.0-71.0"));
  EXPECT_THAT(slicesOf(events, "idle"), ElementsAre("exposed 31.0-60.0", "hand-over 60.0-61.0"));
  EXPECT_THAT(slicesOf(events, "communicate"), ElementsAre("reduce 12.0-15.0"));
  EXPECT_THAT(slicesOf(events, "link data"), ElementsAre("reduce 20.0-60.0"));
  EXPECT_THAT(slicesOf(events, "link model"), ElementsAre("reduce 20.0-60.0"));
  for (const json &event : events) EXPECT_EQ(event["pid"], 3);
}

TEST_F(ChromeTraceTest, TasksTellKernelLayerPhaseAndLocation) {
  const json events = written();
  const auto first =
      std::find_if(events.begin(), events.end(), [](const json &event) { return event["name"] == "first"; });
  ASSERT_NE(first, events.end());
  EXPECT_EQ((*first)["cat"], "matmul");
  EXPECT_EQ((*first)["args"], (json{{"layer", "block 0"}, {"at", "m.mlir:3:1"}, {"phase", "forward"}}));
}

TEST_F(ChromeTraceTest, ArrowsLeadFromTheStartOverTheTransferToTheTaskThatWaits) {
  const json events = written();
  std::map<int, std::vector<std::string>> arrows;  // by id
  for (const json &event : events)
    if (event.value("cat", "") == "arrow")
      arrows[event["id"]].push_back(event["ph"].get<std::string>() + " " + event["ts"].dump() + " " +
                                    (event.contains("bp") ? event["bp"] : json("-")).get<std::string>());
  ASSERT_EQ(arrows.size(), 2u);
  EXPECT_THAT(arrows.begin()->second, ElementsAre("s 12.0 -", "t 20.0 -", "f 61.0 e"));
  EXPECT_THAT(arrows.rbegin()->second, ElementsAre("s 112.0 -", "t 120.0 -", "f 161.0 e"));
}

TEST_F(ChromeTraceTest, ACollectiveThatNobodyWaitsForHasNoArrow) {
  reduce_.waiter = nullptr;
  for (const json &event : written()) EXPECT_NE(event["ph"], "s");
}

TEST_F(ChromeTraceTest, NamesAreWrittenAsJsonWhateverTheyHold) {
  reduce_.op = "a \"b\"\n\xff";
  EXPECT_THAT(slicesOf(written(), "link data"), testing::SizeIs(1));
}

TEST_F(ChromeTraceTest, AnEmptyLogIsAnEmptyTrace) {
  std::ostringstream text;
  writeChromeTrace({}, text);
  EXPECT_THAT(json::parse(text.str())["traceEvents"], IsEmpty());
}

TEST_F(ChromeTraceTest, RunsOfOneDeviceAreJoined) {
  TraceLog log;
  log.add(device_);
  TraceLog::Device other = device_;
  other.rank = 0;
  log.add(other);
  log.add(device_);
  ASSERT_EQ(log.devices.size(), 2u);
  EXPECT_EQ(log.devices[0].tasks.size(), 12u);
  EXPECT_EQ(log.devices[1].tasks.size(), 6u);
}

}  // namespace
}  // namespace cleave
