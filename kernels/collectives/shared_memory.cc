// Collectives between devices of one process: the members meet, then each member's thread does its share.

#include <algorithm>
#include <map>
#include <mutex>

#include "kernels/api/communicator.h"
#include "kernels/collectives/exchange.h"
#include "kernels/collectives/link_schedule.h"

namespace cleave {
namespace {

using collectives::Exchange;
using collectives::LinkSchedule;
using Event = CollectiveListener::Event;

// Up to so many bytes of outputs the last member to arrive does all the work: that costs less than to wake the others
// twice.
constexpr int64_t kSoloBytes = int64_t{64} << 10;

int64_t outputBytes(const CollectiveSpec &spec, const CollectiveSpec::Group &group) {
  int64_t bytes = 0;
  for (const CollectiveSpec::Boxes &segment : group.segments)
    for (const Box &box : segment.outputs) bytes += box.elements() * bytesOf(spec.dtype);
  return bytes;
}

// Where the members of one group meet. A round begins with the first member's arrival and ends for all at once.
class Meeting {
 public:
  Meeting(const CollectiveSpec &spec, int collective, int group, LinkSchedule &links,
          std::vector<std::unique_ptr<Exchange>> exchanges)
      : collective_(collective), group_(group), links_(links), ranks_(spec.groups[group].ranks),
        isSolo_(outputBytes(spec, spec.groups[group]) <= kSoloBytes), listeners_(ranks_.size(), nullptr),
        isDone_(ranks_.size(), false) {
    for (std::unique_ptr<Exchange> &exchange : exchanges)
      segments_.push_back(
          {std::move(exchange), std::vector<TensorView>(ranks_.size()), std::vector<TensorView>(ranks_.size())});
  }

  void arrive(int member, const CollectiveCall &call) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (isAborted_) {
      lock.unlock();
      call.listener->onCollective(Event::kFailed, {});
      return;
    }
    for (size_t s = 0; s < segments_.size(); ++s) {
      segments_[s].inputs[member] = call.inputs[s];
      segments_[s].outputs[member] = call.outputs[s];
    }
    listeners_[member] = call.listener;
    lastArrival_ = arrived_ == 0 ? call.nowNanos : std::max(lastArrival_, call.nowNanos);
    if (++arrived_ < static_cast<int>(ranks_.size())) return;
    transfer_ = links_.reserve(collective_, group_, lastArrival_);
    isRunning_ = true;
    soloist_ = member;
    // Under the lock, so that no kFailed of an abort overtakes it.
    if (isSolo_) {
      call.listener->onCollective(Event::kShare, transfer_);
    } else {
      tell(listeners_, Event::kShare, transfer_);
    }
  }

  void work(int member) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (isAborted_ || !isRunning_ || isDone_[member] || !hasShare(member)) return;
      ++working_;
    }
    const int members = static_cast<int>(ranks_.size());
    for (const Segment &segment : segments_)
      for (int share = isSolo_ ? 0 : member; share < (isSolo_ ? members : member + 1); ++share)
        segment.exchange->run(share, segment.inputs, segment.outputs);

    std::unique_lock<std::mutex> lock(mutex_);
    --working_;
    ++finished_;
    isDone_[member] = true;
    const bool isComplete = finished_ == (isSolo_ ? 1 : members);
    if (!isComplete && !(isAborted_ && working_ == 0)) return;
    const auto listeners = endRound();
    const Transfer transfer = transfer_;
    lock.unlock();
    tell(listeners, isComplete ? Event::kDone : Event::kFailed, transfer);
  }

  void abort() {
    std::unique_lock<std::mutex> lock(mutex_);
    isAborted_ = true;
    if (working_ > 0) return;  // the last one at work tells
    const auto listeners = endRound();
    lock.unlock();
    tell(listeners, Event::kFailed, {});
  }

  void reset() {
    std::lock_guard<std::mutex> lock(mutex_);
    isAborted_ = false;
  }

  std::vector<int> awaited(int self) const {
    std::lock_guard<std::mutex> lock(mutex_);
    std::vector<int> peers;
    for (int m = 0; m < static_cast<int>(ranks_.size()); ++m) {
      const bool isAtWork = isRunning_ && hasShare(m) && !isDone_[m];
      if (m != self && (!listeners_[m] || isAtWork)) peers.push_back(ranks_[m]);
    }
    return peers;
  }

 private:
  struct Segment {
    std::unique_ptr<Exchange> exchange;
    std::vector<TensorView> inputs, outputs;  // by member; not written while anyone is at work
  };

  bool hasShare(int member) const { return !isSolo_ || member == soloist_; }

  // Returns who took part. Needs the lock.
  std::vector<CollectiveListener *> endRound() {
    std::vector<CollectiveListener *> listeners(ranks_.size(), nullptr);
    listeners.swap(listeners_);
    isDone_.assign(ranks_.size(), false);
    arrived_ = finished_ = 0;
    isRunning_ = false;
    return listeners;
  }

  static void tell(const std::vector<CollectiveListener *> &listeners, Event event, const Transfer &transfer) {
    for (CollectiveListener *listener : listeners)
      if (listener) listener->onCollective(event, transfer);
  }

  const int collective_, group_;
  LinkSchedule &links_;
  const std::vector<int> ranks_;
  const bool isSolo_;  // one member does all shares
  mutable std::mutex mutex_;
  int soloist_ = 0;
  std::vector<Segment> segments_;
  std::vector<CollectiveListener *> listeners_;
  std::vector<bool> isDone_;
  int arrived_ = 0, working_ = 0, finished_ = 0;
  int64_t lastArrival_ = 0;
  Transfer transfer_;  // of the round
  bool isRunning_ = false, isAborted_ = false;
};

std::unique_ptr<Exchange> exchangeOf(const CollectiveSpec &spec, const CollectiveSpec::Boxes &segment) {
  if (!collectives::areBoxesEqual(segment)) return collectives::makeBoxExchange(spec.reduction, segment);
  return collectives::makeAllReduce(spec.reduction, static_cast<int>(segment.inputs.size()));
}

bool isOfFloats(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kBF16 || dtype == DType::kF16;
}

class SharedMemoryCommunicator : public Communicator {
 public:
  using MakeExchange = std::unique_ptr<Exchange> (*)(const CollectiveSpec &, const CollectiveSpec::Boxes &);

  SharedMemoryCommunicator(const std::vector<CollectiveSpec> &specs, const EmulatedLinks &links, MakeExchange make)
      : links_(specs, links), seats_(specs.size()) {
    for (size_t c = 0; c < specs.size(); ++c)
      for (size_t g = 0; g < specs[c].groups.size(); ++g) {
        std::vector<std::unique_ptr<Exchange>> exchanges;
        for (const CollectiveSpec::Boxes &segment : specs[c].groups[g].segments)
          exchanges.push_back(make(specs[c], segment));
        meetings_.push_back(std::make_unique<Meeting>(specs[c], static_cast<int>(c), static_cast<int>(g), links_,
                                                      std::move(exchanges)));
        const std::vector<int> &ranks = specs[c].groups[g].ranks;
        for (size_t m = 0; m < ranks.size(); ++m) seats_[c][ranks[m]] = {meetings_.back().get(), static_cast<int>(m)};
      }
  }

  void start(const CollectiveCall &call) final {
    const Seat seat = seatOf(call.collective, call.rank);
    if (!seat.meeting) return call.listener->onCollective(Event::kFailed, {});
    seat.meeting->arrive(seat.member, call);
  }
  void work(int collective, int rank) final {
    if (const Seat seat = seatOf(collective, rank); seat.meeting) seat.meeting->work(seat.member);
  }
  void abort() final {
    for (const auto &meeting : meetings_) meeting->abort();
  }
  void reset() final {
    for (const auto &meeting : meetings_) meeting->reset();
    links_.reset();
  }
  std::vector<int> awaited(int collective, int rank) const final {
    const Seat seat = seatOf(collective, rank);
    return seat.meeting ? seat.meeting->awaited(seat.member) : std::vector<int>();
  }

 private:
  struct Seat {
    Meeting *meeting = nullptr;
    int member = 0;
  };

  // No meeting for a rank that is in no group.
  Seat seatOf(int collective, int rank) const {
    if (collective < 0 || collective >= static_cast<int>(seats_.size())) return {};
    const auto found = seats_[collective].find(rank);
    return found == seats_[collective].end() ? Seat() : found->second;
  }

  LinkSchedule links_;
  std::vector<std::unique_ptr<Meeting>> meetings_;
  std::vector<std::map<int, Seat>> seats_;  // by collective, then rank
};

// Each member alone where a collective is of floats.
std::vector<CollectiveSpec> withoutGroups(const std::vector<CollectiveSpec> &specs) {
  std::vector<CollectiveSpec> made = specs;
  for (CollectiveSpec &spec : made) {
    if (!isOfFloats(spec.dtype)) continue;
    std::vector<CollectiveSpec::Group> members;
    for (const CollectiveSpec::Group &group : spec.groups)
      for (size_t m = 0; m < group.ranks.size(); ++m) {
        CollectiveSpec::Group &alone = members.emplace_back();
        alone.ranks = {group.ranks[m]};
        for (const CollectiveSpec::Boxes &segment : group.segments)
          alone.segments.push_back({{segment.inputs[m]}, {segment.outputs[m]}});
      }
    spec.groups = std::move(members);
  }
  return made;
}

EmulatedLinks withoutFloats(const std::vector<CollectiveSpec> &specs, EmulatedLinks links) {
  for (size_t c = 0; c < links.usedBy.size(); ++c)
    if (isOfFloats(specs[c].dtype)) links.usedBy[c].clear();
  return links;
}

std::unique_ptr<Exchange> localExchangeOf(const CollectiveSpec &spec, const CollectiveSpec::Boxes &segment) {
  return isOfFloats(spec.dtype) ? collectives::makeLocalExchange(segment.inputs[0], segment.outputs[0])
                                : exchangeOf(spec, segment);
}

struct OwnSpecs {
  std::vector<CollectiveSpec> specs;
};

class LocalCommunicator final : private OwnSpecs, public SharedMemoryCommunicator {
 public:
  LocalCommunicator(const std::vector<CollectiveSpec> &collectives, const EmulatedLinks &links)
      : OwnSpecs{withoutGroups(collectives)},
        SharedMemoryCommunicator(specs, withoutFloats(collectives, links), localExchangeOf) {}
};

}  // namespace

std::unique_ptr<Communicator> makeSharedMemoryCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                           const EmulatedLinks &links) {
  return std::make_unique<SharedMemoryCommunicator>(collectives, links, exchangeOf);
}

std::unique_ptr<Communicator> makeLocalCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                    const EmulatedLinks &links) {
  return std::make_unique<LocalCommunicator>(collectives, links);
}

}  // namespace cleave
