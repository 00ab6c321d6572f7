// Finds out what this machine does how fast.

#ifndef CLEAVE_TOOLS_MEASURE_MEASURE_CLUSTER_H
#define CLEAVE_TOOLS_MEASURE_MEASURE_CLUSTER_H

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "kernels/api/registry.h"
#include "runtime/plan/cluster.h"

namespace cleave {

struct MeasureOptions {
  int cores = 1;  // that devices will share
  int64_t memoryBytes = 0;
  // Hears what comes next, and the part that is done, in [0, 1]. May be empty.
  std::function<void(const std::string &what, double part)> progress;
};

// With all cores at work, as in a step: products of matrices, the other kernels, memory, and collectives. The figures are
// those of one core; link and memory are the host's.
absl::StatusOr<Cluster> measureCluster(const Registry &registry, const MeasureOptions &options);

}  // namespace cleave

#endif  // CLEAVE_TOOLS_MEASURE_MEASURE_CLUSTER_H
