#include "tools/measure/collective_bench.h"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "kernels/api/communicator.h"
#include "runtime/device.h"
#include "tools/measure/core_bench.h"

namespace cleave {
namespace {

constexpr double kBytesOfRound = 6e7;
constexpr int kMostCalls = 400, kLeastCalls = 4;

// A member's thread: starts, sleeps until it has work or is done, as a stream of the runtime does.
class Member final : public CollectiveListener {
 public:
  Member(Communicator &communicator, int rank, Memory memory, int64_t elements)
      : communicator_(communicator), memory_(std::move(memory)) {
    call_.rank = rank;
    view_ = TensorView::contiguous(memory_.data(), DType::kF32, {elements});
    call_.inputs = call_.outputs = absl::MakeConstSpan(&view_, 1);
    call_.listener = this;
    std::fill_n(view_.as<float>(), elements, 0.0f);
  }

  void onCollective(Event event, const Transfer &) final {
    std::lock_guard<std::mutex> lock(mutex_);
    (event == Event::kShare ? hasShare_ : isDone_) = true;
    hasFailed_ = hasFailed_ || event == Event::kFailed;
    changed_.notify_one();
  }

  absl::Status meet() {
    communicator_.start(call_);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!isDone_) {
      changed_.wait(lock, [&] { return hasShare_ || isDone_; });
      if (!hasShare_) continue;
      hasShare_ = false;
      lock.unlock();
      communicator_.work(call_.collective, call_.rank);
      lock.lock();
    }
    isDone_ = false;
    return hasFailed_ ? absl::InternalError("requires a collective that ends, got one that failed") : absl::OkStatus();
  }

 private:
  Communicator &communicator_;
  Memory memory_;
  TensorView view_;
  CollectiveCall call_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hasShare_ = false, isDone_ = false, hasFailed_ = false;
};

std::vector<CollectiveSpec> allReduceOf(int members, int64_t elements) {
  CollectiveSpec spec;
  spec.kind = "all_reduce";
  spec.reduction = Reduction::kSum;
  spec.dims = {{elements}};
  CollectiveSpec::Group &group = spec.groups.emplace_back();
  Box whole;
  whole.start = {0};
  whole.extent = {elements};
  for (int rank = 0; rank < members; ++rank) group.ranks.push_back(rank);
  group.segments = {{std::vector<Box>(members, whole), std::vector<Box>(members, whole)}};
  return {spec};
}

}  // namespace

absl::StatusOr<double> secondsOfAllReduce(int members, int64_t bytes) {
  const int64_t elements = std::max<int64_t>(1, bytes / 4);
  const std::vector<CollectiveSpec> specs = allReduceOf(members, elements);
  const std::unique_ptr<Communicator> communicator = makeSharedMemoryCommunicator(specs);
  const int calls = int(std::clamp(kBytesOfRound / double(bytes), double(kLeastCalls), double(kMostCalls)));
  return secondsOfMeetings(members, calls, [&](int rank) -> absl::StatusOr<TimedCall> {
    auto memory = Memory::allocate(elements * 4);
    if (!memory.ok()) return memory.status();
    auto member = std::make_shared<Member>(*communicator, rank, *std::move(memory), elements);
    return TimedCall([member] { return member->meet(); });
  });
}

}  // namespace cleave
