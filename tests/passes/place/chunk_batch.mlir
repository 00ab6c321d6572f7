// RUN: cleave-opt %s --split-input-file --cleave-chunk-batch | FileCheck %s

// Forward and backward become the region of one chunked op, each op in it for a slice of the batch. What the update
// reads are sums over the slices. Microbatches are a dimension of the data.
// CHECK-LABEL: func @step
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x4xf32> {cleave.parameter = "w"}, %[[X:[a-z0-9]+]]: tensor<2x3x8xf32> {cleave.batch_dim = 1 : i64, cleave.input = "x"}, %[[LABELS:[a-z0-9]+]]: tensor<2x3xi32> {cleave.batch_dim = 1 : i64, cleave.input = "labels"}
// CHECK-SAME: attributes {cleave.entry = "step"}
// CHECK: %[[ONE:.*]] = cleave.constant
// CHECK-NEXT: %[[SUMS:.*]]:2 = cleave.chunked 2(%[[X]], %[[LABELS]], %[[W]], %[[ONE]]) [S(0), S(0), B, B] -> [P(sum), P(sum)] {
// CHECK-NEXT: ^bb0(%[[XS:.*]]: tensor<1x3x8xf32>, %[[LS:.*]]: tensor<1x3xi32>, %[[WS:.*]]: tensor<8x4xf32>, %[[ONES:.*]]: tensor<f32>):
// CHECK-NEXT: %[[A:.*]] = cleave.reshape %[[XS]] {cleave.name = "x.microbatch", cleave.phase = "forward"} : (tensor<1x3x8xf32>) -> tensor<3x8xf32>
// CHECK-NEXT: %[[L:.*]] = cleave.reshape %[[LS]] {cleave.name = "labels.microbatch", cleave.phase = "forward"} : (tensor<1x3xi32>) -> tensor<3xi32>
// CHECK-NEXT: %[[Y:.*]] = cleave.matmul %[[A]], %[[WS]] {cleave.layer = #cleave.layer<"layer", 0>, cleave.name = "y", cleave.phase = "forward"} : (tensor<3x8xf32>, tensor<8x4xf32>) -> tensor<3x4xf32>
// CHECK-NEXT: %[[S:.*]], %{{.*}}, %[[LSE:.*]] = cleave.cross_entropy %[[Y]], %[[L]]
// CHECK-NEXT: %[[DY:.*]] = cleave.cross_entropy_gradient %[[Y]], %[[L]], %[[LSE]], %[[ONES]] {{.*}} -> tensor<3x4xf32>
// CHECK-NEXT: %[[DW:.*]] = cleave.outer %[[A]], %[[DY]] {{.*}} -> tensor<8x4xf32>
// CHECK-NEXT: cleave.yield %[[S]], %[[DW]] : tensor<f32>, tensor<8x4xf32>
// CHECK-NEXT: } {cleave.name = "microbatches"} : (tensor<2x3x8xf32>, tensor<2x3xi32>, tensor<8x4xf32>, tensor<f32>) -> (tensor<f32>, tensor<8x4xf32>)
// CHECK-NEXT: %[[NEXT:.*]] = cleave.sub %[[W]], %[[SUMS]]#1
// CHECK-NEXT: return %[[NEXT]], %[[SUMS]]#0
func.func @step(%w: tensor<8x4xf32> {cleave.parameter = "w"}, %x: tensor<6x8xf32>
    {cleave.batch_dim = 0 : i64, cleave.input = "x"}, %labels: tensor<6xi32>
    {cleave.batch_dim = 0 : i64, cleave.input = "labels"})
    -> (tensor<8x4xf32>, tensor<f32>) attributes {cleave.entry = "step", cleave.microbatches = 2 : i64} {
  %one = cleave.constant {value = dense<1.0> : tensor<f32>, cleave.phase = "backward"} : () -> tensor<f32>
  %y = cleave.matmul %x, %w {cleave.name = "y", cleave.layer = #cleave.layer<"layer", 0>, cleave.phase = "forward"}
      : (tensor<6x8xf32>, tensor<8x4xf32>) -> tensor<6x4xf32>
  %s, %count, %lse = cleave.cross_entropy %y, %labels {cleave.phase = "forward"} : (tensor<6x4xf32>, tensor<6xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<6xf32>)
  %dy = cleave.cross_entropy_gradient %y, %labels, %lse, %one {cleave.phase = "backward"}
      : (tensor<6x4xf32>, tensor<6xi32>, tensor<6xf32>, tensor<f32>) -> tensor<6x4xf32>
  %dw = cleave.outer %x, %dy {cleave.phase = "backward"} : (tensor<6x8xf32>, tensor<6x4xf32>) -> tensor<8x4xf32>
  %next = cleave.sub %w, %dw {cleave.phase = "update"} : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %next, %s : tensor<8x4xf32>, tensor<f32>
}

// An entry that is not marked stays as it is.
// CHECK-LABEL: func @evaluate
// CHECK-SAME: tensor<6x8xf32>
// CHECK-NOT: cleave.chunked
// CHECK: return
func.func @evaluate(%x: tensor<6x8xf32> {cleave.batch_dim = 0 : i64, cleave.input = "x"}) -> tensor<f32> attributes
    {cleave.entry = "evaluate"} {
  %s = cleave.sum_squares %x {cleave.phase = "forward"} : (tensor<6x8xf32>) -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// What does not depend on the batch runs once, outside: a table, even a random one, and a penalty on a parameter.
// CHECK-LABEL: func @once
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<4x4xf32>
// CHECK-SAME: %[[RNG:[a-z0-9]+]]: tensor<4xi32>
// CHECK-NEXT: %[[T:.*]] = cleave.dropout %[[W]], %[[RNG]]
// CHECK-NEXT: %[[P:.*]] = cleave.sum_squares %[[T]]
// CHECK-NEXT: %[[S:.*]] = cleave.chunked 2(%{{.*}}, %[[T]]) [S(0), B] -> [P(sum)]
// CHECK: cleave.matmul
// CHECK: cleave.yield
// CHECK: return %[[S]], %[[P]]
func.func @once(%w: tensor<4x4xf32>, %x: tensor<2x4xf32> {cleave.batch_dim = 0 : i64}, %rng: tensor<4xi32>)
    -> (tensor<f32>, tensor<f32>) attributes {cleave.microbatches = 2 : i64} {
  %t = cleave.dropout %w, %rng {rate = 0.5 : f64, id = 1 : i64} : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
  %y = cleave.matmul %x, %t : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %s = cleave.sum_squares %y : (tensor<2x4xf32>) -> tensor<f32>
  %p = cleave.sum_squares %t : (tensor<4x4xf32>) -> tensor<f32>
  return %s, %p : tensor<f32>, tensor<f32>
}

// -----

// Where what does not depend on the batch is wanted in slices, it is made in slices: once, if they are equal
// (constants, counts, repeated values); random ones differ.
// CHECK-LABEL: func @slices
// CHECK-SAME: %[[B:[a-z0-9]+]]: tensor<8xf32>
// CHECK-NEXT: %[[R:.*]] = cleave.broadcast %[[B]] {{.*}} -> tensor<2x8xf32>
// CHECK-NEXT: %[[C:.*]] = cleave.constant {{.*}}-> tensor<2x8xf32>
// CHECK-NEXT: %[[I:.*]] = cleave.iota {{.*}}-> tensor<2x8xf32>
// CHECK-NEXT: cleave.chunked 2(%{{.*}}, %[[R]], %{{.*}}, %[[C]], %[[I]]) [S(0), B, B, B, B] -> [P(sum)]
// CHECK: %[[X:.*]] = cleave.reshape
// CHECK-NEXT: %[[D:.*]] = cleave.dropout {{.*}} -> tensor<2x8xf32>
// CHECK-NEXT: %[[Y:.*]] = cleave.add %[[X]], %[[D]]
// CHECK-NEXT: %[[Z:.*]] = cleave.mul %[[Y]]
// CHECK-NEXT: %[[V:.*]] = cleave.mul %[[Z]]
// CHECK-NEXT: %[[CUT:.*]] = cleave.slice %[[V]] {{.*}}limits = array<i64: 2, 4>, {{.*}} -> tensor<2x4xf32>
// CHECK-NEXT: cleave.sum_squares %[[CUT]]
func.func @slices(%b: tensor<8xf32>, %x: tensor<4x8xf32> {cleave.batch_dim = 0 : i64}, %rng: tensor<4xi32>)
    -> tensor<f32> attributes {cleave.microbatches = 2 : i64} {
  %one = cleave.constant {value = dense<1.0> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
  %i = cleave.iota {dimension = 1 : i64} : () -> tensor<4x8xf32>
  %r = cleave.broadcast %b {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %d = cleave.dropout %r, %rng {rate = 0.5 : f64, id = 1 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %y = cleave.add %x, %d : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %z = cleave.mul %y, %one : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %v = cleave.mul %z, %i : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %cut = cleave.slice %v {starts = array<i64: 0, 0>, limits = array<i64: 4, 4>, steps = array<i64: 1, 1>}
      : (tensor<4x8xf32>) -> tensor<4x4xf32>
  %s = cleave.sum_squares %cut : (tensor<4x4xf32>) -> tensor<f32>
  return %s : tensor<f32>
}

// -----

// A microbatch gives its share of a mean, and of what is added that does not depend on the batch.
// CHECK-LABEL: func @mean
// CHECK: %[[PENALTY:.*]] = cleave.sum_squares
// CHECK-NEXT: %[[TERM:.*]] = cleave.scale %[[PENALTY]] {cleave.name = "penalty.share", cleave.phase = "forward", factor = 2.500000e-01 : f64} : (tensor<f32>)
// CHECK-NEXT: cleave.chunked 4(%{{.*}}, %[[TERM]]) [S(0), B] -> [P(sum)]
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<1x2x8xf32>, %[[T:.*]]: tensor<f32>):
// CHECK: %[[SHARE:.*]] = cleave.scale %{{.*}} {cleave.name = "mean.scale", cleave.phase = "forward", factor = 2.500000e-01 : f64} : (tensor<2x8xf32>)
// CHECK: %[[MEAN:.*]] = cleave.reduce %[[SHARE]] {{.*}}kind = "mean"
// CHECK-NEXT: cleave.add %[[MEAN]], %[[T]]
func.func @mean(%w: tensor<8x8xf32>, %x: tensor<8x8xf32> {cleave.batch_dim = 0 : i64}) -> tensor<f32> attributes
    {cleave.microbatches = 4 : i64} {
  %0 = cleave.reduce %x {cleave.name = "mean", cleave.phase = "forward", kind = "mean", dimensions = array<i64: 0,
      1>} : (tensor<8x8xf32>) -> tensor<f32>
  %1 = cleave.sum_squares %w {cleave.name = "penalty", cleave.phase = "forward"} : (tensor<8x8xf32>) -> tensor<f32>
  %2 = cleave.add %0, %1 {cleave.name = "loss", cleave.phase = "forward"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}

// -----

// What is read outside of each example is joined, and a maximum over the batch is the greatest of all.
// CHECK-LABEL: func @others
// CHECK: %[[R:.*]]:2 = cleave.chunked 2({{.*}}) [S(0)] -> [S(0), P(max)]
// CHECK: return %[[R]]#0, %[[R]]#1 : tensor<4x8xf32>, tensor<8xf32>
func.func @others(%x: tensor<4x8xf32> {cleave.batch_dim = 0 : i64}) -> (tensor<4x8xf32>, tensor<8xf32>) attributes
    {cleave.microbatches = 2 : i64} {
  %0 = cleave.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.reduce %0 {kind = "max", dimensions = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// An update may stand between its gradient and the ops that it has nothing to do with, and may read the data.
// CHECK-LABEL: func @mixed
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8xf32>
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<2x2x8xf32>
// CHECK-NEXT: %[[BATCH:.*]] = cleave.reshape %[[X]] {cleave.name = "x.batch", cleave.phase = "update"} : (tensor<2x2x8xf32>) -> tensor<4x8xf32>
// CHECK-NEXT: %[[ALL:.*]] = cleave.sum_squares %[[BATCH]]
// CHECK-NEXT: %[[R:.*]]:2 = cleave.chunked 2(%[[X]]) [S(0)] -> [P(sum), P(sum)]
// CHECK: cleave.yield
// CHECK: cleave.sub %[[W]], %[[R]]#0
func.func @mixed(%w: tensor<8xf32>, %x: tensor<4x8xf32> {cleave.batch_dim = 0 : i64, cleave.input = "x"})
    -> (tensor<8xf32>, tensor<f32>, tensor<f32>) attributes {cleave.microbatches = 2 : i64} {
  %0 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 0>} : (tensor<4x8xf32>) -> tensor<8xf32>
  %1 = cleave.sub %w, %0 {cleave.phase = "update"} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = cleave.sum_squares %x : (tensor<4x8xf32>) -> tensor<f32>
  %3 = cleave.sum_squares %x {cleave.phase = "update"} : (tensor<4x8xf32>) -> tensor<f32>
  return %1, %2, %3 : tensor<8xf32>, tensor<f32>, tensor<f32>
}
