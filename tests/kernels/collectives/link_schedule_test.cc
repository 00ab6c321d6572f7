#include "kernels/collectives/link_schedule.h"

#include <gtest/gtest.h>

#include "tests/kernels/collectives/spec_builder.h"

namespace cleave {
namespace {

using collectives::LinkSchedule;

CollectiveSpec specOf(Reduction reduction, const std::vector<int64_t> &dims, int members, int inputDim, int outputDim) {
  return specOf("any", reduction, dims, members, inputDim, outputDim);
}

double bytesOfOne(const CollectiveSpec &spec) { return wireBytes(spec, spec.groups[0]); }

TEST(WireBytes, FollowTheKindOfCollective) {
  const std::vector<int64_t> dims = {12, 10};  // 480 bytes
  for (const int n : {1, 2, 3, 4}) {
    const double part = 480.0 * (n - 1) / n;
    EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kSum, dims, n, -1, -1)), 2 * part) << n;
    EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kSum, dims, n, -1, 0)), part) << n;
    EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kNone, dims, n, 0, -1)), part) << n;
  }
  EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kNone, dims, 2, 0, 1)), 480.0 / 4) << "an all-to-all keeps 1/n of 1/n";
  EXPECT_EQ(bytesOfOne(specOf(Reduction::kNone, dims, 2, -1, -1)), 0) << "everybody has it already";
}

TEST(WireBytes, OfUnevenShardsAreTheShareOfTheFullValue) {
  EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kNone, {5}, 2, 0, -1)), 10);
  EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kSum, {5}, 2, -1, 0)), 10);
  EXPECT_DOUBLE_EQ(bytesOfOne(specOf(Reduction::kSum, {0, 4}, 2, -1, 0)), 0);
}

TEST(WireBytes, OfAMessageFromOneToAnotherAreTheMessage) {
  CollectiveSpec spec = specOf(Reduction::kNone, {8}, 2, -1, -1);
  spec.groups[0].segments[0].inputs[1] = {{0}, {0}};
  spec.groups[0].segments[0].outputs[0] = {{0}, {0}};
  EXPECT_DOUBLE_EQ(bytesOfOne(spec), 32);
}

TEST(WireBytes, OfABucketAreThoseOfItsSegments) {
  CollectiveSpec bucket = specOf(Reduction::kSum, {12, 10}, 3, -1, -1);
  const CollectiveSpec other = specOf(Reduction::kSum, {7}, 3, -1, -1);
  bucket.dims.push_back(other.dims[0]);
  bucket.groups[0].segments.push_back(other.groups[0].segments[0]);
  EXPECT_DOUBLE_EQ(bytesOfOne(bucket), bytesOfOne(specOf(Reduction::kSum, {12, 10}, 3, -1, -1)) + bytesOfOne(other));
}

TEST(LinkSchedule, ABucketHasOneLatency) {
  CollectiveSpec bucket = specOf(Reduction::kNone, {500}, 2, 0, -1);  // 1000 bytes
  bucket.dims.push_back(bucket.dims[0]);
  bucket.groups[0].segments.push_back(bucket.groups[0].segments[0]);
  const std::vector<CollectiveSpec> specs = {bucket};
  LinkSchedule schedule(specs, {{{30, 1e9}}, {{{0}}}});
  EXPECT_EQ(schedule.reserve(0, 0, 0).endNanos, 30 + 2000);
}

TEST(LinkSchedule, ATransferTakesLatencyAndBytesByBandwidth) {
  const std::vector<CollectiveSpec> specs = {specOf(Reduction::kSum, {1000}, 2, -1, -1)};
  LinkSchedule schedule(specs, {{{50, 2e9}}, {{{0}}}});
  const Transfer transfer = schedule.reserve(0, 0, 700);
  EXPECT_EQ(transfer.arrivedNanos, 700);
  EXPECT_EQ(transfer.beginNanos, 700);
  EXPECT_EQ(transfer.endNanos, 700 + 50 + 2000);
}

TEST(LinkSchedule, OneLinkServesWhoComesFirstAndAnotherOneGoesOn) {
  const CollectiveSpec spec = specOf(Reduction::kNone, {500}, 2, 0, -1);  // 1000 bytes
  const std::vector<CollectiveSpec> specs = {spec, spec, spec};
  LinkSchedule schedule(specs, {{{0, 1e9}, {0, 4e9}}, {{{0}}, {{0}}, {{1}}}});
  EXPECT_EQ(schedule.reserve(1, 0, 100).endNanos, 1100);
  const Transfer second = schedule.reserve(0, 0, 300);
  EXPECT_EQ(second.beginNanos, 1100);
  EXPECT_EQ(second.endNanos, 2100);
  const Transfer other = schedule.reserve(2, 0, 400);
  EXPECT_EQ(other.beginNanos, 400);
  EXPECT_EQ(other.endNanos, 650);
  schedule.reset();
  EXPECT_EQ(schedule.reserve(0, 0, 500).beginNanos, 500);
}

TEST(LinkSchedule, ACollectiveAlongTwoAxesTakesBothLinksForAsLongAsTheSlowest) {
  const CollectiveSpec spec = specOf(Reduction::kNone, {500}, 2, 0, -1);
  const std::vector<CollectiveSpec> specs = {spec, spec, spec};
  LinkSchedule schedule(specs, {{{0, 1e9}, {10, 4e9}}, {{{1}}, {{0, 1}}, {{1}}}});
  EXPECT_EQ(schedule.reserve(0, 0, 0).endNanos, 260);
  const Transfer both = schedule.reserve(1, 0, 0);
  EXPECT_EQ(both.beginNanos, 260);
  EXPECT_EQ(both.endNanos, 1260);
  EXPECT_EQ(schedule.reserve(2, 0, 0).beginNanos, 1260);
}

TEST(LinkSchedule, WithoutLinksNothingTakesTime) {
  const std::vector<CollectiveSpec> specs = {specOf(Reduction::kSum, {1000}, 2, -1, -1)};
  LinkSchedule schedule(specs, {});
  EXPECT_EQ(schedule.reserve(0, 0, 7).endNanos, 7);
  LinkSchedule partly(specs, {{{0, 1}}, {{{}}}});
  EXPECT_EQ(partly.reserve(0, 0, 7).endNanos, 7);
}

TEST(LinkSchedule, AnEndlessTransferStaysInTheRangeOfTime) {
  const std::vector<CollectiveSpec> specs = {specOf(Reduction::kSum, {1000}, 2, -1, -1)};
  LinkSchedule schedule(specs, {{{0, 1e-300}}, {{{0}}}});
  EXPECT_GT(schedule.reserve(0, 0, 1).endNanos, 1);
  EXPECT_GT(schedule.reserve(0, 0, 1).endNanos, 1);
}

}  // namespace
}  // namespace cleave
