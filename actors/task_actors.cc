#include "actors/task_actors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {
namespace {

class Chain final : public Actor {
 public:
  Chain(std::vector<KernelTask> tasks, KernelContext &context, TaskObserver *observer)
      : tasks_(std::move(tasks)), context_(context), observer_(observer) {}

  Outcome act(ActContext &act) final {
    std::vector<TaskEvent> *trace = act.tracesTasks() ? &act.log()->tasks : nullptr;
    for (size_t t = 0; t < tasks_.size(); ++t) {
      if (act.isStopped()) return Outcome::kStopped;
      current_.store(t, std::memory_order_relaxed);
      const KernelTask &task = tasks_[t];
      const int64_t begin = trace ? act.nanos() : 0;
      const KernelCall call{*task.attributes, task.inputs, task.outputs};
      if (absl::Status status = task.kernel->run(call, context_); !status.ok()) {
        act.fail(absl::Status(status.code(), absl::StrCat(task.label->str(), ": ", status.message())));
        return Outcome::kStopped;
      }
      if (trace) trace->push_back({task.label, begin, act.nanos()});
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
  CollectiveActor(CollectiveTask task, ActorId self, Communicator &communicator, TaskObserver *observer)
      : task_(std::move(task)), self_(self), communicator_(communicator), observer_(observer) {}

  Outcome act(ActContext &act) final {
    act_ = &act;
    startNanos_ = act.nanos();
    communicator_.start({task_.collective, task_.rank, task_.inputs, task_.outputs, this, startNanos_});
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
    const int64_t done = act.nanos();
    if (transfer_.endNanos > done) act.endAt(transfer_.endNanos);
    if (StreamLog *log = act.log())
      log->collectives.push_back({task_.label, startNanos_, transfer_.arrivedNanos, transfer_.beginNanos, done,
                                  std::max(done, transfer_.endNanos)});
    if (observer_) observer_->onTask(*task_.label, task_.inputs, task_.outputs);
    return Outcome::kDone;
  }

  std::string doing() const final { return absl::StrCat("'", task_.label->op, "'"); }

  const TaskLabel *collective() const final { return task_.label; }

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
  int64_t startNanos_ = 0;
};

}  // namespace

std::unique_ptr<Actor> makeChain(std::vector<KernelTask> tasks, KernelContext &context, TaskObserver *observer) {
  return std::make_unique<Chain>(std::move(tasks), context, observer);
}

std::unique_ptr<Actor> makeCollective(CollectiveTask task, ActorId self, Communicator &communicator,
                                      TaskObserver *observer) {
  return std::make_unique<CollectiveActor>(std::move(task), self, communicator, observer);
}

}  // namespace cleave
