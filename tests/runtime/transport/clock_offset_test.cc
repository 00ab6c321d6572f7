// Clocks that show something else are read across processes, and what they drift in between is made up for.

#include "runtime/transport/clock_offset.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/kernels/collectives/local_network.h"

namespace cleave {
namespace {

// The machine's, ahead by a constant.
class ShiftedClock final : public Clock {
 public:
  explicit ShiftedClock(int64_t ahead) : ahead_(ahead) {}
  int64_t nanos() final { return clock_.nanos() + ahead_; }
  void sleep(int64_t nanos) final { clock_.sleep(nanos); }

 private:
  SystemClock clock_;
  const int64_t ahead_;
};

TEST(ClockOffsetTest, EachProcessLearnsHowFarTheFirstOneIsAhead) {
  constexpr int64_t kAhead[] = {0, 5'000'000'000, -7'000'000'000};
  testing::LocalNetwork network(3);
  ClockReading readings[3];
  std::vector<std::thread> threads;
  for (int p = 0; p < 3; ++p)
    threads.emplace_back([&, p] {
      Job job(network.at(p), "host", 60);
      ShiftedClock clock(kAhead[p]);
      const auto reading = readFirstClock(job, clock);
      ASSERT_TRUE(reading.ok()) << reading.status();
      readings[p] = *reading;
    });
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(readings[0].offset, 0);
  for (int p = 1; p < 3; ++p) {
    EXPECT_LE(std::abs(readings[p].offset + kAhead[p]), readings[p].uncertainty);
    EXPECT_GT(readings[p].uncertainty, 0);
  }
}

TEST(ClockOffsetTest, ADriftIsSpreadEvenly) {
  const ClockReading begin{0, 100, 1}, end{2'000'000'000, 300, 1};
  EXPECT_EQ(toFirstClock(begin, end, 0), 100);
  EXPECT_EQ(toFirstClock(begin, end, 1'000'000'000), 1'000'000'200);
  EXPECT_EQ(toFirstClock(begin, end, 2'000'000'000), 2'000'000'300);
}

TEST(ClockOffsetTest, ReadingsCloseTogetherTellNoDrift) {
  EXPECT_EQ(toFirstClock({0, 100, 50}, {1000, 40, 50}, 1000), 1100);
}

}  // namespace
}  // namespace cleave
