// Justification: a step is run backwards from its end, what a schedule does last first, and then forwards, what came last
// backwards first. So everything becomes as urgent as what waits for it makes it, and for its stream and links, which a
// longest chain of work does not see (V. Valls, F. Ballestin, S. Quintanilla, "Justification and RCPSP: A technique that
// pays", European Journal of Operational Research 165, 2005).

#include "passes/schedule/best_schedule.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

namespace cleave {
namespace {

// Memory decides between schedules that take longer than the fastest by at most so much of what lies between the slowest
// and it, and of its own time.
constexpr double kAsFast = 0.05, kNoticeable = 0.005;
constexpr size_t kJustified = 2;  // the fastest

// Seconds from the start of each node to the end of all, if nothing else were in the way.
Priorities criticalPaths(const OpGraph &graph, const std::vector<NodeTime> &times) {
  Priorities paths(graph.nodes.size(), 0);
  for (size_t n = paths.size(); n-- > 0;) {
    for (size_t after : graph.nodes[n].after) paths[n] = std::max(paths[n], paths[after]);
    paths[n] += times[n].work + times[n].wire;
  }
  return paths;
}

// How little has to be computed until the nearest transfer that waits for a node can start: what feeds links comes
// first, and what feeds none fills the gaps.
Priorities nearestTransfers(const OpGraph &graph, const std::vector<NodeTime> &times) {
  Priorities priorities(graph.nodes.size(), -std::numeric_limits<double>::infinity());
  for (size_t n = priorities.size(); n-- > 0;) {
    for (size_t after : graph.nodes[n].after)
      priorities[n] = std::max(priorities[n], graph.nodes[after].stream == kCommunicate ? 0 : priorities[after]);
    priorities[n] -= times[n].work;
  }
  return priorities;
}

// What is nearest to the end first: of slices that run side by side, one gets ahead, and has work without transfers to
// offer while the others have little.
Priorities mostAdvanced(const Priorities &paths) {
  Priorities advanced;
  for (double path : paths) advanced.push_back(-path);
  return advanced;
}

// By node: its place in an order, counted from the end.
Priorities lastFirst(const std::vector<size_t> &order) {
  Priorities places(order.size(), 0);
  for (size_t place = 0; place < order.size(); ++place) places[order[place]] = double(place);
  return places;
}

// The step backwards, without memory.
OpGraph backwards(const OpGraph &graph) {
  const size_t count = graph.nodes.size();
  OpGraph turned;
  turned.nodes.resize(count);
  for (size_t n = 0; n < count; ++n) {
    const OpGraph::Node &node = graph.nodes[n];
    OpGraph::Node &made = turned.nodes[count - 1 - n];
    made.op = node.op;
    made.stream = node.stream;
    made.isLazy = node.isLazy;
    if (node.isLazy) continue;
    for (size_t after : node.after) turned.nodes[count - 1 - after].after.push_back(count - 1 - n);
    made.waits = int(node.after.size());
  }
  return turned;
}

class Justifier {
 public:
  Justifier(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap)
      : graph_(graph), times_(times), cap_(cap), turned_(backwards(graph)), turnedTimes_(times.rbegin(), times.rend()) {}

  Schedule justified(const Schedule &schedule, bool isPatient) const {
    Priorities latest = lastFirst(schedule.order);
    std::reverse(latest.begin(), latest.end());
    Priorities urgency = lastFirst(
        listSchedule(turned_, turnedTimes_, std::numeric_limits<int64_t>::max(), {latest, latest, isPatient}).order);
    std::reverse(urgency.begin(), urgency.end());
    return listSchedule(graph_, times_, cap_, {urgency, urgency, isPatient});
  }

 private:
  const OpGraph &graph_;
  const std::vector<NodeTime> &times_;
  const int64_t cap_;
  const OpGraph turned_;
  const std::vector<NodeTime> turnedTimes_;
};

Schedule bestOf(std::vector<Schedule> schedules) {
  const auto isFaster = [](const Schedule &a, const Schedule &b) { return a.seconds < b.seconds; };
  const auto [fastest, slowest] = std::minmax_element(schedules.begin(), schedules.end(), isFaster);
  const double between = slowest->seconds - fastest->seconds;
  const double enough = fastest->seconds + std::min(kAsFast * between, kNoticeable * fastest->seconds);
  const auto isBetter = [&](const Schedule &a, const Schedule &b) {
    if ((a.seconds <= enough) != (b.seconds <= enough)) return a.seconds <= enough;
    return a.peak < b.peak;
  };
  return std::move(*std::min_element(schedules.begin(), schedules.end(), isBetter));
}

}  // namespace

Schedule bestSchedule(const OpGraph &graph, const std::vector<NodeTime> &times, int64_t cap) {
  const Priorities none(graph.nodes.size(), 0), paths = criticalPaths(graph, times),
                   nearest = nearestTransfers(graph, times), advanced = mostAdvanced(paths);
  const ListRules rules[] = {
      {none, none}, {none, none, true}, {paths, paths}, {nearest, none}, {nearest, advanced, true}};
  std::vector<Schedule> schedules;
  for (const ListRules &each : rules) schedules.push_back(listSchedule(graph, times, cap, each));
  std::vector<size_t> fastestFirst(std::size(rules));
  std::iota(fastestFirst.begin(), fastestFirst.end(), size_t{0});
  std::stable_sort(fastestFirst.begin(), fastestFirst.end(),
                   [&](size_t a, size_t b) { return schedules[a].seconds < schedules[b].seconds; });
  const Justifier justifier(graph, times, cap);
  for (size_t i = 0; i < kJustified; ++i)
    schedules.push_back(justifier.justified(schedules[fastestFirst[i]], rules[fastestFirst[i]].isPatient));
  return bestOf(std::move(schedules));
}

}  // namespace cleave
