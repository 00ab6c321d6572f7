// In which order ops run so that communication is hidden: list schedules under a memory cap.

#ifndef CLEAVE_PASSES_SCHEDULE_LIST_SCHEDULE_H
#define CLEAVE_PASSES_SCHEDULE_LIST_SCHEDULE_H

#include <algorithm>
#include <vector>

#include "passes/schedule/op_graph.h"

namespace cleave {

// How long a node keeps its stream busy, and then all the links that it uses, in seconds.
struct NodeTime {
  double work = 0, wire = 0;
  llvm::SmallVector<int, 2> links = {};
};

// Runs nodes in a given order, as a device does: one stream computes and one communicates, each in order; a transfer
// waits for its link, and who reads what it brings for its end. On the stream that computes it holds that until then.
class Timeline {
 public:
  Timeline(const OpGraph &graph, const std::vector<NodeTime> &times);

  // When all that it reads is there, as far as it is known.
  double readyAt(size_t node) const { return readyAt_[node]; }
  // If it were issued now. A transfer starts when its link begins with the one before, so that one waits at most: what
  // starts earlier ends no earlier, and holds memory for longer.
  double startOf(size_t node) const;
  void holdBack(size_t node, double until) { readyAt_[node] = std::max(readyAt_[node], until); }
  double linksFree(size_t node) const;  // all that it uses
  double streamFree(int stream) const { return streamFree_[stream]; }
  void issue(size_t node);
  double begunAt(size_t node) const { return begun_[node]; }  // once it is issued
  double endOf(size_t node) const { return ends_[node]; }     // the same
  double end() const { return end_; }                         // of all so far

 private:
  double transfer(const NodeTime &time, double start);  // when it is over

  const OpGraph &graph_;
  const std::vector<NodeTime> &times_;
  std::vector<double> readyAt_, begun_, ends_;  // by node
  std::vector<double> linkFree_;                // by link: when its last transfer ends
  std::vector<double> linkBegun_;               // and when it begins
  double streamFree_[kStreams] = {}, end_ = 0;
};

struct Schedule {
  std::vector<size_t> order;  // nodes
  // Nodes that wait for one of the other stream: a transfer that could run earlier, but would then hold memory for
  // longer; what computes in bytes that a transfer, sure to be over by then, has read.
  std::vector<std::pair<size_t, size_t>> after;
  double seconds = 0;
  int64_t peak = 0;  // bytes that are live at a time; of a list schedule
};

// The order of the graph. Transfers into new memory run when their turn comes.
Schedule inOrder(const OpGraph &graph, const std::vector<NodeTime> &times);

// By node: the highest first, and of equals what stands first.
using Priorities = std::vector<double>;

// How a list schedule chooses from what is ready.
struct ListRules {
  const Priorities &compute, &communicate;
  // Which transfer comes next is decided when its links are free, and not as soon as they begin with the one before: a
  // more urgent one may have become ready meanwhile.
  bool isPatient = false;
};

// `cap` in bytes: what is live at any time, as far as there is a choice.
Schedule listSchedule(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap, const ListRules &rules);

// The most bytes that are live at a time if the nodes run in the order of the graph.
int64_t peakInOrder(const OpGraph &graph);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_LIST_SCHEDULE_H
