#include "passes/cost/machine.h"

#include <gtest/gtest.h>

namespace cleave {
namespace {

Cluster plainCluster() {
  Cluster cluster;
  cluster.device.peaks = {{"f32", 1e12}, {"bf16", 4e12}};
  cluster.device.matmulEfficiency = {{100, 0.25}, {1000, 0.75}};
  cluster.device.memoryBytes = 1000;
  cluster.device.memoryBandwidth = 1e10;
  cluster.device.launchOverhead = 1e-6;
  cluster.links = {{"", Cluster::Reach::kAny, Cluster::Algorithm::kDirect, 1e-5, 1e9, true}};
  return cluster;
}

Machine machineFor(Cluster cluster, std::vector<Machine::Axis> mesh, std::vector<Cluster::Link> links = {}) {
  auto machine = Machine::create(std::move(cluster), std::move(mesh), std::move(links));
  EXPECT_TRUE(machine.ok()) << machine.status();
  return *machine;
}

Machine machineOn(Cluster cluster, int64_t devices) { return machineFor(std::move(cluster), {{"model", devices}}); }

double allReduce(const Machine &machine, double bytes) {
  return machine.transfer(TransferKind::kAllReduce, {0}, bytes).seconds();
}

TEST(MachineTest, WorkTakesTheLongerOfArithmeticAndMemoryAndTheLaunch) {
  const Machine machine = machineOn(plainCluster(), 2);
  EXPECT_DOUBLE_EQ(machine.seconds({2e9, 1e6}), 2e-3 + 1e-6);
  EXPECT_DOUBLE_EQ(machine.seconds({2e6, 1e8}), 1e-2 + 1e-6);
  EXPECT_DOUBLE_EQ(machine.seconds({}), 1e-6);
}

TEST(MachineTest, ADtypeWithoutAPeakRunsAtThatOfF32) {
  const Machine machine = machineOn(plainCluster(), 2);
  EXPECT_DOUBLE_EQ(machine.seconds({4e9, 0, 0, 0, "", "bf16"}), 1e-3 + 1e-6);
  EXPECT_DOUBLE_EQ(machine.seconds({4e9, 0, 0, 0, "", "f16"}), 4e-3 + 1e-6);
}

TEST(MachineTest, ProductsOfMatricesHaveAnEfficiencyByTheEdgeOfTheirCube) {
  const Machine machine = machineOn(plainCluster(), 2);
  auto product = [&](double m, double n, double k) {
    return machine.seconds({2 * m * n * k, 0, m * k + k * n + m * n, 0, "matmul", "f32", true}) - 1e-6;
  };
  EXPECT_NEAR(product(1000, 1000, 1000), 2e-3 / 0.75, 1e-9);
  EXPECT_NEAR(product(100, 100, 100), 2e-6 / 0.25, 1e-12);
  // As good as a cube of 300: 1.5 * 2e8 / 1e6 elements.
  EXPECT_NEAR(product(999100 / 1000.0, 1000, 100), product(1000, 999.1, 100), 1e-9);
  EXPECT_GT(product(1000, 1000, 100) / 0.1, product(1000, 1000, 1000));
}

TEST(MachineTest, AKernelsOwnTableGoesFirst) {
  Cluster cluster = plainCluster();
  cluster.device.kernels = {{"gelu", {}, {{1, 1e9}}, 0}, {"matmul", {{1, 0.5}}, {}, 0}};
  const Machine machine = machineOn(cluster, 2);
  EXPECT_DOUBLE_EQ(machine.seconds({0, 1e6, 0, 0, "gelu"}), 1e-3 + 1e-6);
  EXPECT_DOUBLE_EQ(machine.seconds({0, 1e6, 0, 0, "relu"}), 1e-4 + 1e-6);
  EXPECT_DOUBLE_EQ(machine.seconds({1e9, 0, 3e6, 0, "matmul", "f32", true}), 2e-3 + 1e-6);
}

TEST(MachineTest, SumsThatCostMoreThanTheirFlopsCountByTheirNumber) {
  Cluster cluster = plainCluster();
  cluster.device.kernels = {{"attention", {{1, 1}}, {}, 30}};
  const Machine machine = machineOn(cluster, 2);
  Work work{1e9, 0, 3e6, 15, "attention"};
  EXPECT_DOUBLE_EQ(machine.seconds(work), 2e-3 + 1e-6);
  work.depth = 150;
  EXPECT_DOUBLE_EQ(machine.seconds(work), 1.1e-3 + 1e-6);
}

TEST(MachineTest, SmallWorkReadsFromTheCache) {
  Cluster cluster = plainCluster();
  cluster.device.caches = {{1000, 1e12}, {1000000, 1e11}};
  const Machine machine = machineOn(cluster, 2);
  EXPECT_DOUBLE_EQ(machine.memorySeconds(1000), 1e-9);
  EXPECT_DOUBLE_EQ(machine.memorySeconds(1001), 1001 / 1e11);
  EXPECT_DOUBLE_EQ(machine.memorySeconds(2e6), 2e6 / 1e10);
}

TEST(MachineTest, DevicesOfOneHostShareItsCoresAndItsMemory) {
  Cluster cluster = plainCluster();
  cluster.host.cores = 4;
  cluster.host.memoryBandwidth = 2e10;
  cluster.device.launchOverhead = 0;
  auto seconds = [&](int64_t devices, double flops, double bytes) {
    return machineOn(cluster, devices).seconds({flops, bytes});
  };
  EXPECT_DOUBLE_EQ(seconds(1, 1e12, 0), 0.25);
  EXPECT_DOUBLE_EQ(seconds(2, 1e12, 0), 0.5);
  EXPECT_DOUBLE_EQ(seconds(3, 1e12, 0), 1);  // one core is idle
  EXPECT_DOUBLE_EQ(seconds(8, 1e12, 0), 2);
  EXPECT_DOUBLE_EQ(seconds(1, 0, 2e10), 1);
  EXPECT_DOUBLE_EQ(seconds(4, 0, 2e10), 4);
  EXPECT_DOUBLE_EQ(machineOn(cluster, 4).memoryBytes(), 250);
}

TEST(MachineTest, ADirectTransferTakesOneLatencyAndWhatAMemberSends) {
  const Machine machine = machineOn(plainCluster(), 4);
  auto seconds = [&](TransferKind kind) { return machine.transfer(kind, {0}, 1e6).seconds(); };
  EXPECT_DOUBLE_EQ(seconds(TransferKind::kAllReduce), 1e-5 + 1.5e-3);
  EXPECT_DOUBLE_EQ(seconds(TransferKind::kAllGather), 1e-5 + 0.75e-3);
  EXPECT_DOUBLE_EQ(seconds(TransferKind::kReduceScatter), 1e-5 + 0.75e-3);
  EXPECT_DOUBLE_EQ(seconds(TransferKind::kAllToAll), 1e-5 + 0.75e-3);
  EXPECT_DOUBLE_EQ(seconds(TransferKind::kPermute), 1e-5 + 1e-3);
}

TEST(MachineTest, AGroupOfOneSendsNothing) {
  EXPECT_EQ(allReduce(machineOn(plainCluster(), 1), 1e6), 0);
}

TEST(MachineTest, RingsPayForEachStepAndTreesForEachLevel) {
  Cluster cluster = plainCluster();
  cluster.links[0].algorithm = Cluster::Algorithm::kRing;
  EXPECT_DOUBLE_EQ(allReduce(machineOn(cluster, 8), 8e6), 14 * 1e-5 + 14e-3);
  cluster.links[0].algorithm = Cluster::Algorithm::kTree;
  EXPECT_DOUBLE_EQ(allReduce(machineOn(cluster, 8), 8e6), 6 * 1e-5 + 16e-3);
}

TEST(MachineTest, WithoutAnAlgorithmSmallMessagesTakeTheTreeAndLargeOnesTheRing) {
  Cluster cluster = plainCluster();
  cluster.links[0].algorithm = Cluster::Algorithm::kRingOrTree;
  const Machine machine = machineOn(cluster, 8);
  EXPECT_DOUBLE_EQ(allReduce(machine, 8), 6e-5 + 16e-9);
  EXPECT_DOUBLE_EQ(allReduce(machine, 8e6), 14e-5 + 14e-3);
}

TEST(MachineTest, HalfDuplexHalvesTheRate) {
  Cluster cluster = plainCluster();
  cluster.links[0].isFullDuplex = false;
  EXPECT_DOUBLE_EQ(allReduce(machineOn(cluster, 2), 1e6), 1e-5 + 2e-3);
}

TEST(MachineTest, InSharedMemoryTheThreadsOfTheMembersAreBusy) {
  Cluster cluster = plainCluster();
  cluster.links[0].algorithm = Cluster::Algorithm::kOnePass;
  const TransferCost cost = machineOn(cluster, 2).transfer(TransferKind::kAllReduce, {0}, 1e6);
  EXPECT_DOUBLE_EQ(cost.work, 1e-5 + 2e-3);
  EXPECT_EQ(cost.wire, 0);
  EXPECT_DOUBLE_EQ(machineOn(cluster, 2).transfer(TransferKind::kReduceScatter, {0}, 1e6).work, 1e-5 + 1.5e-3);
  cluster.host.cores = 2;
  EXPECT_DOUBLE_EQ(machineOn(cluster, 4).transfer(TransferKind::kAllReduce, {0}, 1e6).work, 2 * (1e-5 + 2e-3));
}

TEST(MachineTest, ALinkOfTheCommandLineComesOnTopOfCopiesInSharedMemory) {
  Cluster cluster = plainCluster();
  const Cluster::Link slow{"model", Cluster::Reach::kAny, Cluster::Algorithm::kDirect, 1e-3, 1e6, true};
  const TransferCost alone = machineFor(cluster, {{"model", 2}}, {slow}).transfer(TransferKind::kAllReduce, {0}, 1e6);
  EXPECT_DOUBLE_EQ(alone.wire, 1e-3 + 1);
  EXPECT_EQ(alone.work, 0);
  cluster.links[0].algorithm = Cluster::Algorithm::kOnePass;
  const TransferCost copied = machineFor(cluster, {{"model", 2}}, {slow}).transfer(TransferKind::kAllReduce, {0}, 1e6);
  EXPECT_DOUBLE_EQ(copied.wire, 1e-3 + 1);
  EXPECT_DOUBLE_EQ(copied.work, 1e-5 + 2e-3);
}

TEST(MachineTest, ALinkOfAnAxisThatTheMeshLacksIsRefused) {
  const Cluster::Link link{"pipe", Cluster::Reach::kAny, Cluster::Algorithm::kDirect, 0, 1, true};
  const auto machine = Machine::create(plainCluster(), {{"data", 2}, {"model", 2}}, {link});
  EXPECT_EQ(machine.status().message(), "requires a link of an axis of the mesh (data, model), got \"pipe\"");
}

TEST(MachineTest, AnAxisWithinAHostTakesTheHostsLinkAndOneAcrossTakesTheNetwork) {
  Cluster cluster = plainCluster();
  cluster.host.devices = 8;
  cluster.links = {{"", Cluster::Reach::kHost, Cluster::Algorithm::kDirect, 0, 1e11, true},
                   {"", Cluster::Reach::kNetwork, Cluster::Algorithm::kDirect, 0, 1e9, true}};
  const Machine pod = machineFor(cluster, {{"data", 4}, {"model", 8}});
  EXPECT_DOUBLE_EQ(pod.transfer(TransferKind::kPermute, {1}, 1e9).wire, 0.01);
  EXPECT_DOUBLE_EQ(pod.transfer(TransferKind::kPermute, {0}, 1e9).wire, 1);
  EXPECT_DOUBLE_EQ(pod.transfer(TransferKind::kPermute, {0, 1}, 1e9).wire, 1);
  const Machine box = machineFor(cluster, {{"data", 2}, {"model", 4}});
  EXPECT_DOUBLE_EQ(box.transfer(TransferKind::kPermute, {0}, 1e9).wire, 0.01);
  cluster.links.push_back({"data", Cluster::Reach::kAny, Cluster::Algorithm::kDirect, 0, 1e8, true});
  const Machine named = machineFor(cluster, {{"data", 2}, {"model", 4}});
  EXPECT_DOUBLE_EQ(named.transfer(TransferKind::kPermute, {0}, 1e9).wire, 10);
}

}  // namespace
}  // namespace cleave
