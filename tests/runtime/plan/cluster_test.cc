#include "runtime/plan/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"

namespace cleave {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] = R"(name: "two cores"
device {
  peaks { dtype: "f32" flops: 1e11 }
  matmul_efficiency { size: 64 value: 0.5 }
  matmul_efficiency { size: 1024 value: 0.9 }
  memory_bytes: 8000000000
  memory_bandwidth: 1e10
  caches { bytes: 2000000 bandwidth: 5e10 }
  launch_overhead: 1e-6
  kernels { name: "gelu" bandwidth { size: 1e6 value: 3e9 } }
}
host { cores: 2 memory_bandwidth: 1.5e10 }
links { reach: "host" algorithm: "one_pass" latency: 0 bandwidth: 8e9 }
)";

// What the reader says of the text above with one part replaced.
std::string errorWith(const char *from, const char *to) {
  const std::string text = absl::StrReplaceAll(kText, {{from, to}});
  EXPECT_NE(text, kText) << from;
  const auto cluster = parseCluster(text, "c.textproto");
  return cluster.ok() ? "" : std::string(cluster.status().message());
}

TEST(ClusterTest, EveryShippedClusterIsWhole) {
  EXPECT_THAT(shippedClusters(), ::testing::ElementsAre("a100", "cpu", "h100", "h200"));
  for (const std::string &name : shippedClusters()) {
    const auto cluster = readCluster(name);
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    EXPECT_EQ(cluster->name, name);
  }
}

TEST(ClusterTest, TextBecomesAStructAndTextAgain) {
  const auto cluster = parseCluster(kText, "c");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_EQ(cluster->device.peaks[0].flops, 1e11);
  EXPECT_EQ(cluster->device.kernels[0].bandwidth[0].value, 3e9);
  EXPECT_EQ(cluster->host.cores, 2);
  EXPECT_EQ(cluster->links[0].algorithm, Cluster::Algorithm::kOnePass);
  EXPECT_FALSE(cluster->links[0].isFullDuplex);
  const std::string printed = printCluster(*cluster, "measured\n\nhere");
  EXPECT_THAT(printed, HasSubstr("# measured\n#\n# here\n"));
  const auto again = parseCluster(printed, "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(printCluster(*again, ""), printCluster(*cluster, ""));
}

TEST(ClusterTest, AnUnknownFieldIsNamedWithItsLine) {
  EXPECT_THAT(errorWith("launch_overhead", "launch_overhang"), HasSubstr("c.textproto:9: "));
  EXPECT_THAT(errorWith("launch_overhead", "launch_overhang"), HasSubstr("launch_overhang"));
}

TEST(ClusterTest, FiguresThatCantBeAreErrorsWithLineAndField) {
  EXPECT_EQ(errorWith("flops: 1e11", "flops: -1e11"),
            "c.textproto:3: device.peaks[0].flops requires a number above 0, got -1e+11");
  EXPECT_EQ(errorWith("value: 0.9", "value: 1.9"),
            "c.textproto:5: device.matmul_efficiency[1].value requires a number above 0 and up to 1, got 1.9");
  EXPECT_EQ(errorWith("size: 1024", "size: 32"),
            "c.textproto:5: device.matmul_efficiency[1].size requires a size above that of the row before, 64, got 32");
  EXPECT_EQ(errorWith("latency: 0", "latency: inf"),
            "c.textproto:13: links[0].latency requires a number of at least 0, got inf");
  EXPECT_EQ(errorWith("cores: 2", "cores: 0"), "c.textproto:12: host.cores requires a number above 0, got 0");
  EXPECT_EQ(errorWith("\"one_pass\"", "\"snail\""),
            "c.textproto:13: links[0].algorithm requires one of direct, ring, tree, one_pass, got \"snail\"");
}

TEST(ClusterTest, MissingPartsAreErrors) {
  EXPECT_EQ(errorWith("  memory_bandwidth: 1e10\n", ""),
            "c.textproto:2: device.memory_bandwidth requires a number above 0, got none");
  EXPECT_EQ(errorWith("name: \"two cores\"", ""), "c.textproto:1: name requires a value, got none");
  EXPECT_EQ(errorWith("reach: \"host\"", "reach: \"network\""),
            "c.textproto:13: links requires a link between devices of a machine, for any axis, got none");
  EXPECT_EQ(errorWith("cores: 2", "devices: 4"),
            "c.textproto:13: links requires a link between machines, for any axis, since host.devices is given, got none");
  EXPECT_THAT(std::string(parseCluster("", "empty").status().message()), HasSubstr("empty:1: name requires"));
}

TEST(ClusterTest, AFileThatIsNotThereIsNamedWithTheShippedOnes) {
  EXPECT_THAT(std::string(readCluster("b100").status().message()), HasSubstr("a100, cpu, h100, h200, got \"b100\""));
}

TEST(ClusterTest, TablesAreInterpolatedAlongTheLogarithmAndEndFlat) {
  const Cluster::Table table = {{1, 0.2}, {100, 0.6}};
  EXPECT_DOUBLE_EQ(valueAt(table, 10, 1), 0.4);
  EXPECT_EQ(valueAt(table, 0.5, 1), 0.2);
  EXPECT_EQ(valueAt(table, 1e9, 1), 0.6);
  EXPECT_EQ(valueAt({}, 10, 0.7), 0.7);
}

TEST(LinkTextTest, BandwidthAndLatencyHaveUnits) {
  const auto link = parseAxisLink("model=1GB/s,50us");
  ASSERT_TRUE(link.ok()) << link.status();
  EXPECT_EQ(link->axis, "model");
  EXPECT_DOUBLE_EQ(link->bandwidth, 1e9);
  EXPECT_DOUBLE_EQ(link->latency, 50e-6);
  EXPECT_TRUE(link->isFullDuplex);
  EXPECT_DOUBLE_EQ(parseLinkSpeed("2.5MB/s,1ms")->bandwidth, 2.5e6);
  EXPECT_DOUBLE_EQ(parseLinkSpeed("800B/s,0s")->bandwidth, 800);
  EXPECT_DOUBLE_EQ(parseLinkSpeed("3kB/s,7ns")->latency, 7e-9);
}

TEST(LinkTextTest, AnythingElseIsRefused) {
  for (const char *text : {"model", "=1GB/s,1us", "model=", "model=1GB/s", "model=1GB,1us", "model=1Gb/s,1us",
                           "model=0GB/s,1us", "model=-1GB/s,1us", "model=1GB/s,-1us", "model=1GB/s,1us,2us",
                           "model=nanGB/s,1us", "model=1TB/s,1us", "model=infGB/s,1us", "model=GB/s,us",
                           "model=1 GB/s,1us", "model=01GB/s,1us", "model=+1GB/s,1us"})
    EXPECT_FALSE(parseAxisLink(text).ok()) << text;
}

}  // namespace
}  // namespace cleave
