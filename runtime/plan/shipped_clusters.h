// The files of clusters/, generated into the program.

#ifndef CLEAVE_RUNTIME_PLAN_SHIPPED_CLUSTERS_H
#define CLEAVE_RUNTIME_PLAN_SHIPPED_CLUSTERS_H

#include "absl/types/span.h"

namespace cleave {

struct ShippedCluster {
  const char *name, *text;
};

// Sorted by name.
absl::Span<const ShippedCluster> shippedClusterFiles();

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_SHIPPED_CLUSTERS_H
