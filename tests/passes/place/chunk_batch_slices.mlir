// RUN: cleave-opt %s --cleave-chunk-batch --split-input-file --verify-diagnostics | FileCheck %s

// Slices that run side by side are made as microbatches are.
// CHECK-LABEL: module attributes {cleave.slices = 2
// CHECK: func.func @step(%[[X:.*]]: tensor<2x4x4xf32>
// CHECK: cleave.chunked 2(%[[X]]) [S(0)] -> [P(sum)]
module attributes {cleave.slices = 2 : i64} {
  func.func @step(%x: tensor<8x4xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64}) -> tensor<f32> {
    %0 = cleave.sum_squares %x : (tensor<8x4xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// A mean over the batch knows all of it: the program stays as it is.
// CHECK-LABEL: module attributes {cleave.slices = 2
// CHECK: func.func @step(%{{.*}}: tensor<8x4xf32>
// CHECK-NOT: cleave.chunked
module attributes {cleave.slices = 2 : i64} {
  func.func @step(%x: tensor<8x4xf32> {cleave.batch_dim = 0 : i64}) -> tensor<f32> {
    %0 = cleave.reduce %x {kind = "mean", dimensions = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
    %1 = cleave.broadcast %0 {dimensions = array<i64: 1>} : (tensor<4xf32>) -> tensor<8x4xf32>
    // expected-remark@+1 {{slicing: requires operands and attributes that its rule '..., ... -> ...' allows for slices, got operands [S(0), P(sum)] over time, left as it is}}
    %2 = cleave.sub %x, %1 : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
    %3 = cleave.sum_squares %2 : (tensor<8x4xf32>) -> tensor<f32>
    return %3 : tensor<f32>
  }
}

// -----

// So does one whose batch has no halves.
// CHECK-LABEL: module attributes {cleave.slices = 2
// CHECK-NOT: cleave.chunked
module attributes {cleave.slices = 2 : i64} {
  // expected-remark@+1 {{slicing: requires a batch that 2 divides, left as it is}}
  func.func @step(%x: tensor<7x4xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64}) -> tensor<f32> {
    %0 = cleave.sum_squares %x : (tensor<7x4xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}
