#include "runtime/trace/device_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace cleave {
namespace {

using testing::ElementsAre;

class DeviceRunTest : public testing::Test {
 protected:
  DeviceRunTest() { run_.endNanos = 1000; }

  // One after the other by `start`.
  void collective(const TaskLabel &label, int64_t start, int64_t arrived, int64_t begin, int64_t end) {
    run_.collectives.push_back({&label, start, arrived, begin, /*doneNanos=*/arrived, end});
  }
  void wait(int64_t begin, int64_t end, std::vector<const TaskLabel *> awaited) {
    run_.waits.push_back({begin, end, std::move(awaited)});
  }

  // "exposed 10-30 a"
  std::vector<std::string> idle() const {
    std::vector<std::string> lines;
    for (const Idle &part : explainIdle(run_))
      lines.push_back(std::string(nameOf(part.cause)) + " " + std::to_string(part.beginNanos) + "-" +
                      std::to_string(part.endNanos) + (part.awaited ? " " + part.awaited->op : ""));
    return lines;
  }
  DeviceTimes times() const { return timesOf(run_, explainIdle(run_)); }

  DeviceRun run_;
  const TaskLabel a_ = {"a"}, b_ = {"b"}, c_ = {"c"};
};

TEST_F(DeviceRunTest, AWaitForACollectiveIsLateUntilTheLastRankIsThereAndExposedFromThenOn) {
  collective(a_, 100, 300, 350, 600);
  wait(50, 610, {&a_});
  EXPECT_THAT(idle(), ElementsAre("hand-over 50-100 a", "late 100-300 a", "exposed 300-600 a", "hand-over 600-610"));
  EXPECT_EQ(times().late, 200);
  EXPECT_EQ(times().exposed, 300);
  EXPECT_EQ(times().handOver, 60);
  EXPECT_EQ(times().communication, 250) << "the link was another's up to 350";
  EXPECT_EQ(times().hidden, 0);
}

TEST_F(DeviceRunTest, ATransferThatEndsBeforeItIsWaitedForIsHidden) {
  collective(a_, 100, 100, 100, 600);
  wait(400, 600, {&a_});
  EXPECT_EQ(times().communication, 500);
  EXPECT_EQ(times().exposed, 200);
  EXPECT_EQ(times().hidden, 300);
}

TEST_F(DeviceRunTest, OfTwoThatAreWaitedForTheLateOneCounts) {
  collective(a_, 100, 100, 100, 500);
  collective(b_, 110, 300, 300, 400);
  wait(200, 500, {&a_, &b_});
  EXPECT_THAT(idle(), ElementsAre("late 200-300 b", "exposed 300-400 b", "exposed 400-500 a"));
}

TEST_F(DeviceRunTest, ACollectiveBehindALateOneIsLate) {
  collective(a_, 100, 300, 300, 400);
  collective(b_, 300, 300, 400, 500);
  wait(200, 500, {&b_});
  EXPECT_THAT(idle(), ElementsAre("late 200-300 a", "exposed 300-500 b"));
}

TEST_F(DeviceRunTest, ACollectiveThatNeedsATransferIsExposedWhileThatRuns) {
  collective(a_, 100, 100, 100, 400);
  collective(b_, 410, 410, 410, 500);
  wait(150, 500, {&b_});
  EXPECT_THAT(idle(), ElementsAre("exposed 150-400 a", "hand-over 400-410 b", "exposed 410-500 b"));
}

TEST_F(DeviceRunTest, TransfersThatNobodyWaitsForAreNotExposed) {
  collective(a_, 100, 100, 100, 900);
  wait(200, 300, {});
  EXPECT_THAT(idle(), ElementsAre("hand-over 200-300"));
  EXPECT_EQ(times().hidden, 800);
}

TEST_F(DeviceRunTest, BehindTheLastTaskAllThatIsNotOverIsWaitedFor) {
  collective(a_, 100, 100, 100, 300);
  collective(b_, 120, 350, 350, 400);
  run_.waits.push_back({200, 1000, {}, /*isAtEnd=*/true});
  EXPECT_THAT(idle(), ElementsAre("late 200-350 b", "exposed 350-400 b", "end 400-1000"));
  EXPECT_EQ(times().end, 600);
}

TEST_F(DeviceRunTest, CommunicationIsTheUnionOfAllLinks) {
  collective(a_, 100, 100, 100, 300);
  collective(b_, 150, 150, 200, 400);
  collective(c_, 500, 500, 500, 600);
  EXPECT_EQ(times().communication, 400);
}

TEST_F(DeviceRunTest, PartsOfWaitsMakeUpTheWaitsWhateverHappens) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    std::mt19937 random(seed);
    const auto upTo = [&](int64_t most) { return static_cast<int64_t>(random() % (most + 1)); };
    std::vector<TaskLabel> labels(6);
    run_ = {};
    int64_t start = 0;
    for (const TaskLabel &label : labels) {
      start += upTo(50);
      const int64_t arrived = start + upTo(60), begin = arrived + upTo(30);
      collective(label, start, arrived, begin, begin + upTo(80));
    }
    int64_t waited = 0;
    for (int64_t at = upTo(30); at < 400; at += upTo(40)) {
      const int64_t end = at + 1 + upTo(60);
      wait(at, end, {});
      for (const TaskLabel &label : labels)
        if (random() % 3 == 0) run_.waits.back().awaited.push_back(&label);
      waited += end - at;
      at = end;
    }
    const DeviceTimes sums = times();
    ASSERT_EQ(sums.exposed + sums.late + sums.handOver + sums.end, waited) << "seed " << seed;
    ASSERT_LE(sums.hidden, sums.communication) << "seed " << seed;
    int64_t before = 0;
    for (const Idle &part : explainIdle(run_)) {
      ASSERT_GE(part.beginNanos, before) << "seed " << seed;
      ASSERT_GT(part.endNanos, part.beginNanos) << "seed " << seed;
      before = part.endNanos;
    }
  }
}

}  // namespace
}  // namespace cleave
