// How long the devices of one mesh take for work and transfers, by what a cluster file says. Knows no ops.

#ifndef CLEAVE_PASSES_COST_MACHINE_H
#define CLEAVE_PASSES_COST_MACHINE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/plan/cluster.h"

namespace cleave {

// What collectives do, seen from one of their members.
enum class TransferKind { kAllReduce, kAllGather, kReduceScatter, kAllToAll, kPermute };

// One task on one device.
struct Work {
  double flops = 0;
  double bytes = 0;               // read and written
  double elements = 0;            // of all operands and results
  double depth = 0;               // extent of the last dimension of the first operand, where there is one
  absl::string_view kernel = "";  // as registered
  absl::string_view dtype = "f32";
  bool multipliesMatrices = false;
  bool drawsRandom = false;  // then the kernel is also looked up as "NAME/random"
};

// One transfer of one group.
struct TransferCost {
  double work = 0;  // seconds in which each member's own threads are busy
  double wire = 0;  // seconds in which the link is
  // The members' copies run while the link is busy.
  double seconds() const { return work > wire ? work : wire; }
};

class Machine {
 public:
  struct Axis {
    std::string name;
    int64_t size = 1;
  };

  // Devices are row-major in the mesh, and lie on hosts in this order. `links` go before the cluster's own and must
  // name an axis each. A device whose neighbours along such an axis share its memory still copies there, besides.
  static absl::StatusOr<Machine> create(Cluster cluster, std::vector<Axis> mesh, std::vector<Cluster::Link> links = {});

  const std::string &name() const { return cluster_.name; }
  int64_t devices() const { return devices_; }
  double memoryBytes() const { return memoryBytes_; }  // of a device

  // The longer of what arithmetic and memory take, and the launch.
  double seconds(const Work &work) const;

  // Devices meet along all of `axes` (indices; the slowest link counts). `bytes`: what a member's operand holds; of an
  // all-gather its result.
  TransferCost transfer(TransferKind kind, absl::Span<const int64_t> axes, double bytes) const;

  // What a device's link along an axis needs for one message of no bytes, and for `bytes` in one direction.
  double latency(int64_t axis) const;
  double sendSeconds(int64_t axis, double bytes) const;

  // Seconds to read or write bytes in the device's own memory.
  double memorySeconds(double bytes) const;

 private:
  struct AxisLink {
    Cluster::Link link;
    std::optional<Cluster::Link> copies;  // shared memory that the emulated link lies on
  };

  Machine(Cluster cluster, std::vector<Axis> mesh);
  void linkAxes(const std::vector<Cluster::Link> &links);
  AxisLink linkOf(size_t axis, const std::vector<Cluster::Link> &links) const;
  double bandwidthFor(double bytes, const Cluster::Kernel *kernel) const;
  const Cluster::Kernel *find(absl::string_view kernel) const;
  double peakOf(absl::string_view dtype) const;

  Cluster cluster_;
  std::vector<Axis> mesh_;
  std::vector<AxisLink> links_;  // by axis
  int64_t devices_ = 1, onHost_ = 1;
  double cores_ = 1;  // that a device has: below 1 where several share one
  double memoryBytes_ = 0;
};

// Bytes that a member of n sends.
double wireBytes(TransferKind kind, double n, double bytes);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COST_MACHINE_H
