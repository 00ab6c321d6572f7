// Plans in which communication is hidden, broken by hand where hiding it may go wrong: none of them loads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "runtime/load_plan.h"
#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"
#include "tests/conformance/null_run.h"
#include "tests/conformance/overlapped_plans.h"

namespace cleave {
namespace {

using testing::HasSubstr;

const OverlappedCase kSplit = {"gpt2", "model=2", {"--overlap", "split"}};
const OverlappedCase kSlices = {"gpt2", "model=2", {"--overlap", "split,slice"}};
const OverlappedCase kBuckets = {"gpt2", "data=2", {"--overlap", "split,buckets"}};
const OverlappedCase kPrefetch = {"gpt2", "data=2,model=2", {"--overlap", "prefetch", "--zero", "3"}};
const OverlappedCase kSequence = {"gpt2", "model=2", {"--overlap", "split,sequence"}};
const OverlappedCase kAll = {"gpt2", "data=2,model=2", {"--overlap", "split,slice,sequence,buckets"}};

// A program of the step, with the questions that one asks to break it well.
class Surgeon {
 public:
  Surgeon(plan::Plan &plan, int rankClass) : entry_(stepOf(plan)), program_(*entry_.mutable_programs(rankClass)) {}

  plan::Task &task(int t) { return *program_.mutable_tasks(t); }
  plan::Register &held(int64_t r) { return *program_.mutable_registers(int(r)); }
  plan::Collective &collective(int t) { return *entry_.mutable_collectives(int(task(t).collective()) - 1); }
  int64_t rootOf(int64_t r) { return held(r).view_of() > 0 ? held(r).view_of() - 1 : r; }

  // Collectives in the order of their stream.
  std::vector<int> transfers() {
    std::vector<int> found;
    for (const plan::Stream &stream : program_.streams())
      for (int64_t t : stream.tasks())
        if (task(int(t)).collective() > 0) found.push_back(int(t));
    return found;
  }
  // The n-th transfer that brings something new, in bytes that are not its operand's, and is read by what computes.
  int bringing(int n = 0) {
    for (int t : transfers())
      if (held(task(t).outputs(0)).variable() == 0 && readerOf(t) >= 0 &&
          offsetOf(task(t).outputs(0)) != offsetOf(task(t).inputs(0)) && n-- == 0)
        return t;
    return -1;
  }
  // The n-th transfer between two tasks that compute.
  int between(int n = 0) {
    for (int t : transfers())
      if (makerOf(t) >= 0 && readerOf(t) >= 0 && n-- == 0) return t;
    return -1;
  }
  int bucket(int n = 0) {
    for (int t : transfers())
      if (task(t).inputs_size() > 1 && n-- == 0) return t;
    return -1;
  }
  // The n-th transfer that is held back behind a task.
  int heldBack(int n = 0) {
    for (int t : transfers())
      if (task(t).after_size() > 0 && n-- == 0) return t;
    return -1;
  }
  // The last task, of those that compute, that makes what a transfer carries; the first that reads what it brings.
  int makerOf(int transfer) {
    int last = -1;
    for (int64_t t : computes().tasks())
      for (int64_t made : task(int(t)).outputs())
        for (int64_t carried : task(transfer).inputs())
          if (rootOf(made) == rootOf(carried)) last = int(t);
    return last;
  }
  int readerOf(int transfer) {
    for (int64_t t : computes().tasks())
      for (int64_t read : task(int(t)).inputs())
        for (int64_t brought : task(transfer).outputs())
          if (rootOf(read) == rootOf(brought) && held(rootOf(read)).variable() == 0) return int(t);
    return -1;
  }
  int64_t offsetOf(int64_t r) { return held(rootOf(r)).offset(); }

  const plan::Stream &computes() { return program_.streams(0); }

  void swapTurns(int a, int b) {
    for (plan::Stream &stream : *program_.mutable_streams()) {
      auto *tasks = stream.mutable_tasks();
      const auto one = std::find(tasks->begin(), tasks->end(), a), other = std::find(tasks->begin(), tasks->end(), b);
      if (one != tasks->end() && other != tasks->end()) std::iter_swap(one, other);
    }
  }
  // Takes a task out of its stream and puts it in front of another one, in that one's stream.
  void moveBefore(int t, int other) {
    for (plan::Stream &stream : *program_.mutable_streams()) {
      auto *tasks = stream.mutable_tasks();
      tasks->erase(std::remove(tasks->begin(), tasks->end(), t), tasks->end());
    }
    for (plan::Stream &stream : *program_.mutable_streams()) {
      const std::vector<int64_t> before(stream.tasks().begin(), stream.tasks().end());
      stream.clear_tasks();
      for (int64_t task : before) {
        if (task == other) stream.add_tasks(t);
        stream.add_tasks(task);
      }
    }
  }
  void dropAllAfter() {
    for (plan::Task &task : *program_.mutable_tasks()) task.clear_after();
  }

 private:
  plan::Entry &entry_;
  plan::Program &program_;
};

struct Broken {
  const char *name;
  const OverlappedCase &from;
  // Each rank is a class, and the change is of rank 0's program alone; else of the program that the ranks share.
  bool isOfOneRank;
  std::function<void(Surgeon &)> change;
  const char *message;
};

constexpr char kCycle[] = "requires a step without a cycle of waits";
constexpr char kShared[] = "requires registers that share bytes to be apart in time";

// By name: the case, what is changed, and what the loader says.
const Broken kBroken[] = {
    // One order of collectives on one rank, another on its peers.
    {"TwoCollectivesSwappedOnOneRank", kSplit, true,
     [](Surgeon &s) { s.swapTurns(s.transfers()[0], s.transfers()[1]); }, kCycle},
    {"TheLastTwoCollectivesSwappedOnOneRank", kSplit, true,
     [](Surgeon &s) { s.swapTurns(s.transfers().back(), *std::prev(s.transfers().end(), 2)); }, kCycle},
    {"TwoSlicesCollectivesSwappedOnOneRank", kSlices, true, [](Surgeon &s) { s.swapTurns(s.between(0), s.between(1)); },
     kCycle},
    {"ABucketAndAnotherCollectiveSwappedOnOneRank", kBuckets, true,
     [](Surgeon &s) { s.swapTurns(s.bucket(), s.transfers().front()); }, kCycle},
    {"TwoGathersSwappedOnOneRank", kPrefetch, true, [](Surgeon &s) { s.swapTurns(s.bringing(1), s.bringing(2)); },
     kCycle},
    {"CollectivesOfTwoAxesSwappedOnOneRank", kAll, true,
     [](Surgeon &s) { s.swapTurns(s.transfers().front(), s.transfers().back()); }, kCycle},
    {"AFirstCollectiveComesLastOnOneRank", kSequence, true,
     [](Surgeon &s) {
       const std::vector<int> all = s.transfers();
       for (size_t i = 0; i + 1 < all.size(); ++i) s.swapTurns(all[i], all[i + 1]);
     },
     kCycle},
    {"ACollectiveRunsTwiceOnOneRank", kSlices, true, [](Surgeon &s) { s.task(s.between()).set_repeat(2); },
     "requires as many turns on rank 1 as on rank 0"},
    {"ARankIsMissingFromAGroup", kBuckets, false,
     [](Surgeon &s) { s.collective(s.bucket()).mutable_groups(0)->mutable_ranks()->RemoveLast(); }, "requires"},
    // Who reads what is on its way goes before what it waits for.
    {"AReaderComesBeforeWhatATransferCarriesIsMade", kSplit, false,
     [](Surgeon &s) { s.moveBefore(s.readerOf(s.between(1)), s.makerOf(s.between(1))); }, kCycle},
    {"AReaderOfASliceComesBeforeItsTransfer", kSlices, false,
     [](Surgeon &s) { s.moveBefore(s.readerOf(s.between(2)), s.makerOf(s.between(2))); }, kCycle},
    {"AReaderOfABucketComesBeforeTheLastGradient", kBuckets, false,
     [](Surgeon &s) { s.moveBefore(s.readerOf(s.bucket()), s.makerOf(s.bucket())); }, kCycle},
    {"ATransferMovesToTheComputeStreamBehindItsReader", kSequence, false,
     [](Surgeon &s) {
       const int transfer = s.between(1), reader = s.readerOf(transfer);
       s.moveBefore(transfer, reader);
       s.swapTurns(transfer, reader);
     },
     kCycle},
    {"AMakerWaitsForItsTransfer", kSplit, false,
     [](Surgeon &s) { s.task(s.makerOf(s.between(1))).add_after(s.between(1)); }, kCycle},
    {"AGatherWaitsForItsReader", kPrefetch, false,
     [](Surgeon &s) { s.task(s.bringing(1)).add_after(s.readerOf(s.bringing(1))); }, kCycle},
    {"AHeldBackGatherMakesRoomForItself", kPrefetch, false,
     [](Surgeon &s) { s.moveBefore(s.readerOf(s.heldBack()), int(s.task(s.heldBack()).after(0))); }, kCycle},
    // Bytes that are shared too early, or without what orders their users.
    {"AGatherFillsBytesThatAreStillRead", kPrefetch, false,
     [](Surgeon &s) {
       s.held(s.task(s.bringing(2)).outputs(0)).set_offset(s.offsetOf(s.task(s.bringing(1)).outputs(0)));
     },
     kShared},
    {"TwoSlicesShareBytes", kSlices, false,
     [](Surgeon &s) {
       s.held(s.rootOf(s.task(s.between(1)).outputs(0))).set_offset(s.offsetOf(s.task(s.between(0)).outputs(0)));
     },
     kShared},
    {"TwoSegmentsOfABucketShareBytes", kBuckets, false,
     [](Surgeon &s) {
       s.held(s.rootOf(s.task(s.bucket()).outputs(1))).set_offset(s.offsetOf(s.task(s.bucket()).outputs(0)));
     },
     "requires"},
    {"ScratchTakesTheBytesOfATransferUnderWay", kSplit, false,
     [](Surgeon &s) {
       const int transfer = s.between(1), reader = s.readerOf(transfer);
       const int64_t carried = s.offsetOf(s.task(transfer).inputs(0));
       const auto &tasks = s.computes().tasks();
       const auto turn = std::find(tasks.begin(), tasks.end(), s.makerOf(transfer));
       ASSERT_NE(*(turn + 1), reader) << "nothing runs meanwhile";
       s.held(s.rootOf(s.task(int(*(turn + 1))).outputs(0))).set_offset(carried);
     },
     kShared},
    {"AReaderTakesWhatWasNotYetSummed", kSplit, false,
     [](Surgeon &s) {
       const int transfer = s.between(1);
       for (int64_t &read : *s.task(s.readerOf(transfer)).mutable_inputs())
         if (s.rootOf(read) == s.rootOf(s.task(transfer).outputs(0))) read = s.task(transfer).inputs(0);
     },
     kShared},
    // What a bucket carries and what its tasks say.
    {"ABucketsTaskLacksAnInput", kBuckets, false, [](Surgeon &s) { s.task(s.bucket()).mutable_inputs()->RemoveLast(); },
     "requires"},
    {"ABucketsInputsAreSwapped", kBuckets, false,
     [](Surgeon &s) { s.task(s.bucket()).mutable_inputs()->SwapElements(0, 1); }, "requires"},
    {"ABucketLosesASegment", kBuckets, false,
     [](Surgeon &s) { s.collective(s.bucket()).mutable_further()->RemoveLast(); }, "requires"},
    // Credits.
    {"ATransferRunsMoreOftenThanItsReader", kSequence, false,
     [](Surgeon &s) {
       s.task(s.between(1)).set_repeat(2);
       s.task(s.readerOf(s.between(1))).set_repeat(3);
     },
     "to run once or as often as register"},
    {"ATransferInALoopHasOneCopyForTwoTurns", kSlices, false,
     [](Surgeon &s) {
       s.task(s.between(1)).set_repeat(2);
       s.task(s.readerOf(s.between(1))).set_repeat(2);
     },
     "requires"},
};

class OverlappedPlan : public testing::Test {
 protected:
  // The plan of a case, compiled once.
  static const plan::Plan &planOf(const OverlappedCase &overlapped) {
    static std::map<std::string, plan::Plan> &plans = *new std::map<std::string, plan::Plan>();
    const auto known = plans.find(overlapped.str());
    if (known != plans.end()) return known->second;
    auto plan = compilePlan(overlapped);
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plans[overlapped.str()] = plan.ok() ? *std::move(plan) : plan::Plan();
  }

  static absl::Status load(plan::Plan plan) {
    const Registry registry = nullKernels(plan);
    plan.set_format_version(kPlanFormatVersion);
    return loadPlan(serializePlan(std::move(plan)), registry).status();
  }
};

class BrokenPlan : public OverlappedPlan, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenPlan, IsRefusedWithAReason) {
  plan::Plan plan = planOf(GetParam().from);
  if (GetParam().isOfOneRank) splitClasses(plan);
  ASSERT_TRUE(load(plan).ok()) << load(plan);
  const std::string before = plan.SerializeAsString();
  Surgeon surgeon(plan, 0);
  GetParam().change(surgeon);
  ASSERT_NE(plan.SerializeAsString(), before) << "nothing was broken";
  EXPECT_THAT(std::string(load(plan).message()), HasSubstr(GetParam().message));
}

// A broken plan that nobody has proved, run in a thousand orders: how many of them end in an error, and the first one.
std::pair<int, absl::Status> runBroken(plan::Plan plan, bool isOfOneRank,
                                       const std::function<void(Surgeon &)> &change) {
  if (isOfOneRank) splitClasses(plan);
  Surgeon surgeon(plan, 0);
  change(surgeon);
  const Registry registry = nullKernels(plan);
  const auto loaded = loadUnproved(plan, registry);
  if (!loaded.ok()) return {0, loaded.status()};
  const auto run = NullRun::create(*loaded, *loaded->findEntry("step"));
  if (!run.ok()) return {0, run.status()};
  std::pair<int, absl::Status> failures = {0, absl::OkStatus()};
  for (uint64_t seed = 0; seed < 1000; ++seed)
    if (absl::Status status = (*run)->run(seed, 1); !status.ok() && ++failures.first == 1) failures.second = status;
  return failures;
}

TEST_F(OverlappedPlan, DeadlocksWhereRanksDisagreeOnTheOrder) {
  const auto [failed, error] = runBroken(planOf(kSplit), /*isOfOneRank=*/true, kBroken[0].change);
  EXPECT_EQ(failed, 1000);
  EXPECT_THAT(std::string(error.message()), HasSubstr("who waits for whom"));
}

// Whether bytes are shared for which such edges alone make room depends on the schedule: of many plans some have them.
TEST_F(OverlappedPlan, NeedsThePlannedEdgesThatMakeRoom) {
  int needed = 0, met = 0;
  for (const char *family : {"gpt2", "llama"})
    for (const char *mesh : {"data=2", "data=2,model=2"})
      for (const char *link : {"data=10MB/s,10us", "data=100MB/s,10us", "data=1GB/s,1us"})
        for (const char *overlap : {"prefetch", "slice", "none"}) {
          const OverlappedCase from = {family, mesh, {"--overlap", overlap, "--zero", "3", "--link", link}};
          plan::Plan plan = planOf(from);
          Surgeon(plan, 0).dropAllAfter();
          const absl::Status status = load(plan);
          if (status.ok()) continue;
          EXPECT_THAT(std::string(status.message()), HasSubstr(kShared));
          ++needed;
          if (met > 0) continue;
          const auto [failed, error] =
              runBroken(planOf(from), /*isOfOneRank=*/false, [](Surgeon &s) { s.dropAllAfter(); });
          if (failed == 0) continue;
          EXPECT_THAT(std::string(error.message()), HasSubstr("got another order of events"));
          ++met;
        }
  EXPECT_GE(needed, 3);
  EXPECT_GE(met, 1) << "no run has met the bytes of another value";
}

INSTANTIATE_TEST_SUITE_P(All, BrokenPlan, testing::ValuesIn(kBroken), [](const auto &info) { return info.param.name; });

}  // namespace
}  // namespace cleave
