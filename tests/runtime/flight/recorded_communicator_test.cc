// A member's way through a collective is noted down, and the collective does what it did.

#include "runtime/flight/recorded_communicator.h"

#include <gtest/gtest.h>

#include "tests/runtime/flight/flight_scene.h"

namespace cleave {
namespace {

using testing::readBack;
using Kind = FlightEvent::Kind;

// Does its share when it is asked to.
class Member final : public CollectiveListener {
 public:
  void onCollective(Event event, const Transfer &) final {
    shares += event == Event::kShare;
    isDone = event == Event::kDone;
    hasFailed = event == Event::kFailed;
  }
  int shares = 0;
  bool isDone = false, hasFailed = false;
};

class RecordedCommunicatorTest : public ::testing::Test {
 protected:
  void start(int rank) {
    const TensorView in = TensorView::contiguous(values_[rank], DType::kF32, {2});
    const TensorView out = TensorView::contiguous(sums_[rank], DType::kF32, {2});
    communicator_->start({0, rank, {&in, 1}, {&out, 1}, &members_[rank], 0});
  }
  std::vector<Kind> kindsOf(int rank) const {
    std::vector<Kind> kinds;
    for (const FlightEvent &event : readBack(folder_.path(), 0).events)
      if (event.rank == rank) kinds.push_back(event.kind);
    return kinds;
  }

  testing::TemporaryFolder folder_;
  const LoadedPlan plan_ = testing::flightPlan();
  const std::unique_ptr<FlightRecorder> recorder_ = testing::flightRecorder(folder_.path(), 0);
  const std::unique_ptr<Communicator> communicator_ = makeRecordedCommunicator(
      makeSharedMemoryCommunicator(plan_.entries[0].collectives), 0, 2, 0, 2, *recorder_);
  float values_[2][2] = {{1, 2}, {3, 4}}, sums_[2][2] = {};
  Member members_[2];
};

TEST_F(RecordedCommunicatorTest, EachStationIsNoted) {
  start(1);
  EXPECT_EQ(kindsOf(1), std::vector<Kind>{Kind::kEnqueued});
  EXPECT_EQ(communicator_->awaited(0, 1), std::vector<int>{0});
  start(0);
  for (int rank = 0; rank < 2; ++rank)
    for (int share = 0; share < members_[rank].shares; ++share) communicator_->work(0, rank);
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_TRUE(members_[rank].isDone);
    EXPECT_EQ(sums_[rank][0], 4);
    EXPECT_EQ(sums_[rank][1], 6);
    std::vector<Kind> stations(members_[rank].shares, Kind::kStarted);  // of so few values a member may have none
    stations.insert(stations.begin(), Kind::kEnqueued);
    stations.push_back(Kind::kFinished);
    EXPECT_EQ(kindsOf(rank), stations);
  }
}

TEST_F(RecordedCommunicatorTest, OneThatIsGivenUpSaysSo) {
  start(0);
  communicator_->abort();
  EXPECT_TRUE(members_[0].hasFailed);
  EXPECT_EQ(kindsOf(0), (std::vector<Kind>{Kind::kEnqueued, Kind::kFailed}));
  communicator_->reset();
  start(0);
  EXPECT_EQ(kindsOf(0).back(), Kind::kEnqueued);
}

}  // namespace
}  // namespace cleave
