#include "passes/partition/reshard_path.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <queue>

#include "ir/cleave.h"

namespace cleave {
namespace {

// A step that moves nothing, as a part of a collective's latency.
constexpr double kLocalStep = 1.0 / 256;
// Costs that differ by no more are equal: sums are rounded.
constexpr double kRounding = 1e-12;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

struct Edge {
  ReshardStep step;
  double cost;
};

// Orders placements, so that paths don't depend on addresses.
struct Less {
  bool operator()(const Axes &a, const Axes &b) const {
    auto key = [](const AxisPlacement &p) { return std::make_tuple(p.kind, p.dim, p.unit, p.minor, p.combiner); };
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                        [&](const AxisPlacement &x, const AxisPlacement &y) { return key(x) < key(y); });
  }
};

class Graph {
 public:
  Graph(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> from, llvm::ArrayRef<AxisPlacement> to)
      : problem_(problem), to_(to.begin(), to.end()), choices_(from.size()) {
    for (size_t axis = 0; axis < from.size(); ++axis) collectChoices(axis, from, to);
  }

  std::vector<Edge> edgesFrom(const Axes &state) const {
    std::vector<Edge> edges;
    for (size_t axis = 0; axis < state.size(); ++axis)
      for (const AxisPlacement &choice : choices_[axis])
        if (choice != state[axis]) addAlongOne(state, axis, choice, edges);
    addJointAllReduces(state, edges);
    addPermutes(state, edges);
    return edges;
  }

 private:
  // Splits of every dimension in every unit that source or target use, and whatever they have along this axis.
  void collectChoices(size_t axis, llvm::ArrayRef<AxisPlacement> from, llvm::ArrayRef<AxisPlacement> to) {
    auto add = [&](const AxisPlacement &choice) {
      if (!llvm::is_contained(choices_[axis], choice)) choices_[axis].push_back(choice);
    };
    add(AxisPlacement::broadcast());
    add(from[axis]);
    add(to[axis]);
    for (llvm::ArrayRef<AxisPlacement> ends : {from, to})
      for (const AxisPlacement &other : ends)
        if (other.isSplit()) add(AxisPlacement::split(other.dim, other.unit));
    for (unsigned dim = 0; dim < problem_.shape.size(); ++dim)
      if (llvm::none_of(choices_[axis], [&](const AxisPlacement &p) { return p.isSplit() && p.dim == dim; }))
        add(AxisPlacement::split(dim));
  }

  bool isValid(const Axes &state) const {
    for (size_t a = 0; a < state.size(); ++a)
      for (size_t b = 0; b < a; ++b) {
        if (state[a].isSplit() && state[b].isSplit() && state[a].dim == state[b].dim && state[a].unit != state[b].unit)
          return false;
        if (state[a].isPartial() && state[b].isPartial() && state[a].combiner != state[b].combiner) return false;
      }
    return true;
  }

  static bool isLast(const Axes &state, size_t axis) {
    return !state[axis].isSplit() || axesSplitting(state[axis].dim, state).back() == axis;
  }

  void addAlongOne(const Axes &state, size_t axis, const AxisPlacement &choice, std::vector<Edge> &edges) const {
    Axes next = state;
    next[axis] = choice;
    if (!isValid(next) || !isLast(state, axis) || !isLast(next, axis)) return;
    const double before = localBytes(problem_, state), after = localBytes(problem_, next);
    const AxisPlacement &current = state[axis];
    std::optional<Edge> edge;
    const int64_t along = int64_t(axis);
    auto make = [&](ReshardKind kind, double cost) { edge = Edge{{kind, {along}, next}, cost}; };
    auto send = [&](ReshardKind kind, TransferKind transfer, double bytes) {
      make(kind, problem_.machine.transfer(transfer, {along}, bytes).seconds());
    };
    const double local = kLocalStep * problem_.machine.latency(along);
    if (current.isPartial() && choice.isBroadcast()) send(ReshardKind::AllReduce, TransferKind::kAllReduce, before);
    if (current.isPartial() && choice.isSplit()) send(ReshardKind::ReduceScatter, TransferKind::kReduceScatter, before);
    if (current.isSplit() && choice.isBroadcast()) send(ReshardKind::AllGather, TransferKind::kAllGather, after);
    if (current.isSplit() && choice.isSplit()) send(ReshardKind::AllToAll, TransferKind::kAllToAll, before);
    if (current.isBroadcast() && choice.isSplit()) make(ReshardKind::LocalSlice, local);
    if (current.isBroadcast() && choice.isPartial()) make(ReshardKind::KeepFirst, local);
    if (edge) edges.push_back(std::move(*edge));
  }

  // One all-reduce over all axes that hold terms of the same kind and are to hold the whole value.
  void addJointAllReduces(const Axes &state, std::vector<Edge> &edges) const {
    for (Combiner combiner : {Combiner::Sum, Combiner::Max, Combiner::Min}) {
      llvm::SmallVector<int64_t, 2> axes;
      Axes next = state;
      for (size_t axis = 0; axis < state.size(); ++axis) {
        if (state[axis] != AxisPlacement::partial(combiner) || !to_[axis].isBroadcast()) continue;
        axes.push_back(axis);
        next[axis] = AxisPlacement::broadcast();
      }
      if (axes.size() < 2) continue;
      const double cost = problem_.machine.transfer(TransferKind::kAllReduce, axes, localBytes(problem_, state)).seconds();
      edges.push_back({{ReshardKind::AllReduce, axes, next}, cost});
    }
  }

  // Axes a and b take each other's place among those that split a dimension. Else a device would lack elements that lie
  // across a third axis.
  bool changePlaces(const Axes &state, const Axes &next, size_t a, size_t b) const {
    for (unsigned dim = 0; dim < problem_.shape.size(); ++dim) {
      llvm::SmallVector<size_t> axes = axesSplitting(dim, state);
      for (size_t &axis : axes) axis = axis == a ? b : axis == b ? a : axis;
      if (axes != axesSplitting(dim, next)) return false;
    }
    return true;
  }

  // Two axes of one size exchange their placements.
  void addPermutes(const Axes &state, std::vector<Edge> &edges) const {
    for (size_t a = 0; a < state.size(); ++a)
      for (size_t b = a + 1; b < state.size(); ++b) {
        if (state[a].isPartial() || state[b].isPartial() || state[a] == state[b]) continue;
        if (problem_.meshSizes[a] != problem_.meshSizes[b]) continue;
        Axes next = state;
        std::swap(next[a], next[b]);
        if (!isValid(next) || !changePlaces(state, next, a, b)) continue;
        const llvm::SmallVector<int64_t, 2> axes = {int64_t(a), int64_t(b)};
        const double cost = problem_.machine.transfer(TransferKind::kPermute, axes, localBytes(problem_, state)).seconds();
        edges.push_back({{ReshardKind::Permute, axes, next}, cost});
      }
  }

  const ReshardProblem &problem_;
  Axes to_;
  std::vector<std::vector<AxisPlacement>> choices_;
};

struct Visit {
  double cost = kInfinite;
  Axes previous;
  ReshardStep step;
};

std::optional<ReshardPath> shortestPath(const ReshardProblem &problem, const Axes &from, const Axes &to, double largest) {
  const Graph graph(problem, from, to);
  std::map<Axes, Visit, Less> visits;
  using Entry = std::pair<double, Axes>;
  auto later = [](const Entry &a, const Entry &b) { return a.first != b.first ? a.first > b.first : Less()(b.second, a.second); };
  std::priority_queue<Entry, std::vector<Entry>, decltype(later)> open(later);
  visits[from].cost = 0;
  open.push({0, from});
  while (!open.empty()) {
    auto [cost, state] = open.top();
    open.pop();
    if (cost > visits[state].cost) continue;
    if (state == to) break;
    for (const Edge &edge : graph.edgesFrom(state)) {
      if (localBytes(problem, edge.step.to) > largest) continue;
      Visit &visit = visits[edge.step.to];
      if (cost + edge.cost >= visit.cost * (1 - kRounding)) continue;
      visit = {cost + edge.cost, state, edge.step};
      open.push({visit.cost, edge.step.to});
    }
  }
  auto found = visits.find(to);
  if (found == visits.end() || found->second.cost == kInfinite) return std::nullopt;
  ReshardPath path;
  path.cost = found->second.cost;
  for (Axes state = to; state != from; state = visits[state].previous) path.steps.push_back(visits[state].step);
  std::reverse(path.steps.begin(), path.steps.end());
  return path;
}

// Sizes that an intermediate may have, from the least that the two ends allow.
std::vector<double> sizeLimits(const ReshardProblem &problem, const Axes &from, const Axes &to) {
  double shares = 1, bytes = double(problem.elementBytes);
  for (int64_t size : problem.meshSizes) shares *= double(size);
  for (int64_t size : problem.shape) bytes *= double(size);
  std::vector<double> limits{std::max(localBytes(problem, from), localBytes(problem, to))};
  for (double divisor = shares; divisor >= 1; --divisor)
    if (std::fmod(shares, divisor) == 0 && bytes / divisor > limits.front()) limits.push_back(bytes / divisor);
  return limits;
}

}  // namespace

double localBytes(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> placement) {
  double bytes = double(problem.elementBytes);
  for (int64_t size : problem.shape) bytes *= double(size);
  for (size_t axis = 0; axis < placement.size(); ++axis)
    if (placement[axis].isSplit()) bytes /= double(problem.meshSizes[axis]);
  return bytes;
}

ReshardPath reshardThroughReplication(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> from,
                                      llvm::ArrayRef<AxisPlacement> to) {
  const Axes whole(from.size());
  ReshardPath first = *shortestPath(problem, Axes(from), whole, kInfinite);
  ReshardPath second = *shortestPath(problem, whole, Axes(to), kInfinite);
  first.steps.insert(first.steps.end(), second.steps.begin(), second.steps.end());
  first.cost += second.cost;
  return first;
}

ReshardPath cheapestReshard(const ReshardProblem &problem, llvm::ArrayRef<AxisPlacement> from,
                            llvm::ArrayRef<AxisPlacement> to) {
  const Axes source(from), target(to);
  const ReshardPath replicated = reshardThroughReplication(problem, from, to);
  for (double limit : sizeLimits(problem, source, target))
    if (auto path = shortestPath(problem, source, target, limit * (1 + 1e-9))) {
      if (path->cost > replicated.cost * (1 + kRounding)) path = shortestPath(problem, source, target, kInfinite);
      return path->cost <= replicated.cost * (1 + kRounding) ? *path : replicated;
    }
  return replicated;
}

}  // namespace cleave
