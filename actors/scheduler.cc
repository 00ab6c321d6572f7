#include "actors/scheduler.h"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "actors/futex.h"
#include "actors/stream_runner.h"

namespace cleave {
namespace {

class ThreadedScheduler final : public SchedulerBase {
 public:
  ThreadedScheduler(int streams, const SchedulerOptions &options) : SchedulerBase(options) {
    for (int s = 0; s < streams; ++s) threads_.emplace_back([this, s] { serve(s); });
  }

  ~ThreadedScheduler() final {
    isClosing_ = true;
    callThreads();
    for (std::thread &thread : threads_) thread.join();
  }

  absl::Status run(ActorGraph &graph, int64_t steps) final {
    if (graph.streams() > static_cast<int>(threads_.size()))
      return absl::InvalidArgumentError(
          absl::StrCat("requires at most ", threads_.size(), " streams, got ", graph.streams()));
    begin(graph, steps);
    atWork_ = static_cast<int>(threads_.size());
    callThreads();

    std::unique_lock<std::mutex> lock(endMutex_);
    const auto areAllHome = [&] { return atWork_.load() == 0; };
    if (options_.deadlineNanos <= 0) {
      ended_.wait(lock, areAllHome);
    } else {
      const int64_t tick = std::clamp<int64_t>(options_.deadlineNanos / 16, 1000000, 50000000);
      while (!ended_.wait_for(lock, std::chrono::nanoseconds(tick), areAllHome)) watch();
    }
    return end();
  }

 private:
  void callThreads() {
    generation_.fetch_add(1, std::memory_order_seq_cst);
    futexWakeAll(generation_);
  }

  void serve(int s) {
    ::prctl(PR_SET_TIMERSLACK, 1000UL);  // of this thread, in ns: waits for a point in time end when it comes
    for (uint32_t served = 0;;) {
      awaitCall(served);
      ++served;
      if (isClosing_) return;
      if (s < static_cast<int>(runners_.size())) drive(*runners_[s]);
      if (atWork_.fetch_sub(1) == 1) {
        std::lock_guard<std::mutex> lock(endMutex_);
        ended_.notify_one();
      }
    }
  }

  void awaitCall(uint32_t served) {
    if (options_.spinNanos > 0) {
      const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(options_.spinNanos);
      while (generation_.load(std::memory_order_acquire) == served && std::chrono::steady_clock::now() < end)
        pauseThread();
    }
    while (generation_.load(std::memory_order_seq_cst) == served) futexWait(generation_, served);
  }

  // A pending actor is seen to its end even when the run is given up: until then others may use its memory.
  void drive(StreamRunner &runner) {
    static const std::atomic<bool> kNever{false};
    while (!runner.isOver()) {
      if (isStopped() && !runner.isPending()) return;
      if (runner.canAct()) {
        runner.act();
      } else if (!runner.receive()) {
        runner.noteIdle();
        runner.wait(runner.isPending() ? kNever : stop_, options_.spinNanos);
      }
    }
  }

  std::vector<std::thread> threads_;
  std::atomic<uint32_t> generation_{0};  // of calls: runs, and the last one to go home
  std::atomic<bool> isClosing_{false};
  std::atomic<int> atWork_{0};
  std::mutex endMutex_;
  std::condition_variable ended_;
};

class DeterministicScheduler final : public SchedulerBase {
 public:
  DeterministicScheduler(uint64_t seed, const SchedulerOptions &options) : SchedulerBase(options), random_(seed) {}

  absl::Status run(ActorGraph &graph, int64_t steps) final {
    begin(graph, steps);
    std::vector<std::pair<StreamRunner *, bool>> possible;  // a stream, and whether it is to act or to receive
    for (;;) {
      possible.clear();
      bool isOver = true;
      for (const auto &runner : runners_) {
        const bool isOut = runner->isOver() || (isStopped() && !runner->isPending());
        isOver = isOver && isOut;
        if (isOut) continue;
        if (runner->canAct()) {
          possible.push_back({runner.get(), true});
        } else {
          runner->noteIdle();
        }
        if (runner->canReceive()) possible.push_back({runner.get(), false});
      }
      if (isOver) return end();
      if (possible.empty()) {
        clock_.sleep(idleNanos());
      } else {
        const auto [runner, acts] = possible[random_() % possible.size()];
        if (acts) {
          runner->act();
        } else {
          runner->receive();
        }
      }
      watch();
    }
  }

 private:
  // How long nothing can happen.
  int64_t idleNanos() {
    int64_t idle = std::clamp<int64_t>(options_.deadlineNanos / 16, 1000000, 50000000);
    const int64_t now = clock_.nanos();
    for (const auto &runner : runners_)
      if (runner->nextDue() > now) idle = std::min(idle, runner->nextDue() - now);
    return idle;
  }

  std::mt19937_64 random_;
};

}  // namespace

std::unique_ptr<Scheduler> makeThreadedScheduler(int streams, const SchedulerOptions &options) {
  return std::make_unique<ThreadedScheduler>(streams, options);
}

std::unique_ptr<Scheduler> makeDeterministicScheduler(uint64_t seed, const SchedulerOptions &options) {
  return std::make_unique<DeterministicScheduler>(seed, options);
}

}  // namespace cleave
