#include "actors/task_actors.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

int64_t nowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class Chain final : public Actor {
 public:
  Chain(std::vector<KernelTask> tasks, KernelContext &context, TaskObserver *observer)
      : tasks_(std::move(tasks)), context_(context), observer_(observer) {}

  Outcome act(ActContext &act) final {
    std::vector<TaskEvent> *trace = act.trace();
    for (size_t t = 0; t < tasks_.size(); ++t) {
      if (act.isStopped()) return Outcome::kStopped;
      current_.store(t, std::memory_order_relaxed);
      const KernelTask &task = tasks_[t];
      const int64_t begin = trace ? nowNanos() : 0;
      const KernelCall call{*task.attributes, task.inputs, task.outputs};
      if (absl::Status status = task.kernel->run(call, context_); !status.ok()) {
        act.fail(absl::Status(status.code(), absl::StrCat(task.label->str(), ": ", status.message())));
        return Outcome::kStopped;
      }
      if (trace) trace->push_back({task.label, begin, nowNanos()});
      if (observer_) observer_->onTask(*task.label, task.inputs, task.outputs);
      act.progress();
    }
    return Outcome::kDone;
  }

  std::string doing() const final {
    return absl::StrCat("'", tasks_[current_.load(std::memory_order_relaxed)].label->op, "'");
  }

 private:
  const std::vector<KernelTask> tasks_;
  KernelContext &context_;
  TaskObserver *observer_;
  std::atomic<size_t> current_{0};
};

class CollectiveActor final : public Actor, private CollectiveListener {
 public:
  CollectiveActor(const CollectiveTask &task, ActorId self, Communicator &communicator, TaskObserver *observer)
      : task_(task), self_(self), communicator_(communicator), observer_(observer) {}

  Outcome act(ActContext &act) final {
    act_ = &act;
    beginNanos_ = act.trace() ? nowNanos() : 0;
    communicator_.start({task_.collective, task_.rank, task_.input, task_.output, this, act.nanos()});
    return Outcome::kPending;
  }

  Outcome resume(const Message &message, ActContext &act) final {
    if (message.kind == Message::Kind::kShare) {
      communicator_.work(task_.collective, task_.rank);
      act.progress();
      return Outcome::kPending;
    }
    if (message.kind == Message::Kind::kFailed) {
      act.fail(absl::AbortedError(absl::StrCat(task_.label->str(), ": given up by the communicator")));
      return Outcome::kStopped;
    }
    if (transfer_.endNanos > transfer_.arrivedNanos) act.endAt(transfer_.endNanos);
    if (auto *trace = act.trace()) trace->push_back({task_.label, beginNanos_, nowNanos()});
    if (observer_) observer_->onTask(*task_.label, {task_.input}, {task_.output});
    return Outcome::kDone;
  }

  std::string doing() const final { return absl::StrCat("'", task_.label->op, "'"); }

  std::string awaited() const final {
    const std::vector<int> peers = communicator_.awaited(task_.collective, task_.rank);
    return absl::StrJoin(peers, ", ", [](std::string *text, int peer) { absl::StrAppend(text, "rank ", peer); });
  }

 private:
  void onCollective(Event event, const Transfer &transfer) final {
    if (event == Event::kDone) transfer_ = transfer;  // the message makes it seen
    Message message;
    message.kind = event == Event::kShare  ? Message::Kind::kShare
                   : event == Event::kDone ? Message::Kind::kDone
                                           : Message::Kind::kFailed;
    message.to = self_;
    act_->post(message);
  }

  const CollectiveTask task_;
  const ActorId self_;
  Communicator &communicator_;
  TaskObserver *observer_;
  ActContext *act_ = nullptr;  // set before the communicator knows the listener
  Transfer transfer_;          // of the turn that has ended
  int64_t beginNanos_ = 0;
};

}  // namespace

std::unique_ptr<Actor> makeChain(std::vector<KernelTask> tasks, KernelContext &context, TaskObserver *observer) {
  return std::make_unique<Chain>(std::move(tasks), context, observer);
}

std::unique_ptr<Actor> makeCollective(const CollectiveTask &task, ActorId self, Communicator &communicator,
                                      TaskObserver *observer) {
  return std::make_unique<CollectiveActor>(task, self, communicator, observer);
}

}  // namespace cleave
