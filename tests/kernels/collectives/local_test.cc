// A communicator that leaves transfers out.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "kernels/api/communicator.h"

namespace cleave {
namespace {

using Event = CollectiveListener::Event;
using testing::ElementsAre;

// What a member hears, on the only thread.
class Heard final : public CollectiveListener {
 public:
  void onCollective(Event event, const Transfer &transfer) final {
    events.push_back(event);
    last = transfer;
  }
  // Does its work when it may; false if it hears nothing more before it is done.
  bool run(Communicator &communicator, CollectiveCall call) {
    call.listener = this;
    communicator.start(call);
    while (!events.empty()) {
      const Event event = events.front();
      events.pop_front();
      if (event != Event::kShare) return event == Event::kDone;
      communicator.work(call.collective, call.rank);
    }
    return false;
  }

  std::deque<Event> events;
  Transfer last;
};

CollectiveSpec specOf(DType dtype, std::vector<int64_t> dims, std::vector<Box> inputs, std::vector<Box> outputs) {
  CollectiveSpec spec;
  spec.reduction = Reduction::kSum;
  spec.dtype = dtype;
  spec.dims = {std::move(dims)};
  CollectiveSpec::Group &group = spec.groups.emplace_back();
  group.ranks.resize(inputs.size());
  std::iota(group.ranks.begin(), group.ranks.end(), 0);
  group.segments = {{std::move(inputs), std::move(outputs)}};
  return spec;
}

// What one member of a collective of floats gets, alone.
std::vector<float> outputOf(const CollectiveSpec &spec, int member, std::vector<float> input) {
  const std::vector<CollectiveSpec> specs = {spec};
  const auto communicator = makeLocalCommunicator(specs);
  const auto &boxes = spec.groups[0].segments[0];
  const Box &in = boxes.inputs[member], &out = boxes.outputs[member];
  std::vector<float> output(out.elements(), -1);
  EXPECT_TRUE(Heard().run(*communicator, {0, member, {TensorView::contiguous(input.data(), DType::kF32, in.extent)},
                                          {TensorView::contiguous(output.data(), DType::kF32, out.extent)}, nullptr}));
  return output;
}

TEST(LocalCommunicator, AMemberOfAnAllReduceKeepsWhatItHas) {
  const CollectiveSpec spec = specOf(DType::kF32, {3}, {{{0}, {3}}, {{0}, {3}}}, {{{0}, {3}}, {{0}, {3}}});
  EXPECT_THAT(outputOf(spec, 1, {1, 2, 3}), ElementsAre(1, 2, 3));
}

TEST(LocalCommunicator, AGatherRepeatsTheLocalPart) {
  const Box whole{{0}, {5}};
  const CollectiveSpec spec = specOf(DType::kF32, {5}, {{{0}, {2}}, {{2}, {3}}}, {whole, whole});
  EXPECT_THAT(outputOf(spec, 0, {1, 2}), ElementsAre(1, 2, 1, 2, 1));
  EXPECT_THAT(outputOf(spec, 1, {7, 8, 9}), ElementsAre(8, 9, 7, 8, 9)) << "its own part is where it belongs";
}

TEST(LocalCommunicator, AScatterCutsTheLocalValue) {
  const Box whole{{0, 0}, {2, 3}};
  const CollectiveSpec spec = specOf(DType::kF32, {2, 3}, {whole, whole}, {{{0, 0}, {2, 1}}, {{0, 1}, {2, 2}}});
  EXPECT_THAT(outputOf(spec, 0, {1, 2, 3, 4, 5, 6}), ElementsAre(1, 4));
  EXPECT_THAT(outputOf(spec, 1, {1, 2, 3, 4, 5, 6}), ElementsAre(2, 3, 5, 6));
}

TEST(LocalCommunicator, AnExchangeOfTwoDimensionsTilesOneAndCutsTheOther) {
  const CollectiveSpec spec =
      specOf(DType::kF32, {2, 2}, {{{0, 0}, {1, 2}}, {{1, 0}, {1, 2}}}, {{{0, 0}, {2, 1}}, {{0, 1}, {2, 1}}});
  EXPECT_THAT(outputOf(spec, 1, {5, 6}), ElementsAre(6, 6));
}

TEST(LocalCommunicator, OfNothingThereAreZeros) {
  const Box whole{{0}, {2}};
  const CollectiveSpec spec = specOf(DType::kF32, {2}, {{{0}, {0}}, {{0}, {2}}}, {whole, whole});
  EXPECT_THAT(outputOf(spec, 0, {}), ElementsAre(0, 0));
  const CollectiveSpec empty = specOf(DType::kF32, {2}, {whole, whole}, {{{0}, {0}}, whole});
  EXPECT_TRUE(outputOf(empty, 0, {1, 2}).empty());
}

TEST(LocalCommunicator, APartInPlaceIsRepeatedAroundItself) {
  const Box whole{{0}, {6}};
  const std::vector<CollectiveSpec> specs = {specOf(DType::kF32, {6}, {{{0}, {3}}, {{3}, {3}}}, {whole, whole})};
  const auto communicator = makeLocalCommunicator(specs);
  std::vector<float> held = {0, 0, 0, 4, 5, 6};
  EXPECT_TRUE(Heard().run(*communicator, {0, 1, {TensorView::contiguous(held.data() + 3, DType::kF32, {3})},
                                          {TensorView::contiguous(held.data(), DType::kF32, {6})}, nullptr}));
  EXPECT_THAT(held, ElementsAre(4, 5, 6, 4, 5, 6));
}

TEST(LocalCommunicator, IntegersAreReducedAsTheyShould) {
  const Box whole{{0}, {2}};
  const std::vector<CollectiveSpec> specs = {specOf(DType::kI32, {2}, {whole, whole}, {whole, whole})};
  const auto communicator = makeLocalCommunicator(specs, {{{30, 1e9}}, {{{0}}}});
  std::vector<int32_t> a = {1, 2}, b = {10, 20}, outA(2), outB(2);
  const auto viewOf = [](std::vector<int32_t> &v) { return TensorView::contiguous(v.data(), DType::kI32, {2}); };
  Heard first, second;
  EXPECT_FALSE(first.run(*communicator, {0, 0, {viewOf(a)}, {viewOf(outA)}, nullptr, /*nowNanos=*/100}));
  EXPECT_THAT(communicator->awaited(0, 0), ElementsAre(1));
  EXPECT_TRUE(second.run(*communicator, {0, 1, {viewOf(b)}, {viewOf(outB)}, nullptr, /*nowNanos=*/200}));
  EXPECT_THAT(outA, ElementsAre(11, 22));
  EXPECT_THAT(outB, ElementsAre(11, 22));
  EXPECT_EQ(first.last.endNanos, 200 + 30 + 8) << "over their link";
}

TEST(LocalCommunicator, FloatsWaitForNoLink) {
  const Box whole{{0}, {2}};
  const std::vector<CollectiveSpec> specs = {specOf(DType::kF32, {2}, {whole, whole}, {whole, whole})};
  const auto communicator = makeLocalCommunicator(specs, {{{30, 1e9}}, {{{0}}}});
  std::vector<float> values = {1, 2};
  const TensorView view = TensorView::contiguous(values.data(), DType::kF32, {2});
  Heard member;
  EXPECT_TRUE(member.run(*communicator, {0, 1, {view}, {view}, nullptr, /*nowNanos=*/200}));
  EXPECT_EQ(member.last.endNanos, 200);
  EXPECT_THAT(values, ElementsAre(1, 2));
}

TEST(LocalCommunicator, ViewsMayHaveGaps) {
  const Box whole{{0, 0}, {2, 2}};
  const std::vector<CollectiveSpec> specs = {
      specOf(DType::kF32, {2, 2}, {{{0, 0}, {1, 2}}, {{1, 0}, {1, 2}}}, {whole, whole})};
  const auto communicator = makeLocalCommunicator(specs);
  std::vector<float> input = {1, -1, 2}, output(7, 0);
  TensorView from = TensorView::contiguous(input.data(), DType::kF32, {1, 2});
  from.strides = {4, 2};
  TensorView to = TensorView::contiguous(output.data(), DType::kF32, {2, 2});
  to.strides = {4, 2};
  EXPECT_TRUE(Heard().run(*communicator, {0, 0, {from}, {to}, nullptr}));
  EXPECT_THAT(output, ElementsAre(1, 0, 2, 0, 1, 0, 2));
}

}  // namespace
}  // namespace cleave
