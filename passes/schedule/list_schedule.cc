#include "passes/schedule/list_schedule.h"

#include <algorithm>
#include <limits>
#include <set>

namespace cleave {
namespace {

constexpr int64_t kNegligible = 1024;  // bytes

int streamOf(const OpGraph::Node &node) { return movesBytes(node.op) ? kCommunicate : kCompute; }

// Which values are live, node by node.
class LiveBytes {
 public:
  explicit LiveBytes(const OpGraph &graph) : graph_(graph) {
    for (const OpGraph::Value &value : graph.values) {
      readersLeft_.push_back(int(value.readers.size()));
      if (value.writer < 0) live_ += value.bytes;
    }
  }

  // By how much what is live grows if the node runs next.
  int64_t growth(const OpGraph::Node &node) const {
    int64_t frees = 0;
    for (int value : node.reads)
      if (readersLeft_[value] == 1 && isFreed(value)) frees += graph_.values[value].bytes;
    return node.makes - frees;
  }
  void run(const OpGraph::Node &node) {
    live_ += node.makes;
    peak_ = std::max(peak_, live_);
    for (int value : node.reads)
      if (--readersLeft_[value] == 0 && isFreed(value)) live_ -= graph_.values[value].bytes;
  }
  int64_t live() const { return live_; }
  int64_t peak() const { return peak_; }

 private:
  // Variables and inputs stay.
  bool isFreed(int value) const { return !graph_.values[value].isKept && graph_.values[value].writer >= 0; }

  const OpGraph &graph_;
  std::vector<int> readersLeft_;  // by value
  int64_t live_ = 0, peak_ = 0;
};

// Seconds from the start of each node to the end of all, if nothing else were in the way.
std::vector<double> criticalPaths(const OpGraph &graph, const std::vector<NodeTime> &times) {
  std::vector<double> paths(graph.nodes.size(), 0);
  for (size_t n = paths.size(); n-- > 0;) {
    for (size_t after : graph.nodes[n].after) paths[n] = std::max(paths[n], paths[after]);
    paths[n] += times[n].work + times[n].wire;
  }
  return paths;
}

class ListScheduler {
 public:
  ListScheduler(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap)
      : graph_(graph), cap_(cap), paths_(criticalPaths(graph, times)), timeline_(graph, times), live_(graph),
        isIssued_(graph.nodes.size(), false) {
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      waits_.push_back(graph.nodes[n].waits);
      if (waits_[n] == 0 && !graph.nodes[n].isLazy) becomeReady(n);
    }
  }

  ListSchedule run() {
    while (!ready_[kCompute].empty() || !ready_[kCommunicate].empty()) {
      const Choice compute = choose(kCompute), communicate = choose(kCommunicate);
      // A transfer that memory has no room for waits for what computes, if anything does.
      const bool communicates = compute.node < 0 || (communicate.node >= 0 && communicate.fits && communicate.start <= compute.start);
      issue(size_t(communicates ? communicate.node : compute.node));
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n)  // constants that are only returned
      if (!isIssued_[n]) issue(n);
    schedule_.seconds = timeline_.end();
    return std::move(schedule_);
  }

 private:
  // By critical path, longest first; of equals, in the order of the graph.
  struct LongestFirst {
    const std::vector<double> *paths;
    bool operator()(size_t a, size_t b) const {
      return (*paths)[a] != (*paths)[b] ? (*paths)[a] > (*paths)[b] : a < b;
    }
  };
  using Ready = std::set<size_t, LongestFirst>;

  struct Choice {
    int64_t node = -1;
    double start = std::numeric_limits<double>::infinity();
    bool fits = false;
  };

  void becomeReady(size_t n) { ready_[streamOf(graph_.nodes[n])].insert(n); }

  // The first that can start at once and fits into memory; else what starts first, and among what does not fit what needs
  // least.
  Choice choose(int stream) {
    Choice best;
    int64_t bestGrowth = 0;
    const double now = timeline_.streamFree(stream);
    for (size_t n : ready_[stream]) {
      const int64_t growth = live_.growth(graph_.nodes[n]);
      const Choice choice{int64_t(n), timeline_.startOf(n), growth <= kNegligible || live_.live() + growth <= cap_};
      if (choice.fits && choice.start <= now) return choice;
      const bool isBetter = choice.fits != best.fits ? choice.fits
                            : choice.fits            ? choice.start < best.start
                                                     : growth < bestGrowth;
      if (best.node >= 0 && !isBetter) continue;
      best = choice;
      bestGrowth = growth;
    }
    return best;
  }

  void issue(size_t n) {
    const OpGraph::Node &node = graph_.nodes[n];
    if (isIssued_[n]) return;
    isIssued_[n] = true;
    for (size_t before : node.lazyBefore) issue(before);
    const int stream = streamOf(node);
    ready_[stream].erase(n);
    if (stream == kCommunicate) holdBack(n);
    if (stream == kCompute && !isView(node.op)) computed_.push_back(n);
    timeline_.issue(n);
    live_.run(node);
    schedule_.order.push_back(n);
    if (node.isLazy) return;
    for (size_t after : node.after)
      if (--waits_[after] == 0) becomeReady(after);
  }

  // What is computed before a transfer begins in this schedule is computed before it in any run, so that the memory that it
  // needs is free then.
  void holdBack(size_t n) {
    if (live_.growth(graph_.nodes[n]) <= kNegligible) return;
    const double start = timeline_.startOf(n);
    const auto last = std::find_if(computed_.rbegin(), computed_.rend(), [&](size_t c) { return timeline_.endOf(c) <= start; });
    if (last != computed_.rend() && timeline_.endOf(*last) > timeline_.readyAt(n)) schedule_.after.push_back({n, *last});
  }

  const OpGraph &graph_;
  const int64_t cap_;
  const std::vector<double> paths_;  // by node
  Timeline timeline_;
  LiveBytes live_;
  std::vector<bool> isIssued_;
  std::vector<int> waits_;
  std::vector<size_t> computed_;  // in order
  Ready ready_[kStreams] = {Ready(LongestFirst{&paths_}), Ready(LongestFirst{&paths_})};
  ListSchedule schedule_;
};

}  // namespace

Timeline::Timeline(const OpGraph &graph, const std::vector<NodeTime> &times)
    : graph_(graph), times_(times), readyAt_(graph.nodes.size(), 0), ends_(graph.nodes.size(), 0) {
  for (const NodeTime &time : times) linkFree_.resize(std::max<size_t>(linkFree_.size(), size_t(time.link + 1)), 0);
}

double Timeline::startOf(size_t node) const {
  return std::max(readyAt_[node], streamFree_[streamOf(graph_.nodes[node])]);
}

void Timeline::issue(size_t node) {
  const OpGraph::Node &issued = graph_.nodes[node];
  double end = readyAt_[node];
  if (!isView(issued.op)) {
    const double start = startOf(node);
    end = streamFree_[streamOf(issued)] = start + times_[node].work;
    if (times_[node].link >= 0) {
      double &free = linkFree_[size_t(times_[node].link)];
      free = std::max(free, start) + times_[node].wire;
      end = std::max(end, free);
    }
  }
  ends_[node] = end;
  end_ = std::max(end_, end);
  for (size_t after : issued.after) readyAt_[after] = std::max(readyAt_[after], end);
}

ListSchedule listSchedule(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap) {
  return ListScheduler(graph, times, cap).run();
}

int64_t peakInOrder(const OpGraph &graph) {
  LiveBytes live(graph);
  for (const OpGraph::Node &node : graph.nodes) live.run(node);
  return live.peak();
}

double secondsInOrder(const OpGraph &graph, const std::vector<NodeTime> &times) {
  Timeline timeline(graph, times);
  for (size_t n = 0; n < graph.nodes.size(); ++n) timeline.issue(n);
  return timeline.end();
}

}  // namespace cleave
