// The logs of all processes become one file, with times of one clock.

#include "runtime/training/shared_trace.h"

#include <gtest/gtest.h>

#include <thread>

#include "nlohmann/json.hpp"
#include "tests/kernels/collectives/local_network.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

TEST(SharedTraceTest, OneFileHoldsTheDevicesOfAll) {
  testing::TemporaryFolder folder;
  testing::LocalNetwork network(2);
  const TaskLabel label = {"add", "add"};
  std::vector<std::thread> threads;
  for (int p = 0; p < 2; ++p)
    threads.emplace_back([&, p] {
      Job job(network.at(p), "host", 60);
      SystemClock clock;
      // The second process's clock reads a second less than the first one's, and it begins 3 us later.
      const ClockReading reading{clock.nanos(), p * 1'000'000'000, 1};
      const int64_t begin = 5'000'000'000 + p * (3000 - reading.offset);
      TraceLog log;
      TraceLog::Device device;
      device.rank = p;
      device.runs = {{"step", begin, begin + 10000}};
      device.tasks = {{&label, begin + 1000, begin + 2000}};
      log.add(device);
      const auto status = writeSharedTrace(job, log, reading, folder / "trace.json");
      EXPECT_TRUE(status.ok()) << status;
    });
  for (std::thread &thread : threads) thread.join();
  const auto trace = nlohmann::json::parse(testing::contentsOf(folder / "trace.json"));
  std::map<int, double> begins;
  for (const auto &event : trace["traceEvents"])
    if (event.value("cat", "") == "run") begins[event["pid"]] = event["ts"];
  EXPECT_EQ(begins, (std::map<int, double>{{0, 0.0}, {1, 3.0}}));
  EXPECT_EQ(testing::namesIn(folder.path()), std::vector<std::string>{"trace.json"});
}

}  // namespace
}  // namespace cleave
