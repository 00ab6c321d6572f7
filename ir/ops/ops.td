// All ops, for TableGen.

include "ir/ops/elementwise.td"
include "ir/ops/activation.td"
include "ir/ops/shape.td"
include "ir/ops/dense.td"
include "ir/ops/network.td"
include "ir/ops/image.td"
include "ir/ops/update.td"
include "ir/ops/placement_ops.td"
