// RUN: cleave-opt %s --cleave-unroll-chunks | FileCheck %s

// Each run reads its slice of what is split and all of what is not, and the runs' terms are added in order.
// CHECK-LABEL: func @sums
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<6x4xf32>
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<4x4xf32>
// CHECK-NEXT: %[[X0:.*]] = cleave.slice %[[X]] {{.*}}cleave.name = "x/0"{{.*}}limits = array<i64: 2, 4>, starts = array<i64: 0, 0>
// CHECK-NEXT: %[[Y0:.*]] = cleave.matmul %[[X0]], %[[W]] {cleave.name = "y/0"}
// CHECK-NEXT: %[[S0:.*]] = cleave.sum_squares %[[Y0]] {cleave.name = "s/0"}
// CHECK-NEXT: %[[X1:.*]] = cleave.slice %[[X]] {{.*}}limits = array<i64: 4, 4>, starts = array<i64: 2, 0>
// CHECK-NEXT: %[[Y1:.*]] = cleave.matmul %[[X1]], %[[W]] {cleave.name = "y/1"}
// CHECK-NEXT: %[[S1:.*]] = cleave.sum_squares %[[Y1]] {cleave.name = "s/1"}
// CHECK-NEXT: %[[S01:.*]] = cleave.add %[[S0]], %[[S1]] {cleave.name = "s/sum_to/1"}
// CHECK-NEXT: %[[X2:.*]] = cleave.slice %[[X]] {{.*}}limits = array<i64: 6, 4>, starts = array<i64: 4, 0>
// CHECK-NEXT: %[[Y2:.*]] = cleave.matmul %[[X2]], %[[W]]
// CHECK-NEXT: %[[S2:.*]] = cleave.sum_squares %[[Y2]]
// CHECK-NEXT: %[[S:.*]] = cleave.add %[[S01]], %[[S2]] {cleave.name = "s"}
// CHECK-NEXT: return %[[S]]
func.func @sums(%x: tensor<6x4xf32> {cleave.input = "x"}, %w: tensor<4x4xf32> {cleave.parameter = "w"}) -> tensor<f32> {
  %0 = cleave.chunked 3 (%x, %w) [S(0), B] -> [P(sum)] {
  ^bb0(%a: tensor<2x4xf32>, %b: tensor<4x4xf32>):
    %1 = cleave.matmul %a, %b {cleave.name = "y"} : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    %2 = cleave.sum_squares %1 {cleave.name = "s"} : (tensor<2x4xf32>) -> tensor<f32>
    cleave.yield %2 : tensor<f32>
  } : (tensor<6x4xf32>, tensor<4x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// A result that is split is what the runs yield, joined; a maximum is combined by maximum.
// CHECK-LABEL: func @joined
// CHECK: %[[Y0:.*]] = cleave.relu
// CHECK: %[[M0:.*]] = cleave.reduce %[[Y0]]
// CHECK: %[[Y1:.*]] = cleave.relu
// CHECK: %[[M1:.*]] = cleave.reduce %[[Y1]]
// CHECK: %[[M:.*]] = cleave.maximum %[[M0]], %[[M1]]
// CHECK: %[[Y:.*]] = cleave.concat %[[Y0]], %[[Y1]] {{.*}}dimension = 1
// CHECK: return %[[Y]], %[[M]]
func.func @joined(%x: tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<f32>) {
  %0:2 = cleave.chunked 2 (%x) [S(1)] -> [S(1), P(max)] {
  ^bb0(%a: tensor<2x3xf32>):
    %1 = cleave.relu %a : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %2 = cleave.reduce %1 {kind = "max", dimensions = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<f32>
    cleave.yield %1, %2 : tensor<2x3xf32>, tensor<f32>
  } : (tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<f32>)
  return %0#0, %0#1 : tensor<2x6xf32>, tensor<f32>
}

// Random numbers go on counting from slice to slice.
// CHECK-LABEL: func @random
// CHECK: cleave.dropout {{.*}}{id = 3
// CHECK: cleave.dropout {{.*}}{element_offset = 8
func.func @random(%x: tensor<4x4xf32>, %rng: tensor<4xi32>) -> tensor<4x4xf32> {
  %0 = cleave.chunked 2 (%x, %rng) [S(0), B] -> [S(0)] {
  ^bb0(%a: tensor<2x4xf32>, %key: tensor<4xi32>):
    %1 = cleave.dropout %a, %key {rate = 0.5 : f64, id = 3 : i64} : (tensor<2x4xf32>, tensor<4xi32>) -> tensor<2x4xf32>
    cleave.yield %1 : tensor<2x4xf32>
  } : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// They also do where chunks lie in chunks.
// CHECK-LABEL: func @nested
// CHECK: cleave.dropout {{.*}}{id = 3
// CHECK: cleave.dropout {{.*}}{element_offset = 4
// CHECK: cleave.dropout {{.*}}{element_offset = 8
// CHECK: cleave.dropout {{.*}}{element_offset = 12
func.func @nested(%x: tensor<4x4xf32>, %rng: tensor<4xi32>) -> tensor<4x4xf32> {
  %0 = cleave.chunked 2 (%x, %rng) [S(0), B] -> [S(0)] {
  ^bb0(%a: tensor<2x4xf32>, %key: tensor<4xi32>):
    %1 = cleave.chunked 2 (%a, %key) [S(0), B] -> [S(0)] {
    ^bb0(%b: tensor<1x4xf32>, %inner: tensor<4xi32>):
      %2 = cleave.dropout %b, %inner {rate = 0.5 : f64, id = 3 : i64} : (tensor<1x4xf32>, tensor<4xi32>)
          -> tensor<1x4xf32>
      cleave.yield %2 : tensor<1x4xf32>
    } : (tensor<2x4xf32>, tensor<4xi32>) -> tensor<2x4xf32>
    cleave.yield %1 : tensor<2x4xf32>
  } : (tensor<4x4xf32>, tensor<4xi32>) -> tensor<4x4xf32>
  return %0 : tensor<4x4xf32>
}

// The gradient of a weight is added to by each run's product.
// CHECK-LABEL: func @weight
// CHECK: %[[W0:.*]] = cleave.outer %{{[^,]*}}, %{{[^,]*}} {cleave.name = "g/0"}
// CHECK: %[[W1:.*]] = cleave.outer %{{[^,]*}}, %{{[^,]*}}, %[[W0]] {cleave.name = "g"}
// CHECK-NEXT: return %[[W1]]
func.func @weight(%x: tensor<4x2xf32>, %dy: tensor<4x8xf32>) -> tensor<2x8xf32> {
  %0 = cleave.chunked 2 (%x, %dy) [S(0), S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<2x2xf32>, %b: tensor<2x8xf32>):
    %1 = cleave.outer %a, %b {cleave.name = "g"} : (tensor<2x2xf32>, tensor<2x8xf32>) -> tensor<2x8xf32>
    cleave.yield %1 : tensor<2x8xf32>
  } : (tensor<4x2xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}

// The gradient of a table is added to by each run, in place.
// CHECK-LABEL: func @table
// CHECK: %[[G0:.*]] = cleave.embedding_gradient %{{.*}}, %{{.*}} {cleave.name = "g/0"}
// CHECK: %[[G1:.*]] = cleave.embedding_gradient %{{.*}}, %{{.*}}, %[[G0]] {cleave.name = "g"}
// CHECK-NEXT: return %[[G1]]
func.func @table(%ids: tensor<4xi32>, %dy: tensor<4x8xf32>) -> tensor<16x8xf32> {
  %0 = cleave.chunked 2 (%ids, %dy) [S(0), S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<2xi32>, %b: tensor<2x8xf32>):
    %1 = cleave.embedding_gradient %a, %b {cleave.name = "g"} : (tensor<2xi32>, tensor<2x8xf32>) -> tensor<16x8xf32>
    cleave.yield %1 : tensor<16x8xf32>
  } : (tensor<4xi32>, tensor<4x8xf32>) -> tensor<16x8xf32>
  return %0 : tensor<16x8xf32>
}
