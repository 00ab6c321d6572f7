#include "passes/cost/predict_step.h"

#include <map>
#include <numeric>

#include "passes/cost/op_cost.h"

namespace cleave {
namespace {

// Which classes meet along some axes: for each class the least one that it meets, perhaps through others.
std::vector<int> meetingsOf(llvm::ArrayRef<int64_t> axes, llvm::ArrayRef<int> classOf, size_t classes,
                            const ShardTable &table) {
  std::vector<int> root(classes);
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](int c) {
    while (root[c] != c) c = root[c];
    return c;
  };
  for (size_t rank = 0; rank < table.ranks(); ++rank) {
    // The rank of the same group whose coordinates along the axes are 0.
    int64_t first = 0;
    for (auto [axis, coordinate] : llvm::enumerate(table.coordinatesOf(rank)))
      first = first * table.mesh().getSizes()[axis] + (llvm::is_contained(axes, int64_t(axis)) ? 0 : coordinate);
    const int a = find(classOf[rank]), b = find(classOf[first]);
    root[std::max(a, b)] = std::min(a, b);
  }
  for (size_t c = 0; c < classes; ++c) root[c] = find(int(c));
  return root;
}

class Predictor {
 public:
  Predictor(const ScheduledEntry &entry, const RankClasses &classes, ShardTable &table, const Machine &machine)
      : entry_(entry), classes_(classes), table_(table), machine_(machine), classOf_(table.ranks(), 0) {
    for (auto [c, ranks] : llvm::enumerate(classes))
      for (int64_t rank : ranks) classOf_[rank] = int(c);
    out_.tasks = entry.program.tasks.size();
    out_.graph.computeStream = kCompute;
    out_.graph.tasks.resize(out_.tasks * classes.size());
    out_.costs.resize(out_.graph.tasks.size());
  }

  PredictedStep run() {
    for (size_t t = 0; t < out_.tasks; ++t) {
      const Dependencies needs = dependencies(entry_.program.tasks[t], int(t));
      needs_.push_back(needs.data);
      for (size_t c = 0; c < classes_.size(); ++c) {
        StepGraph::Task &task = out_.graph.tasks[c * out_.tasks + t];
        task.device = int(c);
        task.stream = entry_.program.tasks[t].stream;
        for (int before : needs.all) task.after.push_back(int(c * out_.tasks) + before);
      }
      entry_.collectiveOf[t] < 0 ? addWork(t) : addTransfer(t);
    }
    out_.unordered = out_.graph;
    for (size_t at = 0; at < out_.unordered.tasks.size(); ++at) {
      std::vector<int> &after = out_.unordered.tasks[at].after;
      after.clear();
      for (int before : needs_[at % out_.tasks]) after.push_back(int(at - at % out_.tasks) + before);
    }
    return std::move(out_);
  }

 private:
  // Tasks that one waits for.
  struct Dependencies {
    std::vector<int> all;
    std::vector<int> data;  // in any order of the ops
  };

  // Tasks that wrote what this one reads, and that read what this one writes over; the latter are known by stream order
  // where they are in the same stream.
  Dependencies dependencies(const EntryProgram::Task &task, int index) {
    Dependencies needs;
    const auto add = [](std::vector<int> &to, int before) {
      if (before >= 0 && !llvm::is_contained(to, before)) to.push_back(before);
    };
    for (int before : task.after) add(needs.all, before);
    for (int held : task.reads) {
      const int writer = lookUp(writers_, entry_.program.rootOf(held));
      add(needs.all, writer);
      add(needs.data, writer);
    }
    for (int held : task.writes) {
      const int root = entry_.program.rootOf(held);
      for (int reader : readers_[root]) {
        if (entry_.program.tasks[reader].stream != task.stream) add(needs.all, reader);
        if (entry_.program.registers[root].variable >= 0) add(needs.data, reader);
      }
      readers_[root].clear();
      writers_[root] = index;
    }
    for (int held : task.reads) readers_[entry_.program.rootOf(held)].push_back(index);
    return needs;
  }

  static int lookUp(const llvm::DenseMap<int, int> &map, int key) {
    const auto known = map.find(key);
    return known == map.end() ? -1 : known->second;
  }

  void addWork(size_t t) {
    for (size_t c = 0; c < classes_.size(); ++c) {
      const size_t at = c * out_.tasks + t;
      out_.costs[at].work = workOf(entry_.program.tasks[t].op, size_t(classes_[c].front()), table_);
      out_.costs[at].seconds = out_.graph.tasks[at].seconds = machine_.seconds(out_.costs[at].work);
    }
  }

  void addTransfer(size_t t) {
    mlir::Operation *op = entry_.program.tasks[t].op;
    const auto axes = mlir::cast<CollectiveOpInterface>(op).alongAxes();
    const TransferCost cost = transferCost(op, table_, machine_);
    const double sent = sentBytes(op, table_);
    const std::vector<int> &meetings = meetingsAlong(axes);
    std::map<int, int> madeFor;  // by the first class of those that meet
    for (size_t c = 0; c < classes_.size(); ++c) {
      const auto [known, isNew] = madeFor.try_emplace(meetings[c], int(out_.graph.collectives.size()));
      if (isNew) out_.graph.collectives.push_back({cost.work, cost.wire, {}});
      StepGraph::Collective &collective = out_.graph.collectives[known->second];
      for (int64_t axis : axes)
        // One for each line of ranks along the axis; lines whose ranks are of the same classes are one.
        if (const int link = int(axis * int64_t(classes_.size())) + meetingsAlong(axis)[c];
            cost.wire > 0 && !llvm::is_contained(collective.links, link))
          collective.links.push_back(link);
      const size_t at = c * out_.tasks + t;
      out_.graph.tasks[at].collective = known->second;
      out_.costs[at].work.bytes = sent;
      out_.costs[at].seconds = cost.seconds();
    }
  }

  const std::vector<int> &meetingsAlong(llvm::ArrayRef<int64_t> axes) {
    const auto [known, isNew] = meetings_.try_emplace(axes.vec());
    if (isNew) known->second = meetingsOf(axes, classOf_, classes_.size(), table_);
    return known->second;
  }

  const ScheduledEntry &entry_;
  const RankClasses &classes_;
  ShardTable &table_;
  const Machine &machine_;
  std::vector<int> classOf_;                                   // by rank
  std::map<std::vector<int64_t>, std::vector<int>> meetings_;  // by axes: see meetingsOf
  llvm::DenseMap<int, int> writers_;                           // by register: the last task that wrote it
  llvm::DenseMap<int, std::vector<int>> readers_;              // by register: those that read it since
  std::vector<std::vector<int>> needs_;                        // by task of a device: see Dependencies::data
  PredictedStep out_;
};

}  // namespace

PredictedStep predictStep(const ScheduledEntry &entry, const RankClasses &classes, ShardTable &table,
                          const Machine &machine) {
  return Predictor(entry, classes, table, machine).run();
}

}  // namespace cleave
