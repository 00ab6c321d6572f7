// What a machine does how fast (cluster.proto), as plain structs: read from text form, checked, and written.

#ifndef CLEAVE_RUNTIME_PLAN_CLUSTER_H
#define CLEAVE_RUNTIME_PLAN_CLUSTER_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave {

// Seconds, bytes, and rates per second, as in cluster.proto, which explains the fields.
struct Cluster {
  struct Point {
    double size = 0, value = 0;
  };
  using Table = std::vector<Point>;  // growing sizes

  struct Peak {
    std::string dtype;
    double flops = 0;
  };
  struct Cache {
    int64_t bytes = 0;
    double bandwidth = 0;
  };
  struct Kernel {
    std::string name;
    Table efficiency, bandwidth;
    double flopsBySum = 0;
  };
  struct Device {
    std::vector<Peak> peaks;
    Table matmulEfficiency;
    int64_t memoryBytes = 0;
    double memoryBandwidth = 0;
    std::vector<Cache> caches;
    double launchOverhead = 0;
    std::vector<Kernel> kernels;
  };
  struct Host {
    int64_t devices = 0, cores = 0;  // 0: see cluster.proto
    double memoryBandwidth = 0;      // 0: each device has its own
  };
  enum class Reach { kAny, kHost, kNetwork };
  enum class Algorithm { kRingOrTree, kDirect, kRing, kTree, kOnePass };
  struct Link {
    std::string axis;  // empty: any
    Reach reach = Reach::kAny;
    Algorithm algorithm = Algorithm::kRingOrTree;
    double latency = 0, bandwidth = 0;
    bool isFullDuplex = false;
  };

  std::string name;
  Device device;
  Host host;
  std::vector<Link> links;
};

// The value of a table at a size; `otherwise` if it is empty.
double valueAt(const Cluster::Table &table, double size, double otherwise);

// A cluster in text form. The error says `where`, the line and the field: "x.textproto:7: links[0].bandwidth requires ...".
absl::StatusOr<Cluster> parseCluster(absl::string_view text, absl::string_view where);

// A shipped cluster by its name, else a file. Names win: "./cpu" is a file.
absl::StatusOr<Cluster> readCluster(const std::string &nameOrFile);

// In text form, with `comment` (lines without "#") on top.
std::string printCluster(const Cluster &cluster, absl::string_view comment);

// The clusters that ship with Cleave: "a100", "cpu", ... Each has its name.
std::vector<std::string> shippedClusters();

// The cluster of a plan for which none was named.
inline constexpr char kDefaultCluster[] = "cpu";

// "1GB/s,50us": a link's bandwidth in B/s, kB/s, MB/s or GB/s (powers of 1000), and its latency in ns, us, ms or s. Such
// a link sends in both directions at once, and to everybody directly.
absl::StatusOr<Cluster::Link> parseLinkSpeed(absl::string_view text);

// "model=1GB/s,50us": the speed of an axis's link.
absl::StatusOr<Cluster::Link> parseAxisLink(absl::string_view text);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_CLUSTER_H
