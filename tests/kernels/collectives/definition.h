// What communicator.h says of a collective, element by element, and a collective on threads that is compared with it.

#ifndef CLEAVE_TESTS_KERNELS_COLLECTIVES_DEFINITION_H
#define CLEAVE_TESTS_KERNELS_COLLECTIVES_DEFINITION_H

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <random>
#include <thread>

#include "kernels/api/communicator.h"

namespace cleave {

// A member that waits for its messages on its own thread.
class Member final : public CollectiveListener {
 public:
  void onCollective(Event event, const Transfer &transfer) final {
    std::lock_guard<std::mutex> lock(mutex_);
    events_.push_back(event);
    transfer_ = transfer;
    changed_.notify_one();
  }
  Event await() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !events_.empty(); });
    const Event event = events_.front();
    events_.pop_front();
    return event;
  }
  Transfer transfer() {  // of the last event
    std::lock_guard<std::mutex> lock(mutex_);
    return transfer_;
  }
  bool hasEvent() {
    std::lock_guard<std::mutex> lock(mutex_);
    return !events_.empty();
  }
  // Starts a collective and sees it to its end.
  Event run(Communicator &communicator, CollectiveCall call) {
    call.listener = this;
    communicator.start(call);
    for (;;) {
      const Event event = await();
      if (event != Event::kShare) return event;
      communicator.work(call.collective, call.rank);
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  Transfer transfer_;
};

// Values of one rank: memory for a view with gaps, or without.
struct Held {
  std::vector<float> memory;
  TensorView view;
};

inline Held hold(const Box &box, bool hasGaps) {
  Held held;
  held.view = TensorView::contiguous(nullptr, DType::kF32, box.extent);
  int64_t stride = hasGaps ? 2 : 1;
  for (int d = held.view.rank - 1; d >= 0; --d) {
    held.view.strides[d] = stride;
    stride *= held.view.shape[d] + (hasGaps ? 1 : 0);
  }
  held.memory.assign(stride + 64, -1);
  held.view.data = held.memory.data();
  return held;
}

template <typename Visit>
void forEachElement(const Box &box, Visit visit) {
  if (box.elements() == 0) return;
  std::vector<int64_t> at = box.start;
  for (;;) {
    visit(at);
    int d = static_cast<int>(at.size()) - 1;
    while (d >= 0 && ++at[d] == box.start[d] + box.extent[d]) at[d] = box.start[d], --d;
    if (d < 0) return;
  }
}

inline float &at(const TensorView &view, const Box &box, const std::vector<int64_t> &element) {
  int64_t offset = 0;
  for (size_t d = 0; d < element.size(); ++d) offset += (element[d] - box.start[d]) * view.strides[d];
  return view.as<float>()[offset];
}

inline bool holds(const Box &box, const std::vector<int64_t> &element) {
  for (size_t d = 0; d < element.size(); ++d)
    if (element[d] < box.start[d] || element[d] >= box.start[d] + box.extent[d]) return false;
  return true;
}

// What communicator.h says of one element of an output.
inline float expected(Reduction reduction, const CollectiveSpec::Boxes &boxes, const std::vector<Held> &inputs,
               const std::vector<int64_t> &element) {
  float result = 0;
  bool isFirst = true;
  for (size_t m = 0; m < boxes.inputs.size(); ++m) {
    if (!holds(boxes.inputs[m], element)) continue;
    const float value = at(inputs[m].view, boxes.inputs[m], element);
    if (isFirst) {
      result = value;
    } else if (reduction == Reduction::kSum) {
      result += value;
    } else if (reduction == Reduction::kMax) {
      result = std::max(result, value);
    } else if (reduction == Reduction::kMin) {
      result = std::min(result, value);
    }
    isFirst = false;
  }
  return result;
}

// What the members of one group bring and get of one segment.
struct HeldSegment {
  std::vector<Held> inputs, before, outputs;  // by member
};

inline HeldSegment holdSegment(const CollectiveSpec::Boxes &boxes, bool hasGaps, bool inPlace, std::mt19937 &random) {
  HeldSegment held;
  for (size_t m = 0; m < boxes.inputs.size(); ++m) {
    held.inputs.push_back(hold(boxes.inputs[m], hasGaps));
    for (float &value : held.inputs.back().memory) value = static_cast<float>(random() % 1000) * 0.37f;
    held.outputs.push_back(hold(boxes.outputs[m], hasGaps));
  }
  held.before = held.inputs;
  for (Held &copy : held.before) copy.view.data = copy.memory.data();
  for (size_t m = 0; inPlace && m < boxes.inputs.size(); ++m) held.outputs[m].view = held.inputs[m].view;
  return held;
}

// Runs `spec` on threads, all groups at once, and compares every output with the definition. `of`: the communicator of a
// rank.
inline void checkDefinition(const CollectiveSpec &spec, bool hasGaps, bool inPlace, uint64_t seed,
                            const std::function<Communicator &(int rank)> &of) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::vector<std::vector<HeldSegment>> held(spec.groups.size());
  for (size_t g = 0; g < spec.groups.size(); ++g)
    for (const CollectiveSpec::Boxes &boxes : spec.groups[g].segments)
      held[g].push_back(holdSegment(boxes, hasGaps, inPlace, random));

  std::vector<std::thread> threads;
  for (size_t g = 0; g < spec.groups.size(); ++g)
    for (size_t m = 0; m < spec.groups[g].ranks.size(); ++m)
      threads.emplace_back([&, g, m] {
        std::vector<TensorView> inputs, outputs;
        for (const HeldSegment &segment : held[g]) {
          inputs.push_back(segment.inputs[m].view);
          outputs.push_back(segment.outputs[m].view);
        }
        Member member;
        const int rank = spec.groups[g].ranks[m];
        EXPECT_EQ(member.run(of(rank), {0, rank, inputs, outputs, nullptr}), CollectiveListener::Event::kDone);
      });
  for (std::thread &thread : threads) thread.join();

  for (size_t g = 0; g < spec.groups.size(); ++g)
    for (size_t s = 0; s < held[g].size(); ++s)
      for (size_t m = 0; m < spec.groups[g].ranks.size(); ++m) {
        const CollectiveSpec::Boxes &boxes = spec.groups[g].segments[s];
        forEachElement(boxes.outputs[m], [&](const std::vector<int64_t> &element) {
          ASSERT_EQ(at(held[g][s].outputs[m].view, boxes.outputs[m], element),
                    expected(spec.reduction, boxes, held[g][s].before, element))
              << spec.kind << ", segment " << s << ", member " << m << ", seed " << seed;
        });
      }
}

}  // namespace cleave

#endif  // CLEAVE_TESTS_KERNELS_COLLECTIVES_DEFINITION_H
