// Collectives between threads, against the definition in communicator.h, element by element.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "kernels/api/communicator.h"
#include "tests/kernels/collectives/definition.h"
#include "tests/kernels/collectives/spec_builder.h"

namespace cleave {
namespace {

using Event = CollectiveListener::Event;

void checkCollective(const CollectiveSpec &spec, bool hasGaps, bool inPlace, uint64_t seed) {
  const std::vector<CollectiveSpec> specs = {spec};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  checkDefinition(spec, hasGaps, inPlace, seed, [&](int) -> Communicator & { return *communicator; });
}

TEST(Collectives, EveryKindFollowsItsDefinitionForEvenUnevenAndEmptyBoxes) {
  uint64_t seed = 0;
  for (const std::vector<int64_t> &dims :
       std::vector<std::vector<int64_t>>{{8, 6}, {5, 7}, {2, 3}, {1, 300}, {0, 4}, {160, 130}})
    for (const int members : {1, 2, 3, 4})
      for (const bool hasGaps : {false, true}) {
        for (const Reduction reduction : {Reduction::kSum, Reduction::kMax, Reduction::kMin}) {
          checkCollective(specOf("all_reduce", reduction, dims, members, -1, -1), hasGaps, false, ++seed);
          checkCollective(specOf("reduce_scatter", reduction, dims, members, -1, 0), hasGaps, false, ++seed);
          checkCollective(specOf("reduce_scatter", reduction, dims, members, -1, 1), hasGaps, false, ++seed);
        }
        checkCollective(specOf("all_gather", Reduction::kNone, dims, members, 0, -1), hasGaps, false, ++seed);
        checkCollective(specOf("all_gather", Reduction::kNone, dims, members, 1, -1), hasGaps, false, ++seed);
        checkCollective(specOf("all_to_all", Reduction::kNone, dims, members, 0, 1), hasGaps, false, ++seed);
        checkCollective(specOf("broadcast", Reduction::kNone, dims, members, -1, -1), hasGaps, false, ++seed);
      }
}

TEST(Collectives, AnAllReduceMayWorkInPlace) {
  for (const int members : {1, 2, 3, 4})
    for (const bool hasGaps : {false, true})
      for (const std::vector<int64_t> &dims : std::vector<std::vector<int64_t>>{{}, {1}, {17}, {3, 5}, {50000}})
        checkCollective(specOf("all_reduce", Reduction::kSum, dims, members, -1, -1), hasGaps, /*inPlace=*/true,
                        members);
}

// All in one meeting.
CollectiveSpec joined(const std::vector<CollectiveSpec> &specs) {
  CollectiveSpec bucket = specs[0];
  for (size_t i = 1; i < specs.size(); ++i) {
    bucket.dims.push_back(specs[i].dims[0]);
    bucket.groups[0].segments.push_back(specs[i].groups[0].segments[0]);
  }
  return bucket;
}

TEST(Collectives, SegmentsOfABucketMoveEachByItself) {
  uint64_t seed = 0;
  // Done by one member, or shared.
  for (const std::vector<int64_t> &large : std::vector<std::vector<int64_t>>{{7, 3}, {160, 130}})
    for (const int members : {1, 2, 3, 4})
      for (const bool hasGaps : {false, true}) {
        const auto bucketOf = [&](const char *kind, Reduction reduction, int inputDim, int outputDim) {
          return joined({specOf(kind, reduction, {5}, members, inputDim, outputDim),
                         specOf(kind, reduction, large, members, inputDim, outputDim),
                         specOf(kind, reduction, {0, 4}, members, inputDim, outputDim),
                         specOf(kind, reduction, {1, 6}, members, inputDim, outputDim)});
        };
        checkCollective(bucketOf("all_reduce", Reduction::kSum, -1, -1), hasGaps, /*inPlace=*/false, ++seed);
        checkCollective(bucketOf("all_reduce", Reduction::kMax, -1, -1), hasGaps, /*inPlace=*/true, ++seed);
        checkCollective(bucketOf("reduce_scatter", Reduction::kSum, -1, 0), hasGaps, /*inPlace=*/false, ++seed);
        checkCollective(bucketOf("all_gather", Reduction::kNone, 0, -1), hasGaps, /*inPlace=*/false, ++seed);
      }
}

TEST(Collectives, PartlyOverlappingInputsAreCombinedWhereTheyOverlap) {
  CollectiveSpec spec = specOf("overlap", Reduction::kSum, {10}, 2, -1, -1);
  spec.groups[0].segments[0].inputs = {{{0}, {7}}, {{4}, {6}}};
  checkCollective(spec, false, false, 1);
  spec.groups[0].segments[0].outputs = {{{3}, {5}}, {{0}, {10}}};
  checkCollective(spec, false, false, 2);
}

TEST(Collectives, GroupsOfOneCollectiveDontMeet) {
  CollectiveSpec spec = specOf("all_reduce", Reduction::kSum, {6}, 2, -1, -1);
  spec.groups.push_back(spec.groups[0]);
  spec.groups[1].ranks = {7, 3};
  checkCollective(spec, false, false, 3);
}

template <typename T>
std::vector<T> reduceTwo(DType dtype, Reduction reduction, std::vector<T> a, std::vector<T> b) {
  const int64_t size = static_cast<int64_t>(a.size());
  CollectiveSpec spec = specOf("all_reduce", reduction, {size}, 2, -1, -1);
  spec.dtype = dtype;
  const std::vector<CollectiveSpec> specs = {spec};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  std::vector<T> out(a.size()), other(a.size());
  const auto viewOf = [&](std::vector<T> &values) { return TensorView::contiguous(values.data(), dtype, {size}); };
  std::thread peer([&] { Member().run(*communicator, {0, 1, {viewOf(b)}, {viewOf(other)}, nullptr}); });
  Member().run(*communicator, {0, 0, {viewOf(a)}, {viewOf(out)}, nullptr});
  peer.join();
  EXPECT_EQ(std::memcmp(out.data(), other.data(), out.size() * sizeof(T)), 0);
  return out;
}

TEST(Collectives, EveryElementTypeIsCombined) {
  using testing::ElementsAre;
  EXPECT_THAT(reduceTwo<double>(DType::kF64, Reduction::kSum, {1.5, -2}, {0.25, 5}), ElementsAre(1.75, 3));
  EXPECT_THAT(reduceTwo<int32_t>(DType::kI32, Reduction::kSum, {1, INT32_MAX}, {2, 1}), ElementsAre(3, INT32_MIN));
  EXPECT_THAT(reduceTwo<int64_t>(DType::kI64, Reduction::kMax, {1, -9}, {2, -10}), ElementsAre(2, -9));
  EXPECT_THAT(reduceTwo<uint8_t>(DType::kBool, Reduction::kSum, {0, 1, 1}, {0, 0, 1}), ElementsAre(0, 1, 1));
  EXPECT_THAT(reduceTwo<uint8_t>(DType::kBool, Reduction::kMin, {0, 1, 1}, {0, 0, 1}), ElementsAre(0, 0, 1));
  // bf16: 1 + 1 = 2; 256 + 1 rounds to even, 256.
  EXPECT_THAT(reduceTwo<uint16_t>(DType::kBF16, Reduction::kSum, {0x3f80, 0x4380}, {0x3f80, 0x3f80}),
              ElementsAre(0x4000, 0x4380));
  // f16: 1 + 2 = 3; 2048 + 1 rounds to even, 2048; 65504 + 65504 = infinity; two of the least subnormal; -0 and 0.
  EXPECT_THAT(reduceTwo<uint16_t>(DType::kF16, Reduction::kSum, {0x3c00, 0x6800, 0x7bff, 0x0001, 0x8000},
                                  {0x4000, 0x3c00, 0x7bff, 0x0001, 0x0000}),
              ElementsAre(0x4200, 0x6800, 0x7c00, 0x0002, 0x0000));
}

TEST(Collectives, ANaNOfAnyMemberWinsAMaximum) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto result = reduceTwo<float>(DType::kF32, Reduction::kMax, {nan, 1}, {1, nan});
  EXPECT_TRUE(std::isnan(result[0]) && std::isnan(result[1]));
}

TEST(Collectives, MembersSumInTheOrderOfTheGroup) {
  // (1e8 + 1) - 1e8 differs from (1e8 - 1e8) + 1 in f32.
  CollectiveSpec spec = specOf("all_reduce", Reduction::kSum, {1}, 3, -1, -1);
  spec.groups[0].ranks = {0, 2, 1};
  const std::vector<CollectiveSpec> specs = {spec};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  float values[] = {1e8f, 1.0f, -1e8f}, results[3];
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank)
    threads.emplace_back([&, rank] {
      Member().run(*communicator, {0, rank, {TensorView::contiguous(&values[rank], DType::kF32, {1})},
                                   {TensorView::contiguous(&results[rank], DType::kF32, {1})}, nullptr});
    });
  for (std::thread &thread : threads) thread.join();
  for (float result : results) EXPECT_EQ(result, 1.0f);
}

TEST(Collectives, StartNeverBlocksAndTellsWhoIsAwaited) {
  const std::vector<CollectiveSpec> specs = {specOf("all_reduce", Reduction::kSum, {4}, 3, -1, -1)};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  Member member;
  float values[4] = {};
  const TensorView view = TensorView::contiguous(values, DType::kF32, {4});
  communicator->start({0, 1, {view}, {view}, &member});
  EXPECT_FALSE(member.hasEvent());
  EXPECT_THAT(communicator->awaited(0, 1), testing::ElementsAre(0, 2));
  communicator->abort();
  EXPECT_EQ(member.await(), Event::kFailed);
}

TEST(Collectives, ATransferBeginsWithTheLastArrivalAndEndsAsItsLinkSays) {
  for (const int64_t size : {4, 100000}) {  // done by one member, or shared
    const std::vector<CollectiveSpec> specs = {specOf("all_reduce", Reduction::kSum, {size}, 2, -1, -1)};
    const auto communicator = makeSharedMemoryCommunicator(specs, {{{30, 1e9}}, {{{0}}}});
    std::vector<float> a(size, 1), b(size, 2), outA(size), outB(size);
    const auto viewOf = [&](std::vector<float> &values) {
      return TensorView::contiguous(values.data(), DType::kF32, {size});
    };
    Member first, second;
    std::thread peer(
        [&] { second.run(*communicator, {0, 1, {viewOf(b)}, {viewOf(outB)}, nullptr, /*nowNanos=*/500}); });
    EXPECT_EQ(first.run(*communicator, {0, 0, {viewOf(a)}, {viewOf(outA)}, nullptr, /*nowNanos=*/900}), Event::kDone);
    peer.join();
    for (Member *member : {&first, &second}) {
      EXPECT_EQ(member->transfer().arrivedNanos, 900);
      EXPECT_EQ(member->transfer().beginNanos, 900);
      EXPECT_EQ(member->transfer().endNanos, 900 + 30 + 4 * size);
    }
    EXPECT_THAT(outB, testing::Each(3.0f)) << "the data are there at once";
  }
}

TEST(Collectives, AnAbortFreesWhoWaitsAndALaterStartAndResetBeginsAnew) {
  const std::vector<CollectiveSpec> specs = {specOf("all_reduce", Reduction::kSum, {4}, 2, -1, -1)};
  const auto communicator = makeSharedMemoryCommunicator(specs);
  std::vector<float> a(4, 1), b(4, 2), outA(4), outB(4);
  const auto viewOf = [](std::vector<float> &values) {
    return TensorView::contiguous(values.data(), DType::kF32, {4});
  };
  Member first, second;
  communicator->start({0, 0, {viewOf(a)}, {viewOf(outA)}, &first});
  communicator->abort();
  EXPECT_EQ(first.await(), Event::kFailed);
  communicator->start({0, 1, {viewOf(b)}, {viewOf(outB)}, &second});
  EXPECT_EQ(second.await(), Event::kFailed);

  communicator->reset();
  std::thread peer([&] {
    EXPECT_EQ(second.run(*communicator, {0, 1, {viewOf(b)}, {viewOf(outB)}, nullptr}), Event::kDone);
  });
  EXPECT_EQ(first.run(*communicator, {0, 0, {viewOf(a)}, {viewOf(outA)}, nullptr}), Event::kDone);
  peer.join();
  EXPECT_THAT(outA, testing::Each(3.0f));
}

TEST(Collectives, AbortsAtAnyMomentLeaveNobodyWaiting) {
  constexpr int kMembers = 3, kRounds = 300;
  std::mt19937 random(1);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t size = round % 2 ? 256 : 16384;  // done by one member, or shared
    const std::vector<CollectiveSpec> specs = {specOf("all_reduce", Reduction::kSum, {size}, kMembers, -1, -1)};
    const auto communicator = makeSharedMemoryCommunicator(specs);
    std::vector<std::vector<float>> values(kMembers, std::vector<float>(size, 1)), results = values;
    std::vector<std::thread> threads;
    for (int rank = 0; rank < kMembers; ++rank)
      threads.emplace_back([&, rank] {
        const auto viewOf = [&](std::vector<float> &v) {
          return TensorView::contiguous(v.data(), DType::kF32, {size});
        };
        Member member;
        while (member.run(*communicator, {0, rank, {viewOf(values[rank])}, {viewOf(results[rank])}, nullptr}) ==
               Event::kDone) {
        }
      });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
    communicator->abort();
    for (std::thread &thread : threads) thread.join();
  }
}

TEST(Collectives, RandomBoxesOfRandomGroupsFollowTheDefinition) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    const std::vector<int64_t> dims = {static_cast<int64_t>(random() % 6 + 1), static_cast<int64_t>(random() % 6 + 1)};
    const int members = static_cast<int>(random() % 4 + 1);
    CollectiveSpec spec = specOf("random", random() % 2 ? Reduction::kSum : Reduction::kNone, dims, members, -1, -1);
    const auto randomBox = [&] {
      Box box = wholeBox(dims);
      for (size_t d = 0; d < dims.size(); ++d) {
        box.start[d] = static_cast<int64_t>(random()) % dims[d];
        box.extent[d] = static_cast<int64_t>(random() % (dims[d] - box.start[d] + 1));
      }
      return box;
    };
    // The first member holds all, so that every output is held.
    for (int m = 1; m < members; ++m) spec.groups[0].segments[0].inputs[m] = randomBox();
    for (int m = 0; m < members; ++m) spec.groups[0].segments[0].outputs[m] = randomBox();
    checkCollective(spec, seed % 2 == 0, false, seed);
  }
}

}  // namespace
}  // namespace cleave
