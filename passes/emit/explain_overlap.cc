#include "passes/emit/explain_overlap.h"

#include <algorithm>
#include <map>

#include "passes/cost/op_cost.h"

namespace cleave {
namespace {

using plan::Explanation;
using Causes = std::vector<Explanation::Exposure>;

constexpr char kNothingElse[] = "no independent work", kOrder[] = "order", kNoRoom[] = "memory cap",
               kCores[] = "own cores";

class OverlapExplainer {
 public:
  OverlapExplainer(const PlayedStep &step, ShardTable &table)
      : step_(step), table_(table), tasks_(step.predicted.tasks), first_(size_t(step.times.exposedDevice) * tasks_),
        unclaimed_(tasks_, 0), readers_(step.entry.program.registers.size()) {
    for (size_t t = 0; t < tasks_; ++t) {
      const EntryProgram::Task &task = step.entry.program.tasks[t];
      if (nodeOf(t).collective < 0) {
        computed_.push_back(t);
        unclaimed_[t] = spanOf(t).end - spanOf(t).start;
      }
      if (nodeOf(t).collective >= 0) taskOf_[nodeOf(t).collective] = t;
      for (int held : task.reads) readers_[step.entry.program.rootOf(held)].push_back(t);
    }
    std::vector<StepTimes::Wait> waits;
    for (const StepTimes::Wait &wait : step.times.waits)
      if (wait.device == step.times.exposedDevice) waits.push_back(wait);
    std::stable_sort(waits.begin(), waits.end(), [](const auto &a, const auto &b) { return a.from < b.from; });
    for (const StepTimes::Wait &wait : waits) explainWait(wait);
  }

  void explain(size_t t, Explanation::Collective &to) {
    const int c = nodeOf(t).collective;
    const StepTimes::Transfer &transfer = step_.times.collectives[c];
    const int64_t known = ++named_[nameOfTask(t)];
    to.set_name(nameOfTask(t) + (known > 1 ? "_" + std::to_string(known) : ""));
    to.set_seconds(step_.predicted.costs[first_ + t].seconds);
    to.set_begin(transfer.start);
    to.set_end(transfer.end);
    if (collectiveOf(t).wire > 0) addHiders(transfer, to);
    Causes &causes = causes_[c];
    std::stable_sort(causes.begin(), causes.end(),
                     [](const auto &a, const auto &b) { return a.seconds() > b.seconds(); });
    double exposed = 0;
    for (const Explanation::Exposure &cause : causes) {
      exposed += cause.seconds();
      *to.add_causes() = cause;
    }
    to.set_exposed(exposed);
  }

 private:
  const StepGraph::Task &nodeOf(size_t t) const { return step_.predicted.graph.tasks[first_ + t]; }
  const StepTimes::Span &spanOf(size_t t) const { return step_.times.tasks[first_ + t]; }
  const StepGraph::Collective &collectiveOf(size_t t) const {
    return step_.predicted.graph.collectives[nodeOf(t).collective];
  }
  std::string nameOfTask(size_t t) const { return nameOf(step_.entry.program.tasks[t].op); }

  void addHiders(const StepTimes::Transfer &transfer, Explanation::Collective &to) const {
    auto task = std::partition_point(computed_.begin(), computed_.end(),
                                     [&](size_t t) { return spanOf(t).end <= transfer.start; });
    for (; task != computed_.end() && spanOf(*task).start < transfer.end; ++task) {
      const double seconds = std::min(spanOf(*task).end, transfer.end) - std::max(spanOf(*task).start, transfer.start);
      if (seconds <= 0) continue;
      Explanation::Hider &hider = *to.add_hidden_by();
      hider.set_op(nameOfTask(*task));
      hider.set_kernel(kernelOf(step_.entry.program.tasks[*task].op));
      hider.set_seconds(seconds);
    }
  }

  // Of one cause the op and the waiter with which it was met first stay.
  void blame(const StepTimes::Wait &wait, const char *cause, double seconds, const std::string &op) {
    if (seconds <= 0) return;
    Causes &causes = causes_[wait.collective];
    auto known = std::find_if(causes.begin(), causes.end(), [&](const auto &held) { return held.cause() == cause; });
    if (known == causes.end()) {
      known = causes.insert(causes.end(), Explanation::Exposure());
      known->set_cause(cause);
      known->set_op(op);
      if (wait.waiter >= 0) known->set_waiter(nameOfTask(size_t(wait.waiter) - first_));
    }
    known->set_seconds(known->seconds() + seconds);
  }

  void explainWait(const StepTimes::Wait &wait) {
    const size_t t = taskOf_.at(wait.collective);
    const double begin = std::clamp(step_.times.collectives[wait.collective].start, wait.from, wait.to);
    blame(wait, kOrder, begin - wait.from, transferBefore(wait, begin));
    double left = wait.to - begin;
    if (collectiveOf(t).work >= collectiveOf(t).wire) return blame(wait, kCores, left, "");
    if (const double held = std::min(left, heldBack(t)); held > 0) {
      blame(wait, kNoRoom, held, nameOfTask(size_t(step_.times.causes[first_ + t]) - first_));
      left -= held;
    }
    left -= claimOthers(wait, begin, left);
    blame(wait, kNothingElse, left, "");
  }

  // What keeps the wait's links busy before `begin`.
  std::string transferBefore(const StepTimes::Wait &wait, double begin) const {
    const std::vector<int> &links = step_.predicted.graph.collectives[wait.collective].links;
    std::string name;
    double longest = 0;
    for (const auto &[c, t] : taskOf_) {
      const StepTimes::Transfer &other = step_.times.collectives[c];
      const double shared = std::min(begin, other.end) - std::max(wait.from, other.start);
      const bool sharesLink = llvm::any_of(step_.predicted.graph.collectives[c].links,
                                           [&](int link) { return llvm::is_contained(links, link); });
      if (c == wait.collective || !sharesLink || shared <= longest) continue;
      longest = shared;
      name = nameOfTask(t);
    }
    return name;
  }

  // For how long a transfer waits behind the tasks that make room for it, and for nothing else.
  double heldBack(size_t t) const {
    const auto &rooms = step_.entry.program.tasks[t].after;
    const auto makesRoom = [&](int before) {
      return llvm::is_contained(rooms, before - int(first_)) &&
             step_.predicted.graph.tasks[before].stream != nodeOf(t).stream;
    };
    if (!makesRoom(step_.times.causes[first_ + t])) return 0;
    double ready = 0;
    for (int before : nodeOf(t).after)
      if (!makesRoom(before)) ready = std::max(ready, step_.times.tasks[before].end);
    for (size_t other = 0; other < t; ++other)
      if (nodeOf(other).collective >= 0 && nodeOf(other).stream == nodeOf(t).stream)
        ready = std::max(ready, step_.times.collectives[nodeOf(other).collective].arrived + collectiveOf(other).work);
    return std::max(0.0, spanOf(t).start - ready);
  }

  // Blames what could be computed from `begin` on but has a later turn, each task once; gives the seconds that this
  // explains, at most `most`.
  double claimOthers(const StepTimes::Wait &wait, double begin, double most) {
    if (wait.waiter < 0 || most <= 0) return 0;
    const size_t waiter = size_t(wait.waiter) - first_;
    llvm::DenseSet<size_t> free;
    double explained = 0;
    for (auto task = llvm::lower_bound(computed_, waiter); task != computed_.end() && explained < most; ++task) {
      if (!canRun(*task, waiter, begin, free)) continue;
      free.insert(*task);
      const double seconds = std::min(unclaimed_[*task], most - explained);
      unclaimed_[*task] -= seconds;
      explained += seconds;
      blame(wait, step_.isOrdered && needsRoom(*task) ? kNoRoom : kOrder, seconds, nameOfTask(*task));
    }
    return explained;
  }

  // Whether a task needs nothing but what is over, or could run itself, and replaces nothing that is still read.
  bool canRun(size_t t, size_t waiter, double now, const llvm::DenseSet<size_t> &free) const {
    for (int before : nodeOf(t).after) {
      const size_t other = size_t(before) - first_;
      if (step_.times.tasks[before].end > now && !free.contains(other) && !onlyHolds(other, t)) return false;
    }
    const EntryProgram &program = step_.entry.program;
    for (int held : program.tasks[t].writes)
      if (const int root = program.rootOf(held); program.registers[root].variable >= 0)
        if (const auto next = llvm::lower_bound(readers_[root], waiter); next != readers_[root].end() && *next < t)
          return false;
    return true;
  }

  // Whether a task waits for another one only because that holds the stream until it is over.
  bool onlyHolds(size_t before, size_t t) const {
    const auto &tasks = step_.entry.program.tasks;
    const auto reads = [&](int held) {
      const int root = step_.entry.program.rootOf(held);
      return llvm::any_of(tasks[t].reads, [&](int read) { return step_.entry.program.rootOf(read) == root; });
    };
    return nodeOf(before).collective >= 0 && nodeOf(before).stream == nodeOf(t).stream &&
           llvm::is_contained(tasks[t].after, int(before)) && llvm::none_of(tasks[before].writes, reads);
  }

  // Whether more is held when a task has run.
  bool needsRoom(size_t t) const {
    const EntryProgram &program = step_.entry.program;
    const auto bytesOf = [&](int root) { return table_.mostBytes(program.registers[root].value.getType()); };
    int64_t growth = 0;
    for (int held : program.tasks[t].writes)
      if (program.registers[held].variable < 0) growth += bytesOf(program.rootOf(held));
    for (int held : program.tasks[t].reads) {
      const int root = program.rootOf(held);
      if (program.registers[root].variable < 0 && readers_[root].back() == t) growth -= bytesOf(root);
    }
    return growth > kNegligible;
  }

  const PlayedStep &step_;
  ShardTable &table_;
  const size_t tasks_, first_;                // of a device, and of the one that is explained
  std::vector<size_t> computed_;              // tasks, in order
  std::vector<double> unclaimed_;             // by task: of its seconds, those that explain nothing yet
  std::vector<std::vector<size_t>> readers_;  // by register that is no view: tasks, in order
  std::map<int, size_t> taskOf_;              // by collective of the graph
  std::map<int, Causes> causes_;              // the same
  std::map<std::string, int64_t> named_;      // by name: how many
};

}  // namespace

void explainOverlap(const PlayedStep &step, ShardTable &table, Explanation &to) {
  OverlapExplainer explainer(step, table);
  int next = 0;
  for (size_t t = 0; t < step.predicted.tasks; ++t)
    if (step.entry.collectiveOf[t] >= 0 &&
        groupSize(mlir::cast<CollectiveOpInterface>(step.entry.program.tasks[t].op)) > 1)
      explainer.explain(t, *to.mutable_collectives(next++));
}

}  // namespace cleave
