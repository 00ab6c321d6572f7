// Each job has a head (it can't begin before) and a tail (so much is left when it is over): the longest path, and for a
// collective what each machine (a device's cores, a link) needs for all that comes before it, or behind it. The time of a
// machine is that of Jackson's preemptive schedule: at any time the job that is there and has the longest tail. No order
// that keeps to heads and tails is faster (J. Carlier, "The one-machine sequencing problem", European Journal of
// Operational Research 11, 1982).

#include "passes/cost/step_bound.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <utility>

namespace cleave {
namespace {

struct Job {
  size_t node = 0;
  double seconds = 0;
};
using Machine = std::vector<Job>;
using Seconds = std::vector<double>;  // by node

// Collectives, each with its parts on all devices, and behind them tasks that compute.
struct Network {
  size_t collectives = 0;
  Seconds lasts;
  std::vector<std::vector<size_t>> before, after;  // by node
  std::vector<Machine> machines;
};

Network networkOf(const StepGraph &graph) {
  Network network;
  network.collectives = graph.collectives.size();
  for (const StepGraph::Collective &held : graph.collectives) network.lasts.push_back(std::max(held.work, held.wire));
  std::vector<size_t> nodeOf;  // by task
  std::map<std::pair<int, int>, Machine> streams;  // by device and stream
  std::map<int, Machine> links;
  for (size_t c = 0; c < network.collectives; ++c)
    if (const StepGraph::Collective &held = graph.collectives[c]; held.wire > 0)
      for (int link : held.links) links[link].push_back({c, held.wire});
  for (const StepGraph::Task &task : graph.tasks) {
    const bool computes = task.collective < 0;
    nodeOf.push_back(computes ? network.lasts.size() : size_t(task.collective));
    if (computes) network.lasts.push_back(task.seconds);
    // Copies take the cores that compute.
    const double seconds = computes ? task.seconds : graph.collectives[size_t(task.collective)].work;
    if (seconds > 0)
      streams[{task.device, computes ? task.stream : graph.computeStream}].push_back({nodeOf.back(), seconds});
  }
  network.before.resize(network.lasts.size());
  network.after.resize(network.lasts.size());
  for (size_t t = 0; t < graph.tasks.size(); ++t)
    for (int before : graph.tasks[t].after) {
      network.before[nodeOf[t]].push_back(nodeOf[size_t(before)]);
      network.after[nodeOf[size_t(before)]].push_back(nodeOf[t]);
    }
  for (auto &[key, machine] : streams) network.machines.push_back(std::move(machine));
  for (auto &[key, machine] : links) network.machines.push_back(std::move(machine));
  return network;
}

// The same step backwards: its heads are the tails.
Network reversed(Network network) {
  std::swap(network.before, network.after);
  return network;
}

std::vector<size_t> topologicalOrder(const Network &network) {
  std::vector<size_t> order, missing;
  for (size_t n = 0; n < network.lasts.size(); ++n) {
    missing.push_back(network.before[n].size());
    if (missing[n] == 0) order.push_back(n);
  }
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t after : network.after[order[i]])
      if (--missing[after] == 0) order.push_back(after);
  return order;
}

// The length of Jackson's preemptive schedule.
double preemptiveSeconds(const Machine &machine, const Seconds &heads, const Seconds &tails) {
  std::vector<size_t> byHead(machine.size());
  std::iota(byHead.begin(), byHead.end(), size_t{0});
  std::sort(byHead.begin(), byHead.end(),
            [&](size_t a, size_t b) { return heads[machine[a].node] < heads[machine[b].node]; });
  std::priority_queue<std::pair<double, size_t>> ready;  // by tail
  Seconds left;                                          // by job
  for (const Job &job : machine) left.push_back(job.seconds);
  double now = 0, end = 0;
  for (size_t next = 0; next < byHead.size() || !ready.empty();) {
    if (ready.empty()) now = std::max(now, heads[machine[byHead[next]].node]);
    for (; next < byHead.size() && heads[machine[byHead[next]].node] <= now; ++next)
      ready.push({tails[machine[byHead[next]].node], byHead[next]});
    const auto [tail, job] = ready.top();
    const double whole = now + left[job];
    now = next < byHead.size() ? std::min(whole, heads[machine[byHead[next]].node]) : whole;
    left[job] = whole - now;
    if (now < whole) continue;
    ready.pop();
    end = std::max(end, whole + tail);
  }
  return end;
}

class Heads {
 public:
  explicit Heads(const Network &network)
      : network_(network), order_(topologicalOrder(network)), heads_(network.lasts.size(), 0) {}

  Seconds run() {
    for (size_t place = 0; place < order_.size(); ++place) {
      const size_t node = order_[place];
      for (size_t before : network_.before[node])
        heads_[node] = std::max(heads_[node], heads_[before] + network_.lasts[before]);
      if (node < network_.collectives) waitForMachines(place);
    }
    return std::move(heads_);
  }

 private:
  // A collective begins when each machine is done with all jobs in front of it, and what follows each of them is, too.
  void waitForMachines(size_t place) {
    const Seconds tails = pathsTo(place);
    const size_t node = order_[place];
    for (const Machine &machine : network_.machines) {
      Machine inFront;
      for (const Job &job : machine)
        if (tails[job.node] >= 0) inFront.push_back(job);
      heads_[node] = std::max(heads_[node], preemptiveSeconds(inFront, heads_, tails));
    }
  }

  // From the end of each node to the start of one; below 0 where that does not wait for it.
  Seconds pathsTo(size_t place) const {
    Seconds paths(heads_.size(), -1);
    for (size_t before : network_.before[order_[place]]) paths[before] = 0;
    while (place-- > 0) {
      const size_t node = order_[place];
      if (paths[node] < 0) continue;
      for (size_t before : network_.before[node])
        paths[before] = std::max(paths[before], paths[node] + network_.lasts[node]);
    }
    return paths;
  }

  const Network &network_;
  const std::vector<size_t> order_;
  Seconds heads_;
};

}  // namespace

double leastSeconds(const StepGraph &graph) {
  const Network network = networkOf(graph);
  const Seconds heads = Heads(network).run(), tails = Heads(reversed(network)).run();
  double least = 0;
  for (size_t node = 0; node < heads.size(); ++node)
    least = std::max(least, heads[node] + network.lasts[node] + tails[node]);
  for (const Machine &machine : network.machines)
    least = std::max(least, preemptiveSeconds(machine, heads, tails));
  return least;
}

}  // namespace cleave
