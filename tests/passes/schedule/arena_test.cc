#include "passes/schedule/arena.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace cleave {
namespace {

// One stream: full from task `begin` to task `last`.
Buffer buffer(int64_t bytes, int begin, int last) { return {bytes, {begin, 0, {last + 1, last + 1}}}; }

bool overlap(const ArenaPlan &plan, const std::vector<Buffer> &buffers, size_t a, size_t b) {
  return plan.offsets[a] < plan.offsets[b] + buffers[b].bytes && plan.offsets[b] < plan.offsets[a] + buffers[a].bytes;
}

TEST(PlanArena, LetsBuffersThatNeverMeetShareBytes) {
  const ArenaPlan plan = planArena({buffer(128, 0, 1), buffer(128, 2, 3)}, 4);
  EXPECT_EQ(plan.bytes, 128);
}

TEST(PlanArena, KeepsBuffersApartThatOneTaskUses) {
  const ArenaPlan plan = planArena({buffer(128, 0, 1), buffer(128, 1, 2)}, 3);
  EXPECT_EQ(plan.bytes, 256);
}

TEST(PlanArena, AlignsOffsets) {
  const ArenaPlan plan = planArena({buffer(1, 0, 2), buffer(1, 0, 2), buffer(1, 0, 2)}, 3);
  for (int64_t offset : plan.offsets) EXPECT_EQ(offset % kArenaAlignment, 0);
  EXPECT_EQ(plan.bytes, 3 * kArenaAlignment);
}

TEST(PlanArena, AnEmptyBufferTakesNothing) { EXPECT_EQ(planArena({buffer(0, 0, 2)}, 3).bytes, 0); }

TEST(PlanArena, InputsAreThereFromTheStart) {
  const ArenaPlan plan = planArena({buffer(64, -1, 3), buffer(64, -1, 0), buffer(64, 1, 2)}, 4);
  EXPECT_EQ(plan.bytes, 128);
}

TEST(PlanArena, ABufferOfAnotherStreamIsFreeOnlyWhereThatStreamHasWaited) {
  // The first is read by the other stream: compute may write over it from task 4 on, although it stands before task 2.
  const Buffer sent{64, {0, 0, {4, 2}}};
  EXPECT_TRUE(meet(sent.life, buffer(64, 3, 5).life));
  EXPECT_FALSE(meet(sent.life, buffer(64, 4, 5).life));
}

TEST(FindPeak, CountsWhatIsAliveAtOnce) {
  const std::vector<Buffer> buffers = {buffer(100, 0, 2), buffer(50, 1, 1), buffer(70, 2, 3)};
  const Peak peak = findPeak(buffers, {2, 1, 3}, 4);
  EXPECT_EQ(peak.bytes, 170);
  EXPECT_EQ(peak.task, 2);
}

// Random lifetimes over two streams: buffers that meet never share bytes, and the arena is never smaller than the peak.
TEST(PlanArena, IsRightForRandomLifetimes) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    const int tasks = pick(1, 40);
    std::vector<Buffer> buffers;
    std::vector<int> lastAccess;
    for (int b = pick(1, 60); b > 0; --b) {
      const int begin = pick(-1, tasks - 1), last = pick(std::max(begin, 0), tasks - 1);
      buffers.push_back({pick(0, 1000), {begin, pick(0, 1), {pick(last + 1, tasks + 1), pick(last + 1, tasks + 1)}}});
      lastAccess.push_back(last);
    }
    const ArenaPlan plan = planArena(buffers, tasks);
    for (size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_LE(plan.offsets[a] + buffers[a].bytes, plan.bytes);
      for (size_t b = 0; b < a; ++b)
        if (buffers[a].bytes > 0 && buffers[b].bytes > 0 && meet(buffers[a].life, buffers[b].life))
          EXPECT_FALSE(overlap(plan, buffers, a, b)) << a << " and " << b;
    }
    EXPECT_GE(plan.bytes, findPeak(buffers, lastAccess, tasks).bytes);
  }
}

}  // namespace
}  // namespace cleave
