#include "runtime/plan/unfold.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

using Program = ScheduleModel::Program;
using Reason = Unfolding::Reason;

constexpr int64_t kMaxTurns = int64_t{1} << 22;

// Calls visit(task, turn) in the order in which a list of tasks runs.
template <typename Visit>
void runList(const Program &program, const std::vector<int> &list, Visit visit) {
  for (size_t begin = 0; begin < list.size();) {
    const int64_t repeat = program.tasks[list[begin]].repeat;
    size_t end = begin + 1;
    while (repeat > 1 && end < list.size() && program.tasks[list[end]].repeat == repeat) ++end;
    for (int64_t turn = 0; turn < repeat; ++turn)
      for (size_t t = begin; t < end; ++t) visit(list[t], turn);
    begin = end;
  }
}

class Unfolder {
 public:
  explicit Unfolder(const Program &program) : program_(program), roots_(rootsOf(program)) {}

  absl::StatusOr<Unfolding> run() {
    if (absl::Status status = countTurns(); !status.ok()) return status;
    if (absl::Status status = countUses(); !status.ok()) return status;
    makeNodes();
    for (size_t n = 0; n < out_.nodes.size(); ++n) addAccesses(static_cast<int>(n));
    addReadersOfSingleWriters();
    addAfter();
    keepLatestEdges();
    return std::move(out_);
  }

 private:
  struct Access {
    int node;
    int64_t begin, end;
  };
  struct History {
    std::vector<Access> writers, readers;
  };

  absl::Status countTurns() {
    int64_t turns = 0;
    for (const auto &task : program_.tasks) {
      if (task.repeat < 1 || task.repeat > kMaxTurns || (turns += task.repeat) > kMaxTurns)
        return absl::InvalidArgumentError(absl::StrCat("op '", task.op, "' requires a step of at most ", kMaxTurns,
                                                       " turns of tasks, got a repeat count of ", task.repeat));
    }
    return absl::OkStatus();
  }

  absl::Status countUses() {
    const auto &values = program_.values;
    out_.uses.assign(values.size(), 1);
    writers_.assign(values.size(), 0);
    onlyWriter_.assign(values.size(), -1);
    for (size_t t = 0; t < program_.tasks.size(); ++t)
      for (int value : program_.tasks[t].writes) {
        const int root = roots_[value];
        if (onlyWriter_[root] != static_cast<int>(t)) ++writers_[root];
        onlyWriter_[root] = static_cast<int>(t);
        out_.uses[root] = std::max(out_.uses[root], program_.tasks[t].repeat);
      }
    for (const auto &task : program_.tasks)
      for (const auto *list : {&task.reads, &task.writes})
        for (int value : *list) {
          const int64_t uses = out_.uses[roots_[value]];
          const bool fits = task.repeat == uses || task.repeat == 1 || (uses == 1 && list == &task.reads);
          if (!fits)
            return absl::InvalidArgumentError(
                absl::StrCat("op '", task.op, "' requires to run once or as often as register '", values[value].name,
                             "' is written (", uses, "), got a repeat count of ", task.repeat));
        }
    for (size_t v = 0; v < values.size(); ++v) out_.uses[v] = out_.uses[roots_[v]];
    return absl::OkStatus();
  }

  void makeNodes() {
    std::vector<int> all(program_.tasks.size());
    for (size_t t = 0; t < all.size(); ++t) all[t] = static_cast<int>(t);
    std::vector<std::vector<int>> nodesOf(all.size());
    runList(program_, all, [&](int task, int64_t turn) {
      nodesOf[task].push_back(static_cast<int>(out_.nodes.size()));
      out_.nodes.push_back({task, turn, program_.tasks[task].stream, 0});
    });
    out_.streams.resize(program_.streams.size());
    for (size_t s = 0; s < program_.streams.size(); ++s)
      runList(program_, program_.streams[s], [&](int task, int64_t turn) {
        const int node = nodesOf[task][turn];
        out_.nodes[node].position = static_cast<int>(out_.streams[s].size());
        out_.streams[s].push_back(node);
      });
    nodesOf_ = std::move(nodesOf);
  }

  // Whether readers wait for the one writer wherever they stand in the list.
  bool isPlain(int root) const {
    return program_.values[root].variable < 0 && !program_.values[root].isInput && writers_[root] == 1 &&
           out_.uses[root] == 1;
  }

  Access accessOf(int node, int value) const {
    const auto &v = program_.values[value];
    const auto &root = program_.values[roots_[value]];
    const int64_t copy = out_.useOf(program_, node, value) % root.count * root.copyBytes;
    return {node, v.offset + copy, v.offset + copy + v.bytes};
  }

  static bool overlap(const Access &a, const Access &b) { return a.begin < b.end && b.begin < a.end; }

  void addEdge(int from, int to, Reason reason, int value) {
    if (from != to) out_.edges.push_back({from, to, reason, value});
  }

  bool isCollective(int node) const { return program_.tasks[out_.nodes[node].task].collective >= 0; }

  // A later access of the same stream to the same bytes stands for the earlier one, but for what a link carries.
  void note(std::vector<Access> &list, const Access &access) {
    for (Access &held : list)
      if (held.begin == access.begin && held.end == access.end && !isCollective(held.node) &&
          out_.nodes[held.node].stream == out_.nodes[access.node].stream) {
        held = access;
        return;
      }
    list.push_back(access);
  }

  void addAccesses(int node) {
    const auto &task = program_.tasks[out_.nodes[node].task];
    for (int value : task.reads) {
      const int root = roots_[value];
      if (isPlain(root)) continue;
      History &history = history_[root];
      const Access access = accessOf(node, value);
      for (const Access &writer : history.writers)
        if (overlap(writer, access)) addEdge(writer.node, node, Reason::kFilled, root);
      note(history.readers, access);
    }
    for (int value : task.writes) {
      const int root = roots_[value];
      if (isPlain(root)) continue;
      History &history = history_[root];
      const Access access = accessOf(node, value);
      for (auto *list : {&history.readers, &history.writers})
        for (const Access &earlier : *list)
          if (overlap(earlier, access)) addEdge(earlier.node, node, Reason::kFreed, root);
      note(history.writers, access);
    }
  }

  void addReadersOfSingleWriters() {
    for (size_t n = 0; n < out_.nodes.size(); ++n)
      for (int value : program_.tasks[out_.nodes[n].task].reads) {
        const int root = roots_[value];
        if (isPlain(root)) addEdge(nodesOf_[onlyWriter_[root]][0], static_cast<int>(n), Reason::kFilled, root);
      }
  }

  void addAfter() {
    for (size_t t = 0; t < program_.tasks.size(); ++t)
      for (int earlier : program_.tasks[t].after) {
        const int64_t repeat = program_.tasks[t].repeat, before = program_.tasks[earlier].repeat;
        for (int64_t turn = 0; turn < repeat; ++turn)
          addEdge(nodesOf_[earlier][before == repeat ? turn : before - 1], nodesOf_[t][turn], Reason::kAfter, -1);
      }
  }

  void keepLatestEdges() {
    const auto positionOf = [&](int node) { return out_.nodes[node].position; };
    std::map<std::pair<int, int>, Unfolding::Edge> latest;      // by receiver and source stream
    std::map<std::pair<int, int>, Unfolding::Edge> collective;  // by receiver and source
    for (const auto &edge : out_.edges) {
      const auto &from = out_.nodes[edge.from], &to = out_.nodes[edge.to];
      if (isCollective(edge.from)) {
        collective.insert({{edge.to, edge.from}, edge});
        continue;
      }
      if (from.stream == to.stream && from.position < to.position) continue;  // the stream's order says so
      const auto [held, isNew] = latest.insert({{edge.to, from.stream}, edge});
      if (!isNew && positionOf(held->second.from) < from.position) held->second = edge;
    }
    out_.edges.clear();
    for (const auto *kept : {&latest, &collective})
      for (const auto &[key, edge] : *kept) out_.edges.push_back(edge);
    std::stable_sort(out_.edges.begin(), out_.edges.end(), [](const auto &a, const auto &b) { return a.to < b.to; });
  }

  const Program &program_;
  const std::vector<int> roots_;
  Unfolding out_;
  std::vector<int> writers_, onlyWriter_;  // by register
  std::vector<std::vector<int>> nodesOf_;  // by task, then turn
  std::map<int, History> history_;         // by register
};

}  // namespace

std::vector<int> rootsOf(const Program &program) {
  std::map<int, int> firstOf;  // by variable
  std::vector<int> roots(program.values.size());
  for (size_t v = 0; v < roots.size(); ++v) {
    const auto &value = program.values[v];
    roots[v] = static_cast<int>(v);
    if (value.viewOf < 0 && value.variable >= 0) roots[v] = firstOf.insert({value.variable, roots[v]}).first->second;
  }
  for (size_t v = 0; v < roots.size(); ++v)
    if (program.values[v].viewOf >= 0) roots[v] = roots[program.values[v].viewOf];
  return roots;
}

int64_t Unfolding::useOf(const ScheduleModel::Program &program, int node, int value) const {
  const int64_t used = uses[value];
  if (used == 1) return 0;
  return program.tasks[nodes[node].task].repeat == used ? nodes[node].turn : used - 1;
}

absl::StatusOr<Unfolding> unfold(const ScheduleModel::Program &program) { return Unfolder(program).run(); }

}  // namespace cleave
