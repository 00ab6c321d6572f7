#include "passes/schedule/list_schedule.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

namespace cleave {
namespace {

// Which values are live, node by node. What a transfer has read is free for others only when something that computes
// has waited for the transfer, or for one behind it.
class LiveBytes {
 public:
  explicit LiveBytes(const OpGraph &graph) : graph_(graph), transferOf_(graph.nodes.size(), -1) {
    for (const OpGraph::Value &value : graph.values) {
      readersLeft_.push_back(int(value.readers.size()));
      if (value.writer < 0) live_ += value.bytes;
    }
  }

  // By how much what is live grows if the node runs next.
  int64_t growth(const OpGraph::Node &node) const {
    return node.makes - (frees(node, /*readersLeft=*/1) - lateFrees(node)) - unseen(lastTransfer(node));
  }
  void run(size_t n) {
    const OpGraph::Node &node = graph_.nodes[n];
    live_ += node.makes;
    for (int value : node.reads) --readersLeft_[value];
    const int64_t freed = frees(node, /*readersLeft=*/0);
    if (isLate(node)) {
      transferOf_[n] = int(unseen_.size());
      unseen_.push_back(freed);
    } else {
      if (node.stream == kCommunicate) {
        transferOf_[n] = int(unseen_.size());
        unseen_.push_back(0);
      }
      live_ -= freed;
    }
    see(lastTransfer(node));
  }
  int64_t live() const { return live_; }
  int transfers() const { return int(unseen_.size()); }  // so far, numbered from 0

  // Bytes that transfers up to one have read, and that are not free before something that computes waits for it.
  int64_t unseen(int transfer) const {
    int64_t bytes = 0;
    for (int t = seen_; t <= transfer; ++t) bytes += unseen_[size_t(t)];
    return bytes;
  }
  void see(int transfer) {
    live_ -= unseen(transfer);
    seen_ = std::max(seen_, transfer + 1);
  }

 private:
  // A variable's bytes go to what replaces it.
  int64_t frees(const OpGraph::Node &node, int readersLeft) const {
    int64_t bytes = 0;
    for (int value : node.reads)
      if (readersLeft_[value] == readersLeft && !graph_.values[value].isKept) bytes += graph_.values[value].bytes;
    return bytes;
  }
  // The result does not take its operand's bytes over.
  static bool isLate(const OpGraph::Node &node) {
    return node.stream == kCommunicate && inPlaceOperand(node.op, 0) < 0;
  }
  int64_t lateFrees(const OpGraph::Node &node) const { return isLate(node) ? frees(node, /*readersLeft=*/1) : 0; }

  // The last transfer that the node waits for if it computes; -1: none.
  int lastTransfer(const OpGraph::Node &node) const {
    int last = -1;
    if (node.stream == kCompute)
      for (int value : node.reads)
        if (graph_.values[value].writer >= 0) last = std::max(last, transferOf_[size_t(graph_.values[value].writer)]);
    return last;
  }
  const OpGraph &graph_;
  std::vector<int> readersLeft_;  // by value
  std::vector<int> transferOf_;   // by node: its number among transfers, once it has run
  std::vector<int64_t> unseen_;   // by transfer: bytes that it has freed
  int seen_ = 0;                  // transfers that something that computes has waited for
  int64_t live_ = 0;
};

// Transfers that are sure to be over when something that computes begins: a schedule has them over before that, by the
// time of a longest one. What they have read is free for it, if it waits for them, which it does in vain.
class SureTransfers {
 public:
  SureTransfers(const OpGraph &graph, const std::vector<NodeTime> &times) {
    for (size_t n = 0; n < times.size(); ++n)
      if (graph.nodes[n].stream == kCommunicate) longest_ = std::max(longest_, times[n].work + times[n].wire);
  }
  void add(size_t node) { nodes_.push_back(node); }
  double longest() const { return longest_; }

  // Lets what computes next, at `now`, see what is over, where that frees memory.
  void look(double now, const Timeline &timeline, LiveBytes &live) {
    int last = int(nodes_.size()) - 1;
    while (last >= 0 && timeline.endOf(nodes_[size_t(last)]) + longest_ > now) --last;
    if (live.unseen(last) <= kNegligible) return;
    live.see(last);
    seen_ = last;
  }
  // The transfer that the node waits for, if it has to.
  void hold(size_t node, Schedule &schedule) {
    if (seen_ >= 0) schedule.after.push_back({node, nodes_[size_t(seen_)]});
    seen_ = -1;
  }

 private:
  double longest_ = 0;
  std::vector<size_t> nodes_;  // in order
  int seen_ = -1;              // in `nodes_`; by nobody yet that computes
};

// Room for transfers that run before their turn: what they bring is held, besides what would be live anyway, until the
// node that has its turn behind them.
class Room {
 public:
  Room(const OpGraph &graph, int64_t cap) : cap_(cap) {
    LiveBytes live(graph);
    for (const OpGraph::Node &node : graph.nodes) {
      const int64_t before = live.live();
      live.run(held_.size());
      held_.push_back(std::max(before + node.makes, live.live()));
    }
    held_.push_back(live.live());
    inOrder_ = held_;
  }

  // What is live when a node has its turn, in the order of the graph.
  int64_t inOrder(size_t node) const { return inOrder_[node]; }

  // For `bytes` from node `from` on, before node `until` has its turn.
  bool has(int64_t bytes, size_t from, size_t until) const {
    for (size_t n = from; n < until; ++n)
      if (held_[n] + bytes > cap_) return false;
    return true;
  }
  void take(int64_t bytes, size_t from, size_t until) {
    for (size_t n = from; n < until; ++n) held_[n] += bytes;
  }

 private:
  const int64_t cap_;
  std::vector<int64_t> held_;     // by node: at most, when it has its turn
  std::vector<int64_t> inOrder_;  // without what runs before its turn
};

// Marks what no transfer waits for, but for the last of it in the order of the graph, as much as takes `kept` seconds.
std::vector<bool> feedsNoTransfer(const OpGraph &graph, const std::vector<NodeTime> &times, double kept) {
  std::vector<bool> feedsNone(graph.nodes.size(), true);
  std::vector<bool> isMarked(graph.nodes.size(), false);
  for (size_t n = graph.nodes.size(); n-- > 0;) {
    const OpGraph::Node &node = graph.nodes[n];
    feedsNone[n] = node.stream == kCompute &&
                   std::all_of(node.after.begin(), node.after.end(), [&](size_t after) { return feedsNone[after]; });
    if (!feedsNone[n]) continue;
    isMarked[n] = kept <= 0;
    kept -= times[n].work;
  }
  return isMarked;
}

class ListScheduler {
 public:
  ListScheduler(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap, const ListRules &rules)
      : graph_(graph), times_(times), cap_(cap), isPatient_(rules.isPatient), timeline_(graph, times), live_(graph),
        sure_(graph, times), room_(graph, cap), isIssued_(graph.nodes.size(), false),
        endsEarly_(feedsNoTransfer(graph, times, kKeptBack * sure_.longest())),
        ready_{Ready({&rules.compute}), Ready({&rules.communicate})} {
    double computed = 0;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      computedBefore_.push_back(computed);
      if (graph.nodes[n].stream == kCompute) computed += times[n].work;
      waits_.push_back(graph.nodes[n].waits);
      if (waits_[n] == 0 && !graph.nodes[n].isLazy) becomeReady(n);
    }
    computedBefore_.push_back(computed);
  }

  Schedule run() {
    while (!ready_[kCompute].empty() || !ready_[kCommunicate].empty()) {
      const Choice compute = choose(kCompute), communicate = choose(kCommunicate);
      // A transfer that memory has no room for waits for what computes, if anything does.
      const bool communicates =
          compute.node < 0 || (communicate.node >= 0 && communicate.fits && communicate.start <= compute.start);
      issue(size_t(communicates ? communicate.node : compute.node));
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n)  // constants that are only returned
      if (!isIssued_[n]) issue(n);
    schedule_.seconds = timeline_.end();
    return std::move(schedule_);
  }

 private:
  struct HighestFirst {
    const Priorities *of;
    bool operator()(size_t a, size_t b) const { return (*of)[a] != (*of)[b] ? (*of)[a] > (*of)[b] : a < b; }
  };
  using Ready = std::set<size_t, HighestFirst>;

  // Transfers into new memory are over before their turn comes, by the time of so many of the longest ones.
  static constexpr double kAhead = 3;
  // Transfers that memory has no room for: so many are looked at, the most urgent ones.
  static constexpr int kMostRefused = 4;
  // What fills the time of the last transfers: as much as so many of the longest ones take.
  static constexpr double kKeptBack = 2;

  struct Choice {
    int64_t node = -1;
    double start = std::numeric_limits<double>::infinity();
    bool fits = false;
  };

  // When the node is chosen at the earliest. What holds memory from its start on is chosen when it starts.
  double chosenAt(size_t n, int64_t growth) const {
    const double start = timeline_.startOf(n);
    return isPatient_ && growth <= kNegligible ? std::max(start, timeline_.linksFree(n)) : start;
  }

  void becomeReady(size_t n) {
    ready_[graph_.nodes[n].stream].insert(n);
    if (endsEarly_[n]) endingEarly_.insert(n);
  }

  // The first that can start at once and fits into memory; else what starts first, and among what does not fit what
  // needs least.
  Choice choose(int stream) {
    Choice best;
    int64_t bestGrowth = 0;
    const double now = timeline_.streamFree(stream);
    if (stream == kCompute) sure_.look(now, timeline_, live_);
    if (const auto smaller = shrinking(stream, now)) return *smaller;
    int refused = 0;
    double pending = 0;
    for (size_t n : ready_[stream]) {
      const int64_t growth = live_.growth(graph_.nodes[n]);
      if (growth > kNegligible) pending += times_[n].work + times_[n].wire;
      const Choice choice{int64_t(n), chosenAt(n, growth), growth <= kNegligible || fits(n, growth, pending)};
      if (choice.fits && choice.start <= now) return choice;
      if (!choice.fits && stream == kCommunicate && ++refused == kMostRefused) break;
      const bool isBetter = choice.fits != best.fits ? choice.fits
                            : choice.fits            ? choice.start < best.start
                            : stream == kCommunicate ? false  // the most urgent one, where nothing else is to do
                                                     : growth < bestGrowth;
      if (best.node >= 0 && !isBetter) continue;
      best = choice;
      bestGrowth = growth;
    }
    return best;
  }

  // What makes less live comes first where no transfer waits for it (updates, say: one by one, between products of
  // matrices, they have the memory's bandwidth for themselves), and where more is live than the order of the graph has.
  std::optional<Choice> shrinking(int stream, double now) const {
    if (stream != kCompute) return std::nullopt;
    return live_.live() > room_.inOrder(turn_) ? shrinkingIn(ready_[stream], now) : shrinkingIn(endingEarly_, now);
  }

  template <typename Nodes>
  std::optional<Choice> shrinkingIn(const Nodes &nodes, double now) const {
    for (size_t n : nodes)
      if (live_.growth(graph_.nodes[n]) < -kNegligible && timeline_.startOf(n) <= now)
        return Choice{int64_t(n), timeline_.startOf(n), true};
    return std::nullopt;
  }

  // A transfer into new memory has time until its turn comes; `pending` seconds are what it and those before it take.
  bool fits(size_t n, int64_t growth, double pending) const {
    if (graph_.nodes[n].stream == kCompute) return live_.live() + growth <= cap_;
    const double slack = computedBefore_[n] - computedBefore_[turn_] - pending;
    return slack <= kAhead * sure_.longest() && room_.has(growth, turn_, n);
  }

  void issue(size_t n) {
    const OpGraph::Node &node = graph_.nodes[n];
    if (isIssued_[n]) return;
    isIssued_[n] = true;
    for (size_t before : node.lazyBefore) issue(before);
    const int stream = node.stream;
    ready_[stream].erase(n);
    endingEarly_.erase(n);
    if (stream == kCompute) turn_ = std::max(turn_, n + 1);
    if (stream == kCommunicate) {
      holdBack(n);
      sure_.add(n);
    } else if (!isView(node.op)) {
      sure_.hold(n, schedule_);
      computed_.push_back(n);
    }
    timeline_.issue(n);
    schedule_.peak = std::max(schedule_.peak, live_.live() + node.makes);
    live_.run(n);
    schedule_.order.push_back(n);
    if (node.isLazy) return;
    for (size_t after : node.after)
      if (--waits_[after] == 0 && !isIssued_[after]) becomeReady(after);
  }

  // What is computed before a transfer begins in this schedule is computed before it in any run, so that the memory
  // that it needs is free then.
  void holdBack(size_t n) {
    const int64_t growth = live_.growth(graph_.nodes[n]);
    if (growth <= kNegligible) return;
    room_.take(growth, turn_, n);
    const double ready = timeline_.readyAt(n);
    // It may have waited for room until what computes now began.
    if (!computed_.empty()) timeline_.holdBack(n, timeline_.begunAt(computed_.back()));
    const double start = timeline_.startOf(n);
    const auto last =
        std::find_if(computed_.rbegin(), computed_.rend(), [&](size_t c) { return timeline_.endOf(c) <= start; });
    if (last != computed_.rend() && timeline_.endOf(*last) > ready)
      schedule_.after.push_back({n, *last});
  }

  const OpGraph &graph_;
  const std::vector<NodeTime> &times_;
  const int64_t cap_;
  const bool isPatient_;
  std::vector<double> computedBefore_;  // by node, and at the end: seconds of what computes in front of it
  Timeline timeline_;
  LiveBytes live_;
  SureTransfers sure_;
  Room room_;
  size_t turn_ = 0;  // the node of the graph behind the last one that has been issued and computes
  std::vector<bool> isIssued_;
  const std::vector<bool> endsEarly_;
  std::set<size_t> endingEarly_;  // of what is ready
  std::vector<int> waits_;
  std::vector<size_t> computed_;  // in order
  Ready ready_[kStreams];
  Schedule schedule_;
};

}  // namespace

Timeline::Timeline(const OpGraph &graph, const std::vector<NodeTime> &times)
    : graph_(graph), times_(times), readyAt_(graph.nodes.size(), 0), begun_(graph.nodes.size(), 0),
      ends_(graph.nodes.size(), 0) {
  int links = 0;
  for (const NodeTime &time : times)
    for (int link : time.links) links = std::max(links, link + 1);
  linkFree_.resize(size_t(links), 0);
  linkBegun_.resize(size_t(links), 0);
}

double Timeline::startOf(size_t node) const {
  double start = std::max(readyAt_[node], streamFree_[graph_.nodes[node].stream]);
  for (int link : times_[node].links) start = std::max(start, linkBegun_[size_t(link)]);
  return start;
}

double Timeline::linksFree(size_t node) const {
  double free = 0;
  for (int link : times_[node].links) free = std::max(free, linkFree_[size_t(link)]);
  return free;
}

double Timeline::transfer(const NodeTime &time, double start) {
  for (int link : time.links) start = std::max(start, linkFree_[size_t(link)]);
  for (int link : time.links) {
    linkBegun_[size_t(link)] = start;
    linkFree_[size_t(link)] = start + time.wire;
  }
  return start + time.wire;
}

void Timeline::issue(size_t node) {
  const OpGraph::Node &issued = graph_.nodes[node];
  double end = readyAt_[node];
  if (!isView(issued.op)) {
    const double start = begun_[node] = startOf(node);
    const int stream = issued.stream;
    // Copying takes the cores that compute.
    if (stream == kCommunicate && streamFree_[kCompute] > start) streamFree_[kCompute] += times_[node].work;
    end = streamFree_[stream] = start + times_[node].work;
    const double over = transfer(times_[node], start);
    if (over > end && stream == kCompute) streamFree_[stream] = over;
    end = std::max(end, over);
  }
  ends_[node] = end;
  end_ = std::max(end_, end);
  for (size_t after : issued.after) readyAt_[after] = std::max(readyAt_[after], end);
}

Schedule listSchedule(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap, const ListRules &rules) {
  return ListScheduler(graph, times, cap, rules).run();
}

int64_t peakInOrder(const OpGraph &graph) {
  LiveBytes live(graph);
  int64_t peak = 0;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    peak = std::max(peak, live.live() + graph.nodes[n].makes);
    live.run(n);
  }
  return peak;
}

Schedule inOrder(const OpGraph &graph, const std::vector<NodeTime> &times) {
  Schedule schedule;
  Timeline timeline(graph, times);
  LiveBytes live(graph);
  SureTransfers sure(graph, times);
  std::optional<size_t> computed;
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const OpGraph::Node &node = graph.nodes[n];
    if (node.stream == kCommunicate) {
      if (computed && live.growth(node) > kNegligible && timeline.endOf(*computed) > timeline.readyAt(n)) {
        schedule.after.push_back({n, *computed});
        timeline.holdBack(n, timeline.endOf(*computed));
      }
      sure.add(n);
    } else if (!isView(node.op)) {
      sure.look(timeline.startOf(n), timeline, live);
      sure.hold(n, schedule);
      computed = n;
    }
    timeline.issue(n);
    live.run(n);
    schedule.order.push_back(n);
  }
  schedule.seconds = timeline.end();
  return schedule;
}

}  // namespace cleave
