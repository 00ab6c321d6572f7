// Actors and the graph that they form.
//
// An actor owns its output registers, a fixed number of copies of each. It acts when every input holds a filled
// register and every output has a free one; then it tells the consumers ("filled") and returns the inputs ("freed").
// Both are tokens on an edge between two actors: a pair of edges there and back, with as many tokens on the way back as
// the register has copies, is a register with credits. So memory is bounded, back-pressure needs no code of its own,
// and how far a producer may run ahead is a number of tokens.

#ifndef CLEAVE_ACTORS_ACTOR_H
#define CLEAVE_ACTORS_ACTOR_H

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "actors/mailbox.h"
#include "actors/message.h"
#include "actors/task_event.h"

namespace cleave {

// What the scheduler lends to an actor at work.
class ActContext {
 public:
  virtual ~ActContext() = default;
  virtual int64_t step() const = 0;               // of this run, from 0
  virtual int64_t nanos() = 0;                    // of the scheduler's clock
  virtual void progress() = 0;                    // something has ended: restarts the deadline
  virtual bool isStopped() const = 0;             // the run is given up: end early
  virtual void fail(absl::Status status) = 0;     // gives the run up, unless an earlier error has
  virtual StreamLog *log() = 0;                   // of the stream; null when nobody looks
  virtual bool tracesTasks() const = 0;           // the log is to have kernels
  virtual void post(const Message &message) = 0;  // from any thread, while the actor is pending
  // What the actor is about to return kDone for comes true only then: consumers and the run's end wait for it, its
  // stream does not.
  virtual void endAt(int64_t nanos) = 0;
};

class Actor {
 public:
  enum class Outcome {
    kDone,
    kPending,  // a message (kShare, kDone, kFailed) to this actor goes on with it; its stream waits
    kStopped   // failed, or noticed that the run is given up
  };
  virtual ~Actor() = default;
  // Works on the stream's thread. May block only for as long as its own work takes.
  virtual Outcome act(ActContext &context) = 0;
  virtual Outcome resume(const Message &message, ActContext &context);
  // For reports, from any thread: "'x'", what it does or, while pending, whom it waits for ("rank 1, rank 3").
  virtual std::string doing() const = 0;
  virtual std::string awaited() const { return ""; }
  virtual const TaskLabel *collective() const { return nullptr; }  // that the actor is; null: none
};

class ActorGraph {
 public:
  struct Edge {
    ActorId from, to;
    Message::Kind kind = Message::Kind::kFilled;  // or kFreed
    int tokens = 0;                               // at first
    int capacity = 1;                             // the most tokens that can be on it: the register's copies
    RegisterId what{};
    Bytes extent{};
    std::string name;  // of the register, for reports
  };

  // A stream runs its actors one after the other, in the order in which they are added.
  StreamId addStream(RankId rank, std::string name);
  ActorId addActor(StreamId stream, std::unique_ptr<Actor> actor);
  ActorId nextActor() const { return ActorId(nodes_.size()); }  // what addActor will return
  void addEdge(Edge edge);
  void setAbortHook(std::function<void()> hook) { abortHook_ = std::move(hook); }  // frees actors that are pending

  // After the last edge, before the first run.
  void finish();
  // As before the first run, after one that was given up. No thread may be at work in the graph.
  void reset();

  // The collectives that an actor waits for.
  std::vector<const TaskLabel *> collectivesBefore(ActorId actor) const;

  int streams() const { return static_cast<int>(streams_.size()); }
  int actors() const { return static_cast<int>(nodes_.size()); }
  int edges() const { return static_cast<int>(edges_.size()); }

 private:
  friend class StreamRunner;
  friend class SchedulerBase;

  struct Outgoing {
    Mailbox *mailbox;  // null: to an actor of the same stream
    Message message;
  };
  // What the streams' threads write lies in cache lines of their own.
  struct alignas(64) Incoming {
    std::atomic<int> tokens{0};  // written by the stream's thread only; read by reports
    int capacity = 1;
    int edge = 0;
  };
  struct alignas(64) Node {
    std::unique_ptr<Actor> actor;
    StreamId stream{};
    std::unique_ptr<Incoming[]> incoming;
    int incomingCount = 0;
    int missing = 0;  // incoming edges without a token
    std::vector<Outgoing> outgoing;
  };
  enum class State : uint8_t { kWaiting, kActing, kPending, kEnded };
  struct alignas(64) Stream {
    RankId rank{};
    std::string name;
    std::vector<ActorId> order;
    std::unique_ptr<Mailbox> mailbox;
    std::atomic<size_t> position{0};  // in `order`; written by the stream's thread only
    std::atomic<State> state{State::kEnded};
  };

  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::function<void()> abortHook_;
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_ACTOR_H
