#include "runtime/plan/prove_liveness.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/plan/unfold.h"

namespace cleave {
namespace {

// The turns of all tasks of all ranks; those of a collective's group are one.
class StepGraph {
 public:
  explicit StepGraph(const ScheduleModel &model) : model_(model) {}

  absl::Status build() {
    unfoldings_.reserve(model_.programs.size());
    for (const auto &program : model_.programs) {
      absl::StatusOr<Unfolding> unfolding = unfold(program);
      if (!unfolding.ok()) return unfolding.status();
      unfoldings_.push_back(*std::move(unfolding));
    }
    placeRanks();
    if (absl::Status status = mergeCollectives(); !status.ok()) return status;
    countWaits();
    return absl::OkStatus();
  }

  absl::Status findCycle() {
    std::vector<int> ready;
    for (size_t n = 0; n < waits_.size(); ++n)
      if (merged_[n] == static_cast<int>(n) && waits_[n] == 0) ready.push_back(static_cast<int>(n));
    int64_t done = 0;
    while (!ready.empty()) {
      const int node = ready.back();
      ready.pop_back();
      ++done;
      for (int next : successors_[node])
        if (--waits_[next] == 0) ready.push_back(next);
    }
    if (done == distinct_) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("requires a step without a cycle of waits, got ", describeCycle()));
  }

 private:
  struct Place {
    int rank = 0, program = 0;
  };

  void placeRanks() {
    for (size_t p = 0; p < model_.programs.size(); ++p)
      for (int rank : model_.programs[p].ranks) {
        if (rank >= static_cast<int>(firstNode_.size())) {
          firstNode_.resize(rank + 1, -1);
          programOf_.resize(rank + 1, -1);
        }
        firstNode_[rank] = static_cast<int>(places_.size());
        programOf_[rank] = static_cast<int>(p);
        places_.resize(places_.size() + unfoldings_[p].nodes.size(), {rank, static_cast<int>(p)});
      }
    merged_.resize(places_.size());
    for (size_t n = 0; n < merged_.size(); ++n) merged_[n] = static_cast<int>(n);
    distinct_ = static_cast<int64_t>(merged_.size());
  }

  // The turns of collective `c` on a rank, in order.
  std::vector<int> turnsOf(int c, int rank) const {
    std::vector<int> turns;
    if (rank < 0 || rank >= static_cast<int>(programOf_.size()) || programOf_[rank] < 0) return turns;
    for (int node : collectiveNodes_[programOf_[rank]][c]) turns.push_back(firstNode_[rank] + node);
    return turns;
  }

  absl::Status mergeCollectives() {
    collectiveNodes_.resize(model_.programs.size());
    for (size_t p = 0; p < model_.programs.size(); ++p) {
      collectiveNodes_[p].resize(model_.collectives.size());
      for (size_t n = 0; n < unfoldings_[p].nodes.size(); ++n)
        if (const int c = model_.programs[p].tasks[unfoldings_[p].nodes[n].task].collective; c >= 0)
          collectiveNodes_[p][c].push_back(static_cast<int>(n));
    }
    for (size_t c = 0; c < model_.collectives.size(); ++c)
      for (const auto &group : model_.collectives[c].groups) {
        if (group.empty()) continue;
        const std::vector<int> first = turnsOf(static_cast<int>(c), group[0]);
        for (size_t m = 1; m < group.size(); ++m) {
          const std::vector<int> turns = turnsOf(static_cast<int>(c), group[m]);
          if (turns.size() != first.size())
            return absl::FailedPreconditionError(
                absl::StrCat("collective '", model_.collectives[c].name, "' requires as many turns on rank ", group[m],
                             " as on rank ", group[0], ", ", first.size(), ", got ", turns.size()));
          for (size_t t = 0; t < turns.size(); ++t) merged_[turns[t]] = first[t];
          distinct_ -= static_cast<int64_t>(turns.size());
        }
      }
    return absl::OkStatus();
  }

  template <typename Visit>
  void forEachWait(Visit visit) const {  // visit(node that waits, node that it waits for)
    for (size_t p = 0; p < model_.programs.size(); ++p)
      for (int rank : model_.programs[p].ranks) {
        const int base = firstNode_[rank];
        for (const auto &stream : unfoldings_[p].streams)
          for (size_t i = 1; i < stream.size(); ++i) visit(base + stream[i], base + stream[i - 1]);
        for (const auto &edge : unfoldings_[p].edges) visit(base + edge.to, base + edge.from);
      }
  }

  void countWaits() {
    waits_.assign(merged_.size(), 0);
    successors_.resize(merged_.size());
    forEachWait([&](int to, int from) {
      ++waits_[merged_[to]];
      successors_[merged_[from]].push_back(merged_[to]);
    });
  }

  // Walks back from any node that is left, along waits for nodes that are left, until one comes again.
  std::string describeCycle() const {
    struct Wait {
      int to = -1, from = -1;  // nodes before merging: where the wait is
    };
    std::vector<Wait> blocked(merged_.size());
    int node = -1;
    forEachWait([&](int to, int from) {
      if (waits_[merged_[to]] == 0 || waits_[merged_[from]] == 0 || blocked[merged_[to]].to >= 0) return;
      blocked[merged_[to]] = {to, from};
      node = merged_[to];
    });
    std::vector<bool> isSeen(merged_.size(), false);
    while (!isSeen[node]) {
      isSeen[node] = true;
      node = merged_[blocked[node].from];
    }
    std::string text;
    const int start = node;
    int printed = 0;
    do {
      const Wait wait = blocked[node];
      if (printed < 24) absl::StrAppend(&text, printed ? "; " : "", nameOf(wait.to), " waits for ", nameOf(wait.from));
      ++printed;
      node = merged_[wait.from];
    } while (node != start);
    if (printed > 24) absl::StrAppend(&text, "; and ", printed - 24, " more");
    return text;
  }

  std::string nameOf(int node) const {
    const auto &program = model_.programs[places_[node].program];
    const auto &turn = unfoldings_[places_[node].program].nodes[node - firstNode_[places_[node].rank]];
    const std::string stream = turn.stream < static_cast<int>(program.streamNames.size())
                                   ? program.streamNames[turn.stream]
                                   : absl::StrCat(turn.stream);
    return absl::StrCat("op '", program.tasks[turn.task].op, "' of rank ", places_[node].rank, " ", stream);
  }

  const ScheduleModel &model_;
  std::vector<Unfolding> unfoldings_;                           // by program
  std::vector<std::vector<std::vector<int>>> collectiveNodes_;  // by program, collective, turn
  std::vector<int> firstNode_, programOf_;                      // by rank
  std::vector<Place> places_;                                   // by node
  std::vector<int> merged_;                                     // by node: the one that stands for it
  std::vector<int> waits_;                                      // by node: what it still waits for
  std::vector<std::vector<int>> successors_;
  int64_t distinct_ = 0;
};

}  // namespace

absl::Status proveLiveness(const ScheduleModel &model) {
  StepGraph graph(model);
  if (absl::Status status = graph.build(); !status.ok()) return status;
  return graph.findCycle();
}

}  // namespace cleave
