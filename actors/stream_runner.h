// Drives one stream of a graph; the schedulers decide when.

#ifndef CLEAVE_ACTORS_STREAM_RUNNER_H
#define CLEAVE_ACTORS_STREAM_RUNNER_H

#include <atomic>
#include <mutex>
#include <vector>

#include "actors/actor.h"
#include "actors/scheduler.h"

namespace cleave {

class SchedulerBase;

// All methods but post() and progressed() belong to the thread that drives the stream.
class alignas(64) StreamRunner final : public ActContext {
 public:
  StreamRunner(ActorGraph &graph, StreamId stream, int64_t steps, SchedulerBase &owner, bool tracesTasks,
               StreamLog *log);

  bool isEnded() const { return step_ == steps_; }
  bool isOver() { return isEnded() && hasComeTrue(); }
  bool isPending() const { return isPending_; }
  bool canAct() const { return !isEnded() && !isPending_ && nextNode().missing == 0; }
  void act();
  bool canReceive();
  bool receive();  // one message, if canReceive()
  void noteIdle();  // nothing can be done now
  // Until something may have changed: a message, or a time that the stream waits for, or `stop`.
  void wait(const std::atomic<bool> &stop, int64_t spinNanos);
  // The next point in time at which something comes true for this stream, 0 if none is known. From any thread.
  int64_t nextDue() const { return nextDue_.load(std::memory_order_relaxed); }
  int64_t progressed() const { return progressed_.load(std::memory_order_relaxed); }

  int64_t step() const final { return step_; }
  int64_t nanos() final;
  void progress() final {
    progressed_.store(progressed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  bool isStopped() const final;
  void fail(absl::Status status) final;
  StreamLog *log() final { return log_; }
  bool tracesTasks() const final { return tracesTasks_ && log_ != nullptr; }
  void post(const Message &message) final;
  void endAt(int64_t nanos) final { endNanos_ = nanos; }

 private:
  ActorGraph::Node &nextNode() const {
    return graph_.nodes_[indexOf(stream_.order[stream_.position.load(std::memory_order_relaxed)])];
  }
  void take(Actor::Outcome outcome);  // after the next actor has acted or resumed
  bool hasComeTrue();  // what the stream's actors did, and what it waits for
  void sendLater();
  void deliver(const Message &message);  // now, or when its fence is complete
  void addToken(const Message &message);
  void updateDue();
  void failOverflow(const Message &message);
  void setState(ActorGraph::State state) { stream_.state.store(state, std::memory_order_relaxed); }

  ActorGraph &graph_;
  ActorGraph::Stream &stream_;
  SchedulerBase &owner_;
  const bool tracesTasks_;
  StreamLog *const log_;
  int64_t idleSince_;  // -1: not idle
  const int64_t steps_;
  int64_t step_ = 0;
  bool isPending_ = false;
  int64_t endNanos_ = 0;       // of the actor at work
  int64_t lastEndNanos_ = 0;   // of all that the stream has done
  std::vector<Message> held_;  // a heap: those whose fences are not complete, the next one first
  std::atomic<int64_t> nextDue_{0};
  std::atomic<int64_t> progressed_{0};
};

// What both schedulers share: the first error, the deadline, the report.
class SchedulerBase : public Scheduler {
 public:
  explicit SchedulerBase(const SchedulerOptions &options);

  void interrupt(absl::Status why) final;
  const RunLog &log() const final { return log_; }

  bool isStopped() const { return stop_.load(std::memory_order_relaxed); }
  int64_t nanos() { return clock_.nanos(); }
  void fail(absl::Status status);  // any thread; the first one counts

 protected:
  void begin(ActorGraph &graph, int64_t steps);
  absl::Status end();  // when no thread is at work
  // Gives the run up if nothing has progressed for as long as the deadline.
  void watch();
  std::string report() const;  // who waits for whom

  const SchedulerOptions options_;
  SystemClock systemClock_;
  Clock &clock_;
  ActorGraph *graph_ = nullptr;
  std::vector<std::unique_ptr<StreamRunner>> runners_;  // by stream of the graph
  std::atomic<bool> stop_{false};

 private:
  std::string reportStream(const ActorGraph::Stream &stream) const;

  std::mutex mutex_;
  bool isRunning_ = false;
  absl::Status error_;
  RunLog log_;
  int64_t seenProgress_ = 0, seenNanos_ = 0;
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_STREAM_RUNNER_H
