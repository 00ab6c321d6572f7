#include "runtime/data/row_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

namespace cleave {
namespace {

using ::testing::ElementsAre;

TEST(ShuffledOrder, TakesEachRowOnceInEveryEpochAndEachEpochInAnotherOrder) {
  RowOrder order = RowOrder::shuffled(100, 5);
  std::vector<std::vector<int64_t>> epochs(3);
  for (int64_t position = 0; position < 300; ++position)
    epochs[size_t(position / 100)].push_back(order.rowAt(position));
  for (const auto &epoch : epochs) EXPECT_EQ(std::set<int64_t>(epoch.begin(), epoch.end()).size(), 100u);
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
  std::vector<int64_t> sorted(100);
  std::iota(sorted.begin(), sorted.end(), 0);
  EXPECT_NE(epochs[0], sorted);
}

TEST(ShuffledOrder, FollowsFromSeedAndPositionAlone) {
  RowOrder forward = RowOrder::shuffled(17, 5), backward = RowOrder::shuffled(17, 5), other = RowOrder::shuffled(17, 6);
  std::vector<int64_t> rows;
  bool differs = false;
  for (int64_t position = 0; position < 51; ++position) {
    rows.push_back(forward.rowAt(position));
    differs |= rows.back() != other.rowAt(position);
  }
  for (int64_t position = 50; position >= 0; --position) EXPECT_EQ(backward.rowAt(position), rows[size_t(position)]);
  EXPECT_TRUE(differs);
}

TEST(SequentialOrder, WrapsAroundAtTheEnd) {
  RowOrder order = RowOrder::sequential(3);
  std::vector<int64_t> rows;
  for (int64_t position = 0; position < 7; ++position) rows.push_back(order.rowAt(position));
  EXPECT_THAT(rows, ElementsAre(0, 1, 2, 0, 1, 2, 0));
}

}  // namespace
}  // namespace cleave
