#include "actors/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Does what a function says.
class TestActor final : public Actor {
 public:
  TestActor(std::string name, std::function<Outcome(ActContext &)> body)
      : name_(std::move(name)), body_(std::move(body)) {}
  Outcome act(ActContext &context) final { return body_(context); }
  std::string doing() const final { return absl::StrCat("'", name_, "'"); }

 private:
  const std::string name_;
  const std::function<Outcome(ActContext &)> body_;
};

// Pending until somebody calls finish() or fail().
class PendingActor final : public Actor {
 public:
  PendingActor(ActorId self, std::function<void(PendingActor &)> onAct) : self_(self), onAct_(std::move(onAct)) {}
  Outcome act(ActContext &context) final {
    context_ = &context;
    onAct_(*this);
    return Outcome::kPending;
  }
  Outcome resume(const Message &message, ActContext &) final {
    return message.kind == Message::Kind::kDone ? Outcome::kDone : Outcome::kStopped;
  }
  std::string doing() const final { return "'pending'"; }
  std::string awaited() const final { return "rank 7"; }
  void post(Message::Kind kind) {
    Message message;
    message.kind = kind;
    message.to = self_;
    if (ActContext *context = context_.load()) context->post(message);
  }

 private:
  const ActorId self_;
  const std::function<void(PendingActor &)> onAct_;
  std::atomic<ActContext *> context_{nullptr};
};

// A graph whose actors note their turns.
class Recorder {
 public:
  ActorId add(StreamId stream, const std::string &name, std::function<void(ActContext &)> body = nullptr) {
    return graph.addActor(stream, std::make_unique<TestActor>(name, [this, name, body](ActContext &context) {
                            if (body) body(context);
                            std::lock_guard<std::mutex> lock(mutex_);
                            turns_.push_back(absl::StrCat(name, context.step()));
                            return context.isStopped() ? Actor::Outcome::kStopped : Actor::Outcome::kDone;
                          }));
  }
  // A register with `copies` copies from one actor to another.
  void connect(ActorId from, ActorId to, const std::string &name, int copies) {
    graph.addEdge({from, to, Message::Kind::kFilled, /*tokens=*/0, copies, RegisterId(), Bytes(), name});
    graph.addEdge({to, from, Message::Kind::kFreed, /*tokens=*/copies, copies, RegisterId(), Bytes(), name});
  }
  std::vector<std::string> turns() {
    std::lock_guard<std::mutex> lock(mutex_);
    return turns_;
  }

  ActorGraph graph;

 private:
  std::mutex mutex_;
  std::vector<std::string> turns_;
};

std::unique_ptr<Scheduler> makeScheduler(bool threaded, uint64_t seed, SchedulerOptions options = {}) {
  return threaded ? makeThreadedScheduler(4, options) : makeDeterministicScheduler(seed, options);
}

class SchedulerTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Both, SchedulerTest, testing::Bool(),
                         [](const auto &info) { return info.param ? "Threads" : "Deterministic"; });

TEST_P(SchedulerTest, ActorsOfAStreamActInOrder) {
  Recorder recorder;
  const StreamId stream = recorder.graph.addStream(RankId(0), "compute");
  recorder.add(stream, "a");
  recorder.add(stream, "b");
  recorder.graph.finish();
  EXPECT_TRUE(makeScheduler(GetParam(), 1)->run(recorder.graph, 2).ok());
  EXPECT_THAT(recorder.turns(), ElementsAre("a0", "b0", "a1", "b1"));
}

TEST_P(SchedulerTest, AConsumerActsAfterItsProducerOnAnotherStream) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Recorder recorder;
    const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
    const ActorId consumer = recorder.add(one, "consumer"), producer = recorder.add(two, "producer");
    recorder.connect(producer, consumer, "value", 1);
    recorder.graph.finish();
    ASSERT_TRUE(makeScheduler(GetParam(), seed)->run(recorder.graph, 2).ok());
    ASSERT_THAT(recorder.turns(), ElementsAre("producer0", "consumer0", "producer1", "consumer1"));
  }
}

TEST_P(SchedulerTest, AProducerRunsAheadByAsManyStepsAsItsRegisterHasCopies) {
  for (const int copies : {1, 2, 3})
    for (uint64_t seed = 0; seed < 30; ++seed) {
      Recorder recorder;
      std::atomic<int> ahead{0}, most{0};
      const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
      const ActorId producer = recorder.add(one, "p", [&](ActContext &) {
        const int now = ++ahead;
        if (now > most) most = now;
      });
      const ActorId consumer = recorder.add(two, "c", [&](ActContext &) {
        std::this_thread::yield();
        --ahead;
      });
      recorder.connect(producer, consumer, "value", copies);
      recorder.graph.finish();
      ASSERT_TRUE(makeScheduler(GetParam(), seed)->run(recorder.graph, 20).ok());
      ASSERT_LE(most, copies) << "seed " << seed;
      ASSERT_EQ(ahead, 0);
    }
}

TEST_P(SchedulerTest, AGraphRunsAgainAndAgain) {
  Recorder recorder;
  const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
  const ActorId a = recorder.add(one, "a"), b = recorder.add(two, "b"), c = recorder.add(one, "c");
  recorder.connect(a, b, "x", 2);
  recorder.connect(b, c, "y", 1);
  recorder.graph.finish();
  const auto scheduler = makeScheduler(GetParam(), 3);
  for (int run = 0; run < 100; ++run) ASSERT_TRUE(scheduler->run(recorder.graph, 3).ok());
  EXPECT_EQ(recorder.turns().size(), 900u);
}

TEST_P(SchedulerTest, TheFirstErrorWinsAndFreesThePeers) {
  Recorder recorder;
  const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(1), "two");
  const ActorId bad = recorder.add(one, "bad", [](ActContext &context) {
    context.fail(absl::OutOfRangeError("first"));
    context.fail(absl::OutOfRangeError("second"));
  });
  const ActorId waiting = recorder.add(two, "waiting");
  recorder.connect(bad, waiting, "value", 1);
  recorder.graph.finish();
  const auto scheduler = makeScheduler(GetParam(), 5);
  EXPECT_EQ(scheduler->run(recorder.graph, 1).message(), "first");
  EXPECT_THAT(recorder.turns(), ElementsAre("bad0"));
  recorder.graph.reset();
  EXPECT_EQ(scheduler->run(recorder.graph, 1).message(), "first");
}

TEST_P(SchedulerTest, APendingActorHoldsItsStreamUntilItsMessage) {
  Recorder recorder;
  const StreamId one = recorder.graph.addStream(RankId(0), "one");
  recorder.graph.addActor(one, std::make_unique<PendingActor>(recorder.graph.nextActor(), [](PendingActor &actor) {
                            actor.post(Message::Kind::kDone);
                          }));
  recorder.add(one, "after");
  recorder.graph.finish();
  EXPECT_TRUE(makeScheduler(GetParam(), 1)->run(recorder.graph, 2).ok());
  EXPECT_THAT(recorder.turns(), ElementsAre("after0", "after1"));
}

TEST_P(SchedulerTest, TheDeadlineReportsWhoWaitsForWhom) {
  Recorder recorder;
  ManualClock clock;
  SchedulerOptions options;
  options.clock = &clock;
  options.deadlineNanos = 1000000000;
  const StreamId one = recorder.graph.addStream(RankId(0), "compute"),
                 two = recorder.graph.addStream(RankId(1), "communicate");
  PendingActor *pending = nullptr;
  const ActorId stuck = recorder.graph.nextActor();
  auto made = std::make_unique<PendingActor>(stuck, [](PendingActor &) {});
  pending = made.get();
  recorder.graph.addActor(two, std::move(made));
  const ActorId reader = recorder.add(one, "reader");
  recorder.connect(stuck, reader, "sum", 1);
  recorder.graph.setAbortHook([&] { pending->post(Message::Kind::kFailed); });
  recorder.graph.finish();

  std::atomic<bool> isOver{false};
  std::thread time([&] {  // the deterministic scheduler moves the clock itself
    while (!isOver) {
      if (GetParam()) clock.advance(100000000);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  const absl::Status status = makeScheduler(GetParam(), 1, options)->run(recorder.graph, 1);
  isOver = true;
  time.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("requires something to end within 1 s, got nothing; who waits for whom:"),
                    HasSubstr("rank 0 compute: 'reader' waits for 'pending' of rank 1 communicate to fill 'sum'"),
                    HasSubstr("rank 1 communicate: 'pending' waits for rank 7")));
}

TEST_P(SchedulerTest, AnInterruptEndsTheRunUnderWay) {
  Recorder recorder;
  const StreamId one = recorder.graph.addStream(RankId(0), "one");
  Scheduler *running = nullptr;
  recorder.add(one, "a", [&](ActContext &context) {
    if (context.step() == 3) running->interrupt(absl::CancelledError("enough"));
  });
  recorder.graph.finish();
  const auto scheduler = makeScheduler(GetParam(), 1);
  running = scheduler.get();
  scheduler->interrupt(absl::CancelledError("between runs: no effect"));
  EXPECT_EQ(scheduler->run(recorder.graph, 1000).message(), "enough");
  EXPECT_EQ(recorder.turns().size(), 4u);
}

// Three streams, at a clock that moves when nothing can happen: "sender" on one, which ends `nanos` later than it acts,
// and "next" behind it; "reader" of the sender's value on another one. Notes when each acted.
struct Transfers {
  explicit Transfers(int64_t nanos, bool fails = false) {
    const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
    const auto note = [this](const std::string &name) {
      return [this, name](ActContext &context) {
        std::lock_guard<std::mutex> lock(mutex);
        acted[name] = context.nanos();
      };
    };
    const ActorId sender = recorder.add(one, "sender", [this, nanos, note](ActContext &context) {
      note("sender")(context);
      context.endAt(context.nanos() + nanos);
    });
    recorder.add(one, "next", note("next"));
    const ActorId reader = recorder.add(two, "reader", note("reader"));
    recorder.connect(sender, reader, "value", 1);
    if (fails)
      recorder.add(recorder.graph.addStream(RankId(1), "bad"), "bad",
                   [](ActContext &context) { context.fail(absl::OutOfRangeError("bad")); });
    recorder.graph.finish();
    options.clock = &clock;
    options.deadlineNanos = 1000000000;
    clock.advance(5);
  }
  std::map<std::string, int64_t> turns() {
    std::lock_guard<std::mutex> lock(mutex);
    return acted;
  }

  Recorder recorder;
  ManualClock clock;
  SchedulerOptions options;
  std::mutex mutex;
  std::map<std::string, int64_t> acted;
};

TEST(DeterministicScheduler, WhatEndsLaterHoldsItsConsumersAndNotItsStream) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Transfers transfers(700);
    ASSERT_TRUE(makeDeterministicScheduler(seed, transfers.options)->run(transfers.recorder.graph, 1).ok());
    EXPECT_EQ(transfers.acted["sender"], 5);
    EXPECT_EQ(transfers.acted["next"], 5);
    EXPECT_EQ(transfers.acted["reader"], 705);
  }
}

TEST(DeterministicScheduler, ALogTellsWhenAStreamHadNothingToDo) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Transfers transfers(700);
    transfers.options.log = true;
    const auto scheduler = makeDeterministicScheduler(seed, transfers.options);
    ASSERT_TRUE(scheduler->run(transfers.recorder.graph, 1).ok());
    const RunLog &log = scheduler->log();
    ASSERT_EQ(log.streams.size(), 2u);
    EXPECT_EQ(log.beginNanos, 5);
    EXPECT_EQ(log.endNanos, 705);
    EXPECT_TRUE(log.streams[0].waits.empty());
    EXPECT_EQ(log.streams[0].endNanos, 5);
    ASSERT_EQ(log.streams[1].waits.size(), 1u);
    EXPECT_EQ(log.streams[1].waits[0].beginNanos, 5);
    EXPECT_EQ(log.streams[1].waits[0].endNanos, 705);
    EXPECT_EQ(indexOf(log.streams[1].waits[0].actor), 2) << "the reader";
    EXPECT_EQ(log.streams[1].endNanos, 705);
  }
}

TEST(DeterministicScheduler, NobodyLogsUnlessAsked) {
  Transfers transfers(700);
  const auto scheduler = makeDeterministicScheduler(1, transfers.options);
  ASSERT_TRUE(scheduler->run(transfers.recorder.graph, 1).ok());
  EXPECT_TRUE(scheduler->log().streams.empty());
}

TEST(DeterministicScheduler, ARunEndsWhenAllThatItDidHasComeTrue) {
  ManualClock clock;
  SchedulerOptions options;
  options.clock = &clock;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Recorder recorder;
    const StreamId one = recorder.graph.addStream(RankId(0), "one");
    recorder.add(one, "late", [&](ActContext &context) { context.endAt(clock.nanos() + 900 - 400 * context.step()); });
    recorder.graph.finish();
    const int64_t before = clock.nanos();
    ASSERT_TRUE(makeDeterministicScheduler(seed, options)->run(recorder.graph, 2).ok());
    EXPECT_EQ(clock.nanos() - before, 900);
  }
}

TEST(DeterministicScheduler, ATransferMayTakeLongerThanTheDeadline) {
  Transfers transfers(int64_t{90} * 1000000000);
  EXPECT_TRUE(makeDeterministicScheduler(1, transfers.options)->run(transfers.recorder.graph, 2).ok());
}

TEST(DeterministicScheduler, AnErrorDoesNotWaitForWhatIsUnderWay) {
  Transfers transfers(int64_t{1} << 60, /*fails=*/true);
  for (uint64_t seed = 0; seed < 10; ++seed) {
    EXPECT_EQ(makeDeterministicScheduler(seed, transfers.options)->run(transfers.recorder.graph, 1).message(), "bad");
    transfers.recorder.graph.reset();
  }
  EXPECT_LT(transfers.clock.nanos(), int64_t{1} << 50);
}

TEST(ThreadedScheduler, WhatEndsLaterHoldsItsConsumersAndNotItsStream) {
  for (const int64_t spin : {0, 50000}) {
    Transfers transfers(700);
    transfers.options.spinNanos = spin;
    std::thread run([&] {
      EXPECT_TRUE(makeThreadedScheduler(2, transfers.options)->run(transfers.recorder.graph, 1).ok());
    });
    while (transfers.turns().size() < 2) std::this_thread::yield();  // "sender" and "next"; the clock stands still
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    EXPECT_EQ(transfers.turns().count("reader"), 0u);
    transfers.clock.advance(700);
    run.join();
    EXPECT_EQ(transfers.acted["reader"], 705);
  }
}

TEST(ThreadedScheduler, RefusesMoreStreamsThanThreads) {
  Recorder recorder;
  for (int s = 0; s < 3; ++s) recorder.graph.addStream(RankId(s), "compute");
  recorder.graph.finish();
  EXPECT_THAT(makeThreadedScheduler(2, {})->run(recorder.graph, 1).message(),
              HasSubstr("requires at most 2 streams, got 3"));
}

TEST(DeterministicScheduler, AnErrorWaitsForPendingActorsToBeGivenUp) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Recorder recorder;
    const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
    std::atomic<PendingActor *> pending{nullptr};
    recorder.graph.addActor(one, std::make_unique<PendingActor>(recorder.graph.nextActor(),
                                                                [&](PendingActor &actor) { pending = &actor; }));
    recorder.add(two, "bad", [&](ActContext &context) { context.fail(absl::OutOfRangeError("bad")); });
    std::atomic<bool> wasAborted{false};
    recorder.graph.setAbortHook([&] {
      wasAborted = true;
      if (PendingActor *actor = pending.load()) actor->post(Message::Kind::kFailed);
    });
    recorder.graph.finish();
    // Where the pending actor comes later than the error it never acts.
    EXPECT_EQ(makeDeterministicScheduler(seed, {})->run(recorder.graph, 1).message(), "bad");
    EXPECT_TRUE(wasAborted);
  }
}

TEST(DeterministicScheduler, ProgressRestartsTheDeadline) {
  Recorder recorder;
  ManualClock clock;
  SchedulerOptions options;
  options.clock = &clock;
  options.deadlineNanos = 1000000000;
  const StreamId one = recorder.graph.addStream(RankId(0), "compute");
  recorder.add(one, "slow", [&](ActContext &context) {
    clock.advance(900000000);
    context.progress();
  });
  recorder.graph.finish();
  EXPECT_TRUE(makeDeterministicScheduler(1, options)->run(recorder.graph, 10).ok());
}

TEST(DeterministicScheduler, MoreTokensThanAnEdgesCapacityAreAnError) {
  Recorder recorder;
  const StreamId one = recorder.graph.addStream(RankId(0), "one"), two = recorder.graph.addStream(RankId(0), "two");
  const ActorId fast = recorder.add(one, "fast"), never = recorder.add(two, "never"), gate = recorder.add(two, "gate");
  recorder.graph.addEdge({fast, never, Message::Kind::kFilled, 0, /*capacity=*/2, RegisterId(), Bytes(), "flood"});
  recorder.graph.addEdge({gate, never, Message::Kind::kFilled, 0, 1, RegisterId(), Bytes(), "closed"});
  recorder.graph.finish();
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_THAT(makeDeterministicScheduler(seed, {})->run(recorder.graph, 100).message(),
                HasSubstr("requires at most 2 tokens of 'flood' on their way to 'never', got more"));
    recorder.graph.reset();
  }
}

TEST(DeterministicScheduler, OneSeedIsOneOrderAndSeedsDiffer) {
  const auto orderOf = [](uint64_t seed) {
    Recorder recorder;
    for (int s = 0; s < 4; ++s) {
      const StreamId stream = recorder.graph.addStream(RankId(s), "compute");
      for (int a = 0; a < 3; ++a) recorder.add(stream, absl::StrCat("s", s, "a", a, "_"));
    }
    recorder.graph.finish();
    EXPECT_TRUE(makeDeterministicScheduler(seed, {})->run(recorder.graph, 1).ok());
    return recorder.turns();
  };
  EXPECT_EQ(orderOf(1), orderOf(1));
  EXPECT_NE(orderOf(1), orderOf(2));
}

}  // namespace
}  // namespace cleave
