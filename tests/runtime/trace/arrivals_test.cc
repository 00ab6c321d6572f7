// The last one to come to a collective stayed the shortest, whatever the clocks show.

#include "runtime/trace/arrivals.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

// Two ranks in two processes, whose clocks have nothing in common.
class ArrivalsTest : public ::testing::Test {
 protected:
  ArrivalsTest() {
    specs_.resize(1);
    specs_[0].groups = {{{0, 1}, {}}};
    label_.collective = 0;
    for (int rank = 0; rank < 2; ++rank) runs_[rank].push_back({rank, 0, 1000, {}, {}});
  }
  // A turn that begins at `start` and takes `stay`, as the process sees it: with itself the last one to come.
  void turn(int rank, int64_t start, int64_t stay) {
    runs_[rank][0].collectives.push_back({&label_, start, start, start, start + stay, start + stay});
  }
  void settle() {
    const std::vector<std::string> packed = {packStays(runs_[0]), packStays(runs_[1])};
    for (auto &runs : runs_) settleArrivals(packed, specs_, runs);
  }
  const CollectiveEvent &event(int rank, size_t turn) const { return runs_[rank][0].collectives[turn]; }

  std::vector<CollectiveSpec> specs_;
  TaskLabel label_ = {"sum"};
  std::vector<DeviceRun> runs_[2];
};

TEST_F(ArrivalsTest, TheOneThatStayedLongerWaited) {
  turn(0, 100, 90);
  turn(1, 70000, 20);
  settle();
  EXPECT_EQ(event(0, 0).arrivedNanos, 170);
  EXPECT_EQ(event(0, 0).beginNanos, 170);
  EXPECT_EQ(event(1, 0).arrivedNanos, 70000);
}

TEST_F(ArrivalsTest, EveryTurnCountsByItself) {
  turn(0, 100, 90);
  turn(0, 300, 10);
  turn(1, 100, 20);
  turn(1, 300, 60);
  settle();
  EXPECT_EQ(event(0, 0).arrivedNanos, 170);
  EXPECT_EQ(event(0, 1).arrivedNanos, 300);
  EXPECT_EQ(event(1, 0).arrivedNanos, 100);
  EXPECT_EQ(event(1, 1).arrivedNanos, 350);
}

TEST_F(ArrivalsTest, RanksOfOtherGroupsDontMatter) {
  specs_[0].groups = {{{0}, {}}, {{1}, {}}};
  turn(0, 100, 90);
  turn(1, 100, 20);
  settle();
  EXPECT_EQ(event(0, 0).arrivedNanos, 100);
}

}  // namespace
}  // namespace cleave
