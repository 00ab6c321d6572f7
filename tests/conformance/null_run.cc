#include "tests/conformance/null_run.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actors/scheduler.h"
#include "runtime/plan/check_plan.h"
#include "runtime/plan/convert_plan.h"

namespace cleave {
namespace {

constexpr int64_t kDeadlineNanos = 1'000'000'000;
constexpr int kMostNanos = 4000;  // that a task or a transfer takes

absl::Status checkNothing(const KernelCall &) { return absl::OkStatus(); }
absl::Status doNothing(const KernelCall &, KernelContext &) { return absl::OkStatus(); }

}  // namespace

// Who has which bytes of each rank, event by event.
class Ledger final : public TaskObserver {
 public:
  Ledger(const LoadedPlan &plan, const program::Entry &entry, ManualClock &clock)
      : plan_(plan), model_(makeScheduleModel(plan, entry)), clock_(clock) {
    for (const ScheduleModel::Program &program : model_.programs) {
      roots_.push_back(rootsOf(program));
      neighbours_.push_back(neighboursOf(program, roots_.back()));
      tasks_.emplace_back(model_.collectives.size(), -1);
      for (size_t t = 0; t < program.tasks.size(); ++t)
        if (program.tasks[t].collective >= 0) tasks_.back()[program.tasks[t].collective] = int(t);
    }
  }

  // Before a run: only what the host has filled is there.
  void reset(uint64_t seed) {
    random_.seed(seed);
    error_ = absl::OkStatus();
    ranks_.assign(plan_.ranks(), {});
    for (int rank = 0; rank < plan_.ranks(); ++rank) {
      const ScheduleModel::Program &program = programOf(rank);
      for (const ScheduleModel::Value &value : program.values)
        ranks_[rank].values.push_back({value.isInput || value.variable >= 0, 0, 0});
    }
  }

  const absl::Status &error() const { return error_; }
  int64_t drawNanos() { return int64_t(random_() % kMostNanos); }

  // A collective begins: its bytes are moved between now and its end; what links carry is there for others from a point
  // in time behind it.
  void onStart(int collective, int rank) {
    const int task = taskOf(collective, rank);
    checkReads(rank, task);
    for (const auto *list : {&taskAt(rank, task).reads, &taskAt(rank, task).writes})
      for (int value : *list) ++stateOf(rank, value).carriers;
    for (int value : taskAt(rank, task).writes) take(rank, task, value);
  }

  void onEnd(int collective, int rank, int64_t endNanos) {
    const int task = taskOf(collective, rank);
    for (const auto *list : {&taskAt(rank, task).reads, &taskAt(rank, task).writes})
      for (int value : *list) --stateOf(rank, value).carriers;
    for (int value : taskAt(rank, task).writes) {
      stateOf(rank, value).isThere = true;
      stateOf(rank, value).fromNanos = endNanos;
    }
  }

  void onTask(const TaskLabel &label, absl::Span<const TensorView>, absl::Span<const TensorView>) final {
    if (taskAt(label.rank, label.order).collective >= 0) return;
    checkReads(label.rank, label.order);
    for (int value : taskAt(label.rank, label.order).writes) {
      take(label.rank, label.order, value);
      stateOf(label.rank, value).isThere = true;
    }
    clock_.advance(drawNanos());
  }

 private:
  struct State {
    bool isThere = false;
    int64_t fromNanos = 0;  // for those who read it
    int carriers = 0;       // collectives that are moving it
  };
  struct Rank {
    std::vector<State> values;
  };

  const ScheduleModel::Program &programOf(int rank) const { return model_.programs[plan_.members[rank].rankClass]; }
  const ScheduleModel::Task &taskAt(int rank, int task) const { return programOf(rank).tasks[task]; }
  int rootOf(int rank, int value) const { return roots_[plan_.members[rank].rankClass][value]; }
  State &stateOf(int rank, int value) { return ranks_[rank].values[rootOf(rank, value)]; }

  int taskOf(int collective, int rank) const { return tasks_[plan_.members[rank].rankClass][collective]; }

  // By register: the others that have some of its bytes.
  static std::vector<std::vector<int>> neighboursOf(const ScheduleModel::Program &program,
                                                    const std::vector<int> &roots) {
    std::vector<std::vector<int>> neighbours(program.values.size());
    for (size_t a = 0; a < neighbours.size(); ++a)
      for (size_t b = 0; b < neighbours.size(); ++b) {
        const auto &one = program.values[a], &other = program.values[b];
        if (a == b || roots[a] != int(a) || roots[b] != int(b)) continue;
        if (one.offset < other.offset + other.bytes && other.offset < one.offset + one.bytes)
          neighbours[a].push_back(int(b));
      }
    return neighbours;
  }

  void checkReads(int rank, int task) {
    for (int value : taskAt(rank, task).reads) {
      const bool isEmpty = programOf(rank).values[rootOf(rank, value)].bytes == 0;
      const State &state = stateOf(rank, value);
      if (!isEmpty && (!state.isThere || state.fromNanos > clock_.nanos())) fail(rank, task, value, "to be there");
    }
  }

  // The task writes the value over what else has its bytes.
  void take(int rank, int task, int value) {
    const int root = rootOf(rank, value);
    checkFree(rank, task, root);
    ranks_[rank].values[root].fromNanos = 0;
    for (int other : neighbours_[plan_.members[rank].rankClass][root]) {
      checkFree(rank, task, other);
      ranks_[rank].values[other].isThere = false;
    }
  }

  // Nobody but the task itself may be moving the value.
  void checkFree(int rank, int task, int root) {
    const auto own = [&](const std::vector<int> &values) {
      return std::count_if(values.begin(), values.end(), [&](int value) { return rootOf(rank, value) == root; });
    };
    const ScheduleModel::Task &by = taskAt(rank, task);
    const int64_t ownMoves = by.collective >= 0 ? own(by.reads) + own(by.writes) : 0;
    if (ranks_[rank].values[root].carriers > ownMoves) fail(rank, task, root, "not to be on its way");
  }

  void fail(int rank, int task, int value, const char *rule) {
    if (!error_.ok()) return;
    error_ = absl::FailedPreconditionError(absl::StrCat("op '", taskAt(rank, task).op, "' of rank ", rank,
                                                        " requires '", programOf(rank).values[value].name, "' ", rule,
                                                        ", got another order of events"));
  }

  const LoadedPlan &plan_;
  const ScheduleModel model_;
  ManualClock &clock_;
  std::vector<std::vector<int>> roots_;                    // by class
  std::vector<std::vector<std::vector<int>>> neighbours_;  // by class, register
  std::vector<std::vector<int>> tasks_;                    // by class, collective
  std::vector<Rank> ranks_;
  std::mt19937_64 random_;
  absl::Status error_;
};

// Members hear that they may work when all have come, and that all is over when all have worked; a link carries the
// rest for a while.
class NullCommunicator final : public Communicator {
 public:
  NullCommunicator(const std::vector<CollectiveSpec> &specs, Ledger &ledger, ManualClock &clock)
      : specs_(specs), ledger_(ledger), clock_(clock) {
    reset();
  }

  void start(const CollectiveCall &call) final {
    ledger_.onStart(call.collective, call.rank);
    Meeting &meeting = meetingOf(call.collective, call.rank);
    meeting.members.push_back(call);
    if (meeting.members.size() < meeting.size) return;
    for (const CollectiveCall &member : meeting.members)
      member.listener->onCollective(CollectiveListener::Event::kShare, {});
  }

  void work(int collective, int rank) final {
    Meeting &meeting = meetingOf(collective, rank);
    if (++meeting.worked < meeting.size) return;
    const int64_t now = clock_.nanos(), end = now + ledger_.drawNanos();
    const std::vector<CollectiveCall> members = std::move(meeting.members);
    meeting = {{}, meeting.size, 0};
    for (const CollectiveCall &member : members) {
      ledger_.onEnd(collective, member.rank, end);
      member.listener->onCollective(CollectiveListener::Event::kDone, {now, now, end});
    }
  }

  void abort() final {
    for (auto &groups : meetings_)
      for (Meeting &meeting : groups)
        for (const CollectiveCall &member : meeting.members)
          member.listener->onCollective(CollectiveListener::Event::kFailed, {});
  }

  void reset() final {
    meetings_.clear();
    for (const CollectiveSpec &spec : specs_) {
      auto &groups = meetings_.emplace_back();
      for (const CollectiveSpec::Group &group : spec.groups) groups.push_back({{}, group.ranks.size(), 0});
    }
  }

  std::vector<int> awaited(int, int) const final { return {}; }

 private:
  struct Meeting {
    std::vector<CollectiveCall> members;
    size_t size = 0, worked = 0;
  };

  Meeting &meetingOf(int collective, int rank) {
    const auto &groups = specs_[collective].groups;
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const CollectiveSpec::Group &held) {
      return std::find(held.ranks.begin(), held.ranks.end(), rank) != held.ranks.end();
    });
    return meetings_[collective][group - groups.begin()];
  }

  const std::vector<CollectiveSpec> &specs_;
  Ledger &ledger_;
  ManualClock &clock_;
  std::vector<std::vector<Meeting>> meetings_;  // by collective, then group
};

Registry nullKernels(const plan::Plan &plan) {
  Registry registry;
  for (const plan::Entry &entry : plan.entries())
    for (const plan::Program &program : entry.programs())
      for (const plan::Task &task : program.tasks())
        if (task.kernel() != "collective" && !registry.knows(task.kernel()))
          registry.add("null", task.kernel(), {checkNothing, doNothing});
  return registry;
}

absl::StatusOr<LoadedPlan> loadUnproved(const plan::Plan &plan, const Registry &registry) {
  absl::StatusOr<LoadedPlan> loaded = convertPlan(plan);
  if (!loaded.ok()) return loaded;
  if (absl::Status status = checkPlan(*loaded); !status.ok()) return status;
  if (absl::Status status = findKernels(registry, *loaded); !status.ok()) return status;
  return loaded;
}

NullRun::NullRun() = default;
NullRun::~NullRun() = default;

absl::StatusOr<std::unique_ptr<NullRun>> NullRun::create(const LoadedPlan &plan, const program::Entry &entry) {
  std::unique_ptr<NullRun> run(new NullRun());
  auto site = KernelSite::create(/*threads=*/1, /*spinNanos=*/0);
  if (!site.ok()) return site.status();
  run->site_ = *std::move(site);
  size_t streams = 1;
  for (const program::Program &program : entry.programs) streams = std::max(streams, program.streams.size());
  run->ranks_.assign(plan.ranks(), {nullptr, std::vector<KernelContext *>(streams, &run->site_->context())});
  run->ledger_ = std::make_unique<Ledger>(plan, entry, run->clock_);
  run->communicator_ = std::make_unique<NullCommunicator>(entry.collectives, *run->ledger_, run->clock_);
  const GraphSites sites{plan,        entry, {0, plan.ranks()}, run->ranks_, *run->communicator_, run->ledger_.get(),
                         run->labels_};
  if (absl::Status status = buildGraph(sites, int(streams), run->graph_); !status.ok()) return status;
  return run;
}

absl::Status NullRun::run(uint64_t seed, int times) {
  SchedulerOptions options;
  options.deadlineNanos = kDeadlineNanos;
  options.clock = &clock_;
  const auto scheduler = makeDeterministicScheduler(seed, options);
  for (int time = 0; time < times; ++time) {
    ledger_->reset(seed + uint64_t(time));
    absl::Status status = scheduler->run(graph_, /*steps=*/1);
    if (!status.ok()) {
      communicator_->reset();
      graph_.reset();
      return status;
    }
    if (!ledger_->error().ok()) return ledger_->error();
  }
  return absl::OkStatus();
}

}  // namespace cleave
