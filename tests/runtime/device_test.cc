#include "runtime/device.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

namespace cleave {
namespace {

TEST(Memory, IsZeroedAndAlignedAndMoves) {
  auto memory = Memory::allocate(1 << 20);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 4096, 0u);
  for (int64_t i = 0; i < memory->bytes(); i += 997) ASSERT_EQ(memory->data()[i], 0);
  char *data = memory->data();
  const Memory moved = *std::move(memory);
  EXPECT_EQ(moved.data(), data);
}

TEST(Memory, OfNoBytesIsFine) {
  const auto memory = Memory::allocate(0);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->bytes(), 0);
}

TEST(Memory, MoreThanTheAddressSpaceIsAnError) { EXPECT_FALSE(Memory::allocate(int64_t{1} << 60).ok()); }

class PersistentPoolTest : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(SpinningAndSleeping, PersistentPoolTest, testing::Values(0, 20000));

TEST_P(PersistentPoolTest, EveryTileRunsOnceWhateverTheCounts) {
  for (const int threads : {1, 2, 4}) {
    const auto owned = std::make_unique<PersistentPool>(threads, GetParam());
    PersistentPool &pool = *owned;
    EXPECT_EQ(pool.threads(), threads);
    for (int round = 0; round < 300; ++round) {
      const int64_t tiles = round % 17;
      std::vector<std::atomic<int>> runs(tiles);
      std::atomic<bool> areWorkersInRange{true};
      pool.parallelFor(tiles, [&](int64_t tile, int worker) {
        runs[tile]++;
        if (worker < 0 || worker >= threads) areWorkersInRange = false;
      });
      for (const auto &count : runs) ASSERT_EQ(count, 1);
      ASSERT_TRUE(areWorkersInRange);
    }
  }
}

TEST_P(PersistentPoolTest, WhatTilesWroteIsSeenAfterwards) {
  const auto owned = std::make_unique<PersistentPool>(3, GetParam());
  PersistentPool &pool = *owned;
  std::vector<int64_t> values(64);
  for (int64_t round = 1; round <= 500; ++round) {
    pool.parallelFor(64, [&](int64_t tile, int) { values[tile] += round; });
    for (int64_t value : values) ASSERT_EQ(value, round * (round + 1) / 2);
  }
}

TEST(KernelSite, HasScratchForEveryWorker) {
  const auto site = KernelSite::create(/*threads=*/3, /*spinNanos=*/0);
  ASSERT_TRUE(site.ok());
  EXPECT_EQ((*site)->workspaceBytes(), 3 * kWorkspaceBytes);
  ASSERT_EQ((*site)->context().workspaces.size(), 3u);
  for (char *workspace : (*site)->context().workspaces) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(workspace) % 64, 0u);
    workspace[0] = workspace[kWorkspaceBytes - 1] = 1;
  }
}

}  // namespace
}  // namespace cleave
