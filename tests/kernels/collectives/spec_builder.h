// Collectives of one group, for tests.

#ifndef CLEAVE_TESTS_KERNELS_COLLECTIVES_SPEC_BUILDER_H
#define CLEAVE_TESTS_KERNELS_COLLECTIVES_SPEC_BUILDER_H

#include <vector>

#include "kernels/api/communicator.h"

namespace cleave {

// Shard i of n along a dimension; dimension -1: the whole.
inline Box shardOf(const std::vector<int64_t> &dims, int dim, int64_t i, int64_t n) {
  Box box = wholeBox(dims);
  if (dim >= 0) {
    box.start[dim] = i * dims[dim] / n;
    box.extent[dim] = (i + 1) * dims[dim] / n - box.start[dim];
  }
  return box;
}

// Members 0, 1, ... bring shards along `inputDim` and take shards along `outputDim`.
inline CollectiveSpec specOf(const char *kind, Reduction reduction, const std::vector<int64_t> &dims, int members,
                             int inputDim, int outputDim) {
  CollectiveSpec spec;
  spec.kind = spec.name = kind;
  spec.reduction = reduction;
  spec.dims = {dims};
  CollectiveSpec::Group &group = spec.groups.emplace_back();
  CollectiveSpec::Boxes &boxes = group.segments.emplace_back();
  for (int m = 0; m < members; ++m) {
    group.ranks.push_back(m);
    boxes.inputs.push_back(shardOf(dims, inputDim, m, members));
    boxes.outputs.push_back(shardOf(dims, outputDim, m, members));
  }
  return spec;
}

}  // namespace cleave

#endif  // CLEAVE_TESTS_KERNELS_COLLECTIVES_SPEC_BUILDER_H
