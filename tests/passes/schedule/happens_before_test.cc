#include "passes/schedule/happens_before.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

constexpr int kCompute = 0, kCommunicate = 1;

// Registers: 0 made by task 0, 1 by the collective, 2 and 3 by compute.
std::vector<TimedTask> overlapped() {
  return {{kCompute, {}, {0}}, {kCommunicate, {0}, {1}}, {kCompute, {}, {2}}, {kCompute, {1, 2}, {3}}};
}

TEST(HappensBefore, FollowsTheOrderOfAStream) {
  const HappensBefore order(overlapped(), 4, 2);
  EXPECT_TRUE(order.isBefore(0, 2));
  EXPECT_FALSE(order.isBefore(2, 0));
}

TEST(HappensBefore, AReaderWaitsForTheWriterOfAnotherStream) {
  const HappensBefore order(overlapped(), 4, 2);
  EXPECT_TRUE(order.isBefore(0, 1));
  EXPECT_TRUE(order.isBefore(1, 3));
}

TEST(HappensBefore, NothingOrdersWhatRunsMeanwhile) {
  const HappensBefore order(overlapped(), 4, 2);
  EXPECT_FALSE(order.isBefore(1, 2));
  EXPECT_FALSE(order.isBefore(2, 1));
}

TEST(HappensBefore, TheFirstTaskAfterACollectiveIsItsReader) {
  const HappensBefore order(overlapped(), 4, 2);
  EXPECT_EQ(order.firstAfter({1}, kCompute), 3);
}

TEST(HappensBefore, NoTaskIsAfterTheLastOne) {
  const HappensBefore order(overlapped(), 4, 2);
  EXPECT_EQ(order.firstAfter({3}, kCompute), 4);
  EXPECT_EQ(order.firstAfter({1}, kCommunicate), 4);
}

TEST(HappensBefore, AWriterOfAVariableWaitsForItsReadersOnOtherStreams) {
  // Register 0 is a variable: a collective reads it, then an update writes over it.
  const HappensBefore order({{kCommunicate, {0}, {1}}, {kCompute, {}, {0}}}, 2, 2);
  EXPECT_TRUE(order.isBefore(0, 1));
}

}  // namespace
}  // namespace cleave
