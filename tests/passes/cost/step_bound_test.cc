#include "passes/cost/step_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace cleave {
namespace {

constexpr int kCompute = 0, kCommunicate = 1;
constexpr double kRounding = 1e-9;

// A step that all devices run, in an order of one's choice.
struct Program {
  struct Node {
    std::vector<double> seconds;  // by device; of a transfer: work and wire
    std::vector<int> links;       // of a transfer
    std::vector<int> after;
  };

  int compute(std::vector<double> seconds, std::vector<int> after = {}) {
    nodes.push_back({std::move(seconds), {}, std::move(after)});
    return int(nodes.size()) - 1;
  }
  int transfer(double work, double wire, std::vector<int> links, std::vector<int> after = {}) {
    nodes.push_back({{work, wire}, std::move(links), std::move(after)});
    return int(nodes.size()) - 1;
  }

  StepGraph inOrder(const std::vector<int> &order) const {
    StepGraph graph;
    std::map<int, int> place;
    for (int node : order) place.emplace(node, int(place.size()));
    for (int device = 0; device < devices; ++device)
      for (int node : order) {
        const Node &held = nodes[size_t(node)];
        const bool moves = !held.links.empty();
        if (moves && device == 0) graph.collectives.push_back({held.seconds[0], held.seconds[1], held.links});
        StepGraph::Task task;
        task.device = device;
        task.stream = moves ? kCommunicate : kCompute;
        task.seconds = moves ? 0 : held.seconds[size_t(device) % held.seconds.size()];
        task.collective = moves ? collectiveOf(order, node) : -1;
        for (int before : held.after) task.after.push_back(device * int(order.size()) + place[before]);
        graph.tasks.push_back(std::move(task));
      }
    return graph;
  }
  StepGraph inOrder() const {
    std::vector<int> order;
    for (size_t n = 0; n < nodes.size(); ++n) order.push_back(int(n));
    return inOrder(order);
  }
  double bound() const { return leastSeconds(inOrder()); }

  // The sums of what each device and each link have to do, and nothing else.
  double busiest() const {
    std::map<int, double> ofLinks;
    std::vector<double> ofDevices(size_t(devices), 0);
    for (const Node &node : nodes) {
      for (int link : node.links) ofLinks[link] += node.seconds[1];
      for (size_t d = 0; d < ofDevices.size(); ++d)
        ofDevices[d] += node.links.empty() ? node.seconds[d % node.seconds.size()] : node.seconds[0];
    }
    double most = *std::max_element(ofDevices.begin(), ofDevices.end());
    for (const auto &[link, seconds] : ofLinks) most = std::max(most, seconds);
    return most;
  }

  int devices = 2;
  std::vector<Node> nodes;

 private:
  // Collectives are numbered in order.
  int collectiveOf(const std::vector<int> &order, int node) const {
    int number = 0;
    for (int other : order) {
      if (other == node) break;
      number += !nodes[size_t(other)].links.empty();
    }
    return number;
  }
};

double secondsOf(const StepGraph &graph) {
  const auto times = timesOf(graph);
  EXPECT_TRUE(times.ok()) << times.status();
  return times->seconds;
}

// Calls `use` with every order of the nodes that keeps to what they wait for.
template <typename Use>
void forEachOrder(const Program &program, std::vector<int> &order, const Use &use) {
  if (order.size() == program.nodes.size()) return use(order);
  const auto isPlaced = [&](int node) { return std::find(order.begin(), order.end(), node) != order.end(); };
  for (int node = 0; node < int(program.nodes.size()); ++node) {
    const std::vector<int> &after = program.nodes[size_t(node)].after;
    if (isPlaced(node) || !std::all_of(after.begin(), after.end(), isPlaced)) continue;
    order.push_back(node);
    forEachOrder(program, order, use);
    order.pop_back();
  }
}

double leastOfAllOrders(const Program &program) {
  double least = 1e9;
  std::vector<int> order;
  forEachOrder(program, order, [&](const std::vector<int> &o) {
    least = std::min(least, secondsOf(program.inOrder(o)));
  });
  return least;
}

struct Shape {
  int nodes = 0;
  int reads = 0, back = 1;  // 1 to so many values a node, of those of up to so many nodes in front of it
  double transfers = 0;     // their share
  bool isUneven = false;    // devices differ, transfers copy, and may use two links
};

Program randomProgram(const Shape &shape, std::mt19937 &draw) {
  const auto below = [&](int n) { return int(draw() % unsigned(n)); };
  Program program;
  for (int n = 0; n < shape.nodes; ++n) {
    std::vector<int> after;
    for (int r = n > 0 ? 1 + below(shape.reads) : 0; r > 0; --r)
      after.push_back(std::max(0, n - 1 - below(shape.back)));
    const double seconds = 1 + below(9);
    if (below(1000) < shape.transfers * 1000) {
      std::vector<int> links = {below(2)};
      if (shape.isUneven && below(4) == 0) links = {0, 1};
      program.transfer(shape.isUneven ? below(3) : 0, seconds, links, after);
    } else {
      std::vector<double> byDevice = {seconds};
      if (shape.isUneven) byDevice.push_back(1 + below(9));
      program.compute(byDevice, after);
    }
  }
  return program;
}

// An order by random priorities: what a list scheduler could choose.
std::vector<int> randomOrder(const Program &program, std::mt19937 &draw) {
  std::vector<int> order, missing, ready;
  std::vector<bool> isPlaced(program.nodes.size(), false);
  while (order.size() < program.nodes.size()) {
    ready.clear();
    for (int node = 0; node < int(program.nodes.size()); ++node) {
      const std::vector<int> &after = program.nodes[size_t(node)].after;
      if (!isPlaced[size_t(node)] &&
          std::all_of(after.begin(), after.end(), [&](int before) { return isPlaced[size_t(before)]; }))
        ready.push_back(node);
    }
    order.push_back(ready[draw() % ready.size()]);
    isPlaced[size_t(order.back())] = true;
  }
  return order;
}

TEST(StepBoundTest, AChainTakesItsLength) {
  Program program;
  const int first = program.compute({1});
  const int sum = program.transfer(0, 3, {0}, {first});
  program.compute({1}, {sum});
  EXPECT_EQ(program.busiest(), 3);
  EXPECT_EQ(program.bound(), 5);
}

TEST(StepBoundTest, WhatADeviceComputesIsAddedUp) {
  Program program;
  const int first = program.compute({1, 2});
  program.transfer(0.5, 3, {0}, {first});
  program.compute({3, 4});
  EXPECT_EQ(program.bound(), 6.5);  // with the copies that the transfer asks for
}

// Gradients become ready one after the other, and each is sent and then used for an update.
TEST(StepBoundTest, ALinkWaitsForItsFirstTransferAndIsFollowedByTheLastOnesReader) {
  Program program;
  int chain = program.compute({4});
  for (int layer = 0; layer < 4; ++layer) {
    chain = program.compute({1}, {chain});
    const int sum = program.transfer(0, 3, {0}, {chain});
    program.compute({0.5}, {sum});
  }
  EXPECT_EQ(program.busiest(), 12);
  EXPECT_EQ(program.bound(), 5 + 4 * 3 + 0.5);
  EXPECT_EQ(secondsOf(program.inOrder({0, 1, 2, 4, 5, 7, 8, 10, 11, 3, 6, 9, 12})), program.bound());
}

// No path is longer than 1 + 2 + 1, but all four have to be computed, one by one, before the transfer starts.
TEST(StepBoundTest, WhatATransferNeedsIsComputedOnOneDevice) {
  Program program;
  std::vector<int> parts;
  for (int part = 0; part < 4; ++part) parts.push_back(program.compute({1}));
  const int sum = program.transfer(0, 2, {0}, parts);
  for (int part = 0; part < 3; ++part) program.compute({1}, {sum});
  EXPECT_EQ(program.busiest(), 7);
  EXPECT_EQ(program.bound(), 4 + 2 + 3);
}

// The long transfer can't begin first, and what follows it is long: it would have to interrupt the other one.
TEST(StepBoundTest, AJobWithALongTailInterrupts) {
  Program program;
  program.transfer(0, 4, {0});
  const int late = program.compute({2});
  const int sum = program.transfer(0, 4, {0}, {late});
  program.compute({5}, {sum});
  EXPECT_EQ(program.bound(), 2 + 4 + 5);
  EXPECT_EQ(leastOfAllOrders(program), 11);
}

TEST(StepBoundTest, ACollectiveWaitsForItsSlowestMember) {
  Program program;
  const int part = program.compute({1, 4});
  const int sum = program.transfer(0, 2, {0}, {part});
  program.compute({5, 1}, {sum});
  EXPECT_EQ(program.bound(), 4 + 2 + 5);
}

TEST(StepBoundTest, TheOrderOfTasksDoesNotCount) {
  std::mt19937 draw(1);
  for (int seed = 0; seed < 20; ++seed) {
    const Program program = randomProgram({30, 2, 8, 0.3, /*isUneven=*/true}, draw);
    const double bound = program.bound();
    EXPECT_NEAR(leastSeconds(program.inOrder(randomOrder(program, draw))), bound, kRounding) << "graph " << seed;
  }
}

TEST(StepBoundTest, NoOrderOfARandomStepIsFaster) {
  std::mt19937 draw(2);
  int above = 0;
  for (int seed = 0; seed < 200; ++seed) {
    const Program program = randomProgram({10 + seed % 40, 1 + seed % 3, 1 + seed % 5, 0.35, seed % 2 == 0}, draw);
    const double bound = program.bound();
    above += bound > program.busiest() + kRounding;
    EXPECT_GE(bound, program.busiest() - kRounding) << "graph " << seed;
    for (int order = 0; order < 30; ++order)
      EXPECT_LE(bound, secondsOf(program.inOrder(randomOrder(program, draw))) + kRounding) << "graph " << seed;
  }
  EXPECT_GT(above, 100);  // mostly what is busiest is not all
}

// Against the best of all orders.
TEST(StepBoundTest, SmallStepsReachTheBoundOrNearlyDo) {
  std::mt19937 draw(3);
  int reached = 0;
  double least = 1;
  constexpr int kSteps = 100;
  for (int seed = 0; seed < kSteps; ++seed) {
    const Program program = randomProgram({8, 1 + seed % 3, 1 + seed % 4, 0.4, seed % 2 == 0}, draw);
    const double best = leastOfAllOrders(program), share = program.bound() / best;
    EXPECT_LE(share, 1 + kRounding) << "graph " << seed;
    reached += share > 1 - kRounding;
    least = std::min(least, share);
  }
  EXPECT_GE(reached, 90);
  EXPECT_GE(least, 0.85);
}

}  // namespace
}  // namespace cleave
