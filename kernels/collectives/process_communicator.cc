// Collectives between devices of several processes: the members of a process meet, then the processes exchange what
// they need of each other.

#include <algorithm>
#include <map>
#include <mutex>

#include "kernels/api/communicator.h"
#include "kernels/collectives/process_exchange.h"

namespace cleave {
namespace {

using collectives::ProcessExchange;
using collectives::ProcessPlaces;
using collectives::StagePool;
using Event = CollectiveListener::Event;

// One group, of whose members some are local. A round begins with the first local member's arrival.
class ProcessMeeting {
 public:
  ProcessMeeting(const CollectiveSpec &spec, const CollectiveSpec::Group &group, ProcessPlaces places,
                 Transport &transport, int channel, StagePool &pool)
      : ranks_(group.ranks), places_(places), locals_(places.localMembers()), transport_(transport), channel_(channel),
        exchange_(makeProcessExchange(spec, group, std::move(places), pool)), listeners_(ranks_.size(), nullptr),
        isDone_(ranks_.size(), false), inputs_(group.segments.size(), std::vector<TensorView>(ranks_.size())),
        outputs_(inputs_) {}

  void arrive(int member, const CollectiveCall &call) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (isAborted_) {
      lock.unlock();
      return call.listener->onCollective(Event::kFailed, {});
    }
    for (size_t s = 0; s < inputs_.size(); ++s) {
      inputs_[s][member] = call.inputs[s];
      outputs_[s][member] = call.outputs[s];
    }
    listeners_[member] = call.listener;
    lastArrival_ = arrived_ == 0 ? call.nowNanos : std::max(lastArrival_, call.nowNanos);
    if (++arrived_ < locals_.size()) return;
    isMoving_ = true;
    lock.unlock();
    transport_.start(channel_, exchange_->first(inputs_, outputs_), [this](bool isDone) { onExchanged(isDone); });
  }

  void work(int member) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (isAborted_ || !isWorking_ || isDone_[member]) return;
      ++atWork_;
    }
    exchange_->work(member, inputs_, outputs_);
    std::unique_lock<std::mutex> lock(mutex_);
    --atWork_;
    isDone_[member] = true;
    if (isAborted_ && atWork_ == 0) return fail(std::move(lock));
    if (++finished_ < locals_.size() || isAborted_) return;
    isWorking_ = false;
    isMoving_ = true;
    lock.unlock();
    auto parts = exchange_->second();
    if (parts.empty()) return onShared(true);
    transport_.start(channel_, std::move(parts), [this](bool isDone) { onShared(isDone); });
  }

  // Values that are on their way are the transport's, which tells when it has given up.
  void abort() {
    std::unique_lock<std::mutex> lock(mutex_);
    isAborted_ = true;
    if (atWork_ == 0 && !isMoving_) fail(std::move(lock));
  }

  std::vector<int> awaited(int self) const {
    std::vector<int> peers;
    std::lock_guard<std::mutex> lock(mutex_);
    const std::vector<int> processes = isMoving_ ? transport_.awaited(channel_) : std::vector<int>();
    for (size_t m = 0; m < ranks_.size(); ++m) {
      const bool isLocal = places_.isLocal(static_cast<int>(m));
      const bool isLate = isLocal ? !listeners_[m] || (isWorking_ && !isDone_[m])
                                  : std::count(processes.begin(), processes.end(), places_.processOf[m]) > 0;
      if (static_cast<int>(m) != self && isLate) peers.push_back(ranks_[m]);
    }
    return peers;
  }

 private:
  // The others' values have come: now each local member's thread does its share.
  void onExchanged(bool isDone) {
    std::unique_lock<std::mutex> lock(mutex_);
    isMoving_ = false;
    isAborted_ = isAborted_ || !isDone;
    if (isAborted_) return fail(std::move(lock));
    isWorking_ = true;
    // Under the lock, so that no kFailed of an abort overtakes it.
    for (CollectiveListener *listener : listeners_)
      if (listener) listener->onCollective(Event::kShare, {});
  }

  void onShared(bool isDone) {
    if (isDone) exchange_->finish(outputs_);
    std::unique_lock<std::mutex> lock(mutex_);
    isMoving_ = false;
    isAborted_ = isAborted_ || !isDone;
    if (!isDone) return fail(std::move(lock));
    exchange_->release();  // of a round that failed the transport may still write to it
    endRound(std::move(lock), Event::kDone);
  }

  void fail(std::unique_lock<std::mutex> lock) { endRound(std::move(lock), Event::kFailed); }

  void endRound(std::unique_lock<std::mutex> lock, Event event) {
    std::vector<CollectiveListener *> listeners(ranks_.size(), nullptr);
    listeners.swap(listeners_);
    isDone_.assign(ranks_.size(), false);
    arrived_ = finished_ = 0;
    isWorking_ = false;
    const Transfer transfer{lastArrival_, lastArrival_, lastArrival_};
    lock.unlock();
    for (CollectiveListener *listener : listeners)
      if (listener) listener->onCollective(event, transfer);
  }

  const std::vector<int> ranks_;
  const ProcessPlaces places_;
  const std::vector<int> locals_;
  Transport &transport_;
  const int channel_;
  const std::unique_ptr<ProcessExchange> exchange_;
  mutable std::mutex mutex_;
  std::vector<CollectiveListener *> listeners_;  // by member, as all that follow
  std::vector<bool> isDone_;
  ProcessExchange::Views inputs_, outputs_;
  size_t arrived_ = 0, finished_ = 0;
  int atWork_ = 0;
  int64_t lastArrival_ = 0;
  bool isMoving_ = false, isWorking_ = false, isAborted_ = false;
};

// The groups of which all members are local, with those of others left out.
std::vector<CollectiveSpec> localGroups(const std::vector<CollectiveSpec> &specs, const std::vector<int> &processOf,
                                        int self) {
  std::vector<CollectiveSpec> made = specs;
  for (CollectiveSpec &spec : made) {
    std::vector<CollectiveSpec::Group> groups;
    for (CollectiveSpec::Group &group : spec.groups)
      if (std::all_of(group.ranks.begin(), group.ranks.end(), [&](int rank) { return processOf[rank] == self; }))
        groups.push_back(std::move(group));
    spec.groups = std::move(groups);
  }
  return made;
}

class ProcessCommunicator final : public Communicator {
 public:
  ProcessCommunicator(const std::vector<CollectiveSpec> &specs, const std::vector<int> &processOf, Transport &transport)
      : transport_(transport), localSpecs_(localGroups(specs, processOf, transport.process())),
        local_(makeSharedMemoryCommunicator(localSpecs_)), seats_(specs.size()) {
    int groups = 0;
    for (const CollectiveSpec &spec : specs) groups += static_cast<int>(spec.groups.size());
    int channel = transport.openChannels(groups);
    for (size_t c = 0; c < specs.size(); ++c)
      for (const CollectiveSpec::Group &group : specs[c].groups) {
        ProcessPlaces places{{}, transport.process()};
        for (int rank : group.ranks) places.processOf.push_back(processOf[rank]);
        const size_t locals = places.localMembers().size();
        if (locals > 0 && locals < group.ranks.size()) addMeeting(specs[c], c, group, std::move(places), channel);
        ++channel;
      }
  }

  void start(const CollectiveCall &call) final {
    if (const Seat *seat = seatOf(call.collective, call.rank)) return seat->meeting->arrive(seat->member, call);
    local_->start(call);
  }
  void work(int collective, int rank) final {
    if (const Seat *seat = seatOf(collective, rank)) return seat->meeting->work(seat->member);
    local_->work(collective, rank);
  }
  void abort() final {
    local_->abort();
    for (const auto &meeting : meetings_) meeting->abort();
    transport_.abort();
  }
  void reset() final {}
  std::vector<int> awaited(int collective, int rank) const final {
    if (const Seat *seat = seatOf(collective, rank)) return seat->meeting->awaited(seat->member);
    return local_->awaited(collective, rank);
  }

 private:
  struct Seat {
    ProcessMeeting *meeting = nullptr;
    int member = 0;
  };

  void addMeeting(const CollectiveSpec &spec, size_t collective, const CollectiveSpec::Group &group,
                  ProcessPlaces places, int channel) {
    const std::vector<int> locals = places.localMembers();
    meetings_.push_back(std::make_unique<ProcessMeeting>(spec, group, std::move(places), transport_, channel, pool_));
    for (int member : locals) seats_[collective][group.ranks[member]] = {meetings_.back().get(), member};
  }

  const Seat *seatOf(int collective, int rank) const {
    if (collective < 0 || collective >= static_cast<int>(seats_.size())) return nullptr;
    const auto found = seats_[collective].find(rank);
    return found == seats_[collective].end() ? nullptr : &found->second;
  }

  Transport &transport_;
  const std::vector<CollectiveSpec> localSpecs_;
  const std::unique_ptr<Communicator> local_;
  StagePool pool_;
  std::vector<std::unique_ptr<ProcessMeeting>> meetings_;
  std::vector<std::map<int, Seat>> seats_;  // by collective, then rank; of groups that others are in too
};

}  // namespace

std::unique_ptr<Communicator> makeProcessCommunicator(const std::vector<CollectiveSpec> &collectives,
                                                      const std::vector<int> &processOf, Transport &transport) {
  return std::make_unique<ProcessCommunicator>(collectives, processOf, transport);
}

}  // namespace cleave
