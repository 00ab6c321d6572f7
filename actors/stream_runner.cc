#include "actors/stream_runner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cleave {

StreamRunner::StreamRunner(ActorGraph &graph, StreamId stream, int64_t steps, SchedulerBase &owner,
                           bool tracesTasks, StreamLog *log)
    : graph_(graph), stream_(*graph.streams_[indexOf(stream)]), owner_(owner), tracesTasks_(tracesTasks), log_(log),
      idleSince_(log ? owner.nanos() : -1), steps_(stream_.order.empty() ? 0 : steps) {
  stream_.position = 0;
  setState(isEnded() ? ActorGraph::State::kEnded : ActorGraph::State::kWaiting);
}

namespace {

bool isLater(const Message &a, const Message &b) { return a.fence.dueNanos > b.fence.dueNanos; }

}  // namespace

int64_t StreamRunner::nanos() { return owner_.nanos(); }
bool StreamRunner::isStopped() const { return owner_.isStopped(); }
void StreamRunner::fail(absl::Status status) { owner_.fail(std::move(status)); }
// Never full: the graph leaves room for what a communicator says to a pending actor.
void StreamRunner::post(const Message &message) { stream_.mailbox->push(message); }

void StreamRunner::act() {
  ActorGraph::Node &node = nextNode();
  if (idleSince_ >= 0) {
    const int64_t now = nanos();
    if (now > idleSince_)
      log_->waits.push_back({stream_.order[stream_.position.load(std::memory_order_relaxed)], idleSince_, now});
    idleSince_ = -1;
  }
  for (int i = 0; i < node.incomingCount; ++i) {
    std::atomic<int> &tokens = node.incoming[i].tokens;
    const int left = tokens.load(std::memory_order_relaxed) - 1;
    tokens.store(left, std::memory_order_relaxed);
    node.missing += left == 0;
  }
  setState(ActorGraph::State::kActing);
  take(node.actor->act(*this));
}

void StreamRunner::take(Actor::Outcome outcome) {
  isPending_ = outcome == Actor::Outcome::kPending;
  if (isPending_) return setState(ActorGraph::State::kPending);
  setState(ActorGraph::State::kWaiting);
  if (outcome == Actor::Outcome::kStopped) return;

  if (endNanos_ > 0) {
    sendLater();
  } else {
    for (const ActorGraph::Outgoing &outgoing : nextNode().outgoing)
      if (!outgoing.mailbox) {
        addToken(outgoing.message);
      } else if (!outgoing.mailbox->push(outgoing.message)) {
        return failOverflow(outgoing.message);
      }
  }
  progress();
  size_t position = stream_.position.load(std::memory_order_relaxed) + 1;
  if (position == stream_.order.size()) {
    position = 0;
    ++step_;
  }
  if (isEnded()) {
    setState(ActorGraph::State::kEnded);
    if (log_) log_->endNanos = nanos();
    updateDue();
  }
  stream_.position.store(position, std::memory_order_relaxed);
}

// What the next actor has done comes true at endNanos_.
void StreamRunner::sendLater() {
  for (const ActorGraph::Outgoing &outgoing : nextNode().outgoing) {
    Message message = outgoing.message;
    message.fence.dueNanos = endNanos_;
    if (!outgoing.mailbox) {
      deliver(message);
    } else if (!outgoing.mailbox->push(message)) {
      failOverflow(message);
    }
  }
  lastEndNanos_ = std::max(lastEndNanos_, endNanos_);
  endNanos_ = 0;
}

bool StreamRunner::hasComeTrue() {
  if (!held_.empty() || (lastEndNanos_ > 0 && lastEndNanos_ > nanos())) return false;
  lastEndNanos_ = 0;
  return true;
}

bool StreamRunner::canReceive() {
  return !stream_.mailbox->isEmpty() || (!held_.empty() && held_.front().fence.dueNanos <= nanos());
}

bool StreamRunner::receive() {
  if (!held_.empty() && held_.front().fence.dueNanos <= nanos()) {
    std::pop_heap(held_.begin(), held_.end(), isLater);
    addToken(held_.back());
    held_.pop_back();
    updateDue();
    return true;
  }
  Message message;
  if (!stream_.mailbox->pop(message)) return false;
  if (message.kind == Message::Kind::kFilled || message.kind == Message::Kind::kFreed) {
    message.fence.dueNanos == 0 ? addToken(message) : deliver(message);
  } else if (isPending_) {
    take(nextNode().actor->resume(message, *this));
  }
  return true;
}

void StreamRunner::noteIdle() {
  if (log_ && idleSince_ < 0 && !isPending_ && !isEnded()) idleSince_ = nanos();
}

void StreamRunner::wait(const std::atomic<bool> &stop, int64_t spinNanos) {
  int64_t most = 0;
  if (const int64_t due = nextDue()) {
    most = due - nanos();
    if (most <= 0) return;
  }
  stream_.mailbox->wait(stop, spinNanos, most);
}

void StreamRunner::deliver(const Message &message) {
  if (message.fence.dueNanos <= nanos()) return addToken(message);
  held_.push_back(message);
  std::push_heap(held_.begin(), held_.end(), isLater);
  updateDue();
}

void StreamRunner::updateDue() {
  const int64_t due = !held_.empty() ? held_.front().fence.dueNanos : isEnded() ? lastEndNanos_ : 0;
  nextDue_.store(due, std::memory_order_relaxed);
}

void StreamRunner::addToken(const Message &message) {
  ActorGraph::Node &node = graph_.nodes_[indexOf(message.to)];
  ActorGraph::Incoming &incoming = node.incoming[indexOf(message.port)];
  const int held = incoming.tokens.load(std::memory_order_relaxed);
  if (held == incoming.capacity) return failOverflow(message);
  incoming.tokens.store(held + 1, std::memory_order_relaxed);
  node.missing -= held == 0;
}

void StreamRunner::failOverflow(const Message &message) {
  const ActorGraph::Node &to = graph_.nodes_[indexOf(message.to)];
  const ActorGraph::Edge &edge = graph_.edges_[to.incoming[indexOf(message.port)].edge];
  fail(absl::InternalError(absl::StrCat("requires at most ", edge.capacity, " tokens of '", edge.name,
                                        "' on their way to ", to.actor->doing(), ", got more")));
}

SchedulerBase::SchedulerBase(const SchedulerOptions &options)
    : options_(options), clock_(options.clock ? *options.clock : systemClock_) {}

void SchedulerBase::begin(ActorGraph &graph, int64_t steps) {
  graph_ = &graph;
  runners_.clear();
  log_ = {clock_.nanos(), 0, std::vector<StreamLog>(options_.log ? graph.streams() : 0)};
  for (int s = 0; s < graph.streams(); ++s)
    runners_.push_back(std::make_unique<StreamRunner>(graph, StreamId(s), steps, *this, options_.trace,
                                                      options_.log ? &log_.streams[s] : nullptr));
  seenProgress_ = 0;
  seenNanos_ = clock_.nanos();
  std::lock_guard<std::mutex> lock(mutex_);
  error_ = absl::OkStatus();
  stop_ = false;
  isRunning_ = true;
}

absl::Status SchedulerBase::end() {
  log_.endNanos = clock_.nanos();
  std::lock_guard<std::mutex> lock(mutex_);
  isRunning_ = false;
  return error_;
}

void SchedulerBase::fail(absl::Status status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!isRunning_ || !error_.ok()) return;
  error_ = std::move(status);
  stop_.store(true, std::memory_order_seq_cst);
  if (graph_->abortHook_) graph_->abortHook_();
  for (const auto &stream : graph_->streams_) stream->mailbox->wake();
}

void SchedulerBase::interrupt(absl::Status why) { fail(std::move(why)); }

void SchedulerBase::watch() {
  if (options_.deadlineNanos <= 0 || isStopped()) return;
  int64_t progress = 0;
  for (const auto &runner : runners_) progress += runner->progressed();
  const int64_t now = clock_.nanos();
  // What a link carries has an end that is known.
  const bool isDue =
      std::any_of(runners_.begin(), runners_.end(), [&](const auto &runner) { return runner->nextDue() > now; });
  if (progress != seenProgress_ || isDue) {
    seenProgress_ = progress;
    seenNanos_ = now;
  } else if (now - seenNanos_ > options_.deadlineNanos) {
    fail(absl::DeadlineExceededError(absl::StrCat("requires something to end within ", options_.deadlineNanos * 1e-9,
                                                  " s, got nothing; who waits for whom:", report())));
  }
}

std::string SchedulerBase::report() const {
  std::string text;
  for (const auto &stream : graph_->streams_) absl::StrAppend(&text, reportStream(*stream));
  return text;
}

std::string SchedulerBase::reportStream(const ActorGraph::Stream &stream) const {
  const auto state = stream.state.load(std::memory_order_relaxed);
  if (state == ActorGraph::State::kEnded) return "";
  const ActorGraph::Node &node = graph_->nodes_[indexOf(stream.order[stream.position.load(std::memory_order_relaxed)])];
  std::string text = absl::StrCat("\n  rank ", indexOf(stream.rank), " ", stream.name, ": ", node.actor->doing());
  if (state == ActorGraph::State::kActing) return text + " is at work";
  if (state == ActorGraph::State::kPending) {
    const std::string awaited = node.actor->awaited();
    return absl::StrCat(text, " waits for ", awaited.empty() ? "its communicator" : awaited);
  }
  std::vector<std::string> waits;
  for (int i = 0; i < node.incomingCount; ++i) {
    if (node.incoming[i].tokens.load(std::memory_order_relaxed) > 0) continue;
    const ActorGraph::Edge &edge = graph_->edges_[node.incoming[i].edge];
    const ActorGraph::Node &from = graph_->nodes_[indexOf(edge.from)];
    const ActorGraph::Stream &source = *graph_->streams_[indexOf(from.stream)];
    waits.push_back(absl::StrCat(from.actor->doing(), " of rank ", indexOf(source.rank), " ", source.name, " to ",
                                 edge.kind == Message::Kind::kFilled ? "fill" : "return", " '", edge.name, "'"));
  }
  return absl::StrCat(text, waits.empty() ? " can act" : " waits for ", absl::StrJoin(waits, " and "));
}

}  // namespace cleave
