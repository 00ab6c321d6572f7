#include "passes/partition/reshard_path.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

const AxisPlacement kWhole = AxisPlacement::broadcast(), kTerms = AxisPlacement::partial(Combiner::Sum);

AxisPlacement split(unsigned dim) { return AxisPlacement::split(dim); }

// A value of 64 x 64 floats on a mesh of 2 x 4 devices.
class ReshardPathTest : public ::testing::Test {
 protected:
  static Machine machine() {
    Cluster cluster;
    cluster.device.peaks = {{"f32", 1e12}};
    cluster.device.memoryBytes = 1000000;
    cluster.device.memoryBandwidth = 1e10;
    cluster.links = {{"", Cluster::Reach::kAny, Cluster::Algorithm::kDirect, 1e-5, 1e9, true}};
    return *Machine::create(std::move(cluster), {{"data", 2}, {"model", 4}}, {});
  }

  ReshardPath path(const Axes &from, const Axes &to) {
    const ReshardPath path = cheapestReshard(problem_, from, to);
    EXPECT_TRUE(path.steps.empty() || path.steps.back().to == to);
    EXPECT_LE(path.cost, reshardThroughReplication(problem_, from, to).cost * (1 + 1e-9));
    return path;
  }
  // The only step from one placement to another.
  ReshardStep onlyStep(const Axes &from, const Axes &to) {
    const ReshardPath found = path(from, to);
    EXPECT_EQ(found.steps.size(), 1u);
    return found.steps.empty() ? ReshardStep{} : found.steps[0];
  }
  void expectStep(const Axes &from, const Axes &to, ReshardKind kind, llvm::ArrayRef<int64_t> axes) {
    const ReshardStep step = onlyStep(from, to);
    EXPECT_EQ(step.kind, kind);
    EXPECT_EQ(llvm::ArrayRef<int64_t>(step.axes), axes);
  }

  const Machine machine_ = machine();
  const std::vector<int64_t> shape_ = {64, 64}, mesh_ = {2, 4};
  const ReshardProblem problem_ = {shape_, 4, mesh_, machine_};
};

TEST_F(ReshardPathTest, IsEmptyWhereNothingChanges) {
  const ReshardPath none = path({split(0), kTerms}, {split(0), kTerms});
  EXPECT_TRUE(none.steps.empty());
  EXPECT_EQ(none.cost, 0);
}

TEST_F(ReshardPathTest, IsOneCollectiveForEachChangeAlongAnAxis) {
  expectStep({kWhole, kTerms}, {kWhole, kWhole}, ReshardKind::AllReduce, {1});
  expectStep({kWhole, kTerms}, {kWhole, split(0)}, ReshardKind::ReduceScatter, {1});
  expectStep({split(0), kWhole}, {kWhole, kWhole}, ReshardKind::AllGather, {0});
  expectStep({split(0), kWhole}, {split(1), kWhole}, ReshardKind::AllToAll, {0});
  expectStep({kWhole, kWhole}, {split(1), kWhole}, ReshardKind::LocalSlice, {0});
  expectStep({kWhole, kWhole}, {kWhole, kTerms}, ReshardKind::KeepFirst, {1});
}

TEST_F(ReshardPathTest, JoinsTermsOfSeveralAxesInOneCollective) {
  expectStep({kTerms, kTerms}, {kWhole, kWhole}, ReshardKind::AllReduce, {0, 1});
}

TEST_F(ReshardPathTest, ReducesBeforeItGathersAndSlicesBeforeItMoves) {
  const ReshardPath reduced = path({kTerms, split(0)}, {split(1), kWhole});
  ASSERT_GE(reduced.steps.size(), 2u);
  EXPECT_EQ(reduced.steps[0].kind, ReshardKind::ReduceScatter) << "half of the sum is enough";
  const ReshardPath moved = path({kWhole, split(0)}, {split(0), split(1)});
  for (const ReshardStep &step : moved.steps)
    EXPECT_LE(localBytes(problem_, step.to), localBytes(problem_, {kWhole, split(0)})) << "no step holds more";
}

TEST_F(ReshardPathTest, KnowsWhatADeviceHolds) {
  EXPECT_EQ(localBytes(problem_, {kWhole, kWhole}), 64 * 64 * 4);
  EXPECT_EQ(localBytes(problem_, {kTerms, split(1)}), 64 * 16 * 4);
  EXPECT_EQ(localBytes(problem_, {split(0), split(0)}), 8 * 64 * 4);
}

}  // namespace
}  // namespace cleave
