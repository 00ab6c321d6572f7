// Processes in one: transports that hand bytes to each other in memory, for tests.

#ifndef CLEAVE_TESTS_KERNELS_COLLECTIVES_LOCAL_NETWORK_H
#define CLEAVE_TESTS_KERNELS_COLLECTIVES_LOCAL_NETWORK_H

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/api/transport.h"

namespace cleave::testing {

// One thread makes all progress, in the order of the calls.
class LocalNetwork {
 public:
  explicit LocalNetwork(int processes) {
    for (int p = 0; p < processes; ++p) ends_.push_back(std::make_unique<End>(*this, p));
    thread_ = std::thread([this] { serve(); });
  }
  ~LocalNetwork() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      isClosing_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  Transport &at(int process) { return *ends_[process]; }

 private:
  struct Batch {
    int process = 0, channel = 0;
    std::vector<Transport::Part> parts;
    Transport::Done done;
    size_t missing = 0;
  };
  struct Side {
    std::shared_ptr<Batch> batch;
    Transport::Part part;
  };
  struct Line {
    std::deque<Side> sends, receives;
  };

  class End final : public Transport {
   public:
    End(LocalNetwork &network, int process) : network_(network), process_(process) {}
    int process() const final { return process_; }
    int processes() const final { return static_cast<int>(network_.ends_.size()); }
    int openChannels(int count) final { return std::exchange(nextChannel_, nextChannel_ + count); }
    void start(int channel, std::vector<Part> parts, Done done) final {
      auto batch = std::make_shared<Batch>(Batch{process_, channel, std::move(parts), std::move(done), 0});
      std::lock_guard<std::mutex> lock(network_.mutex_);
      network_.queued_.push_back(std::move(batch));
      network_.changed_.notify_one();
    }
    std::vector<int> awaited(int channel) const final {
      std::lock_guard<std::mutex> lock(network_.mutex_);
      std::set<int> peers;
      for (const auto &batch : network_.active_)
        if (batch->process == process_ && batch->channel == channel)
          for (const Part &part : batch->parts) peers.insert(part.peer);
      return {peers.begin(), peers.end()};
    }
    void abort() final {
      std::lock_guard<std::mutex> lock(network_.mutex_);
      network_.aborted_.insert(process_);
      network_.changed_.notify_one();
    }

   private:
    LocalNetwork &network_;
    const int process_;
    int nextChannel_ = 0;
  };

  void serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      const auto isLost = [&](const auto &batch) { return aborted_.count(batch->process) > 0; };
      changed_.wait(lock, [&] {
        return !queued_.empty() || isClosing_ || std::any_of(active_.begin(), active_.end(), isLost);
      });
      if (isClosing_) return;
      if (!queued_.empty()) {
        active_.push_back(queued_.front());
        queued_.pop_front();
        if (!isLost(active_.back())) post(active_.back());
      }
      std::vector<std::pair<std::shared_ptr<Batch>, bool>> over;
      for (const auto &batch : active_)
        if (isLost(batch) || batch->missing == 0) over.push_back({batch, !isLost(batch)});
      for (const auto &[batch, isDone] : over) active_.erase(std::find(active_.begin(), active_.end(), batch));
      lock.unlock();
      for (const auto &[batch, isDone] : over) batch->done(isDone);
      lock.lock();
    }
  }

  void post(const std::shared_ptr<Batch> &batch) {
    batch->missing = batch->parts.size();
    for (const Transport::Part &part : batch->parts) {
      const bool isSend = part.direction == Transport::Part::Direction::kSend;
      const int from = isSend ? batch->process : part.peer, to = isSend ? part.peer : batch->process;
      Line &line = lines_[{from, to, batch->channel}];
      (isSend ? line.sends : line.receives).push_back({batch, part});
      if (line.sends.empty() || line.receives.empty()) continue;
      const Side send = line.sends.front(), receive = line.receives.front();
      line.sends.pop_front();
      line.receives.pop_front();
      if (aborted_.count(from) + aborted_.count(to) > 0) continue;
      std::memcpy(receive.part.data, send.part.data, std::min(send.part.bytes, receive.part.bytes));
      --send.batch->missing;
      --receive.batch->missing;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<End>> ends_;
  std::deque<std::shared_ptr<Batch>> queued_, active_;
  std::map<std::tuple<int, int, int>, Line> lines_;
  std::set<int> aborted_;
  bool isClosing_ = false;
  std::thread thread_;
};

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_KERNELS_COLLECTIVES_LOCAL_NETWORK_H
