// RUN: cleave-opt %s --split-input-file --verify-diagnostics --cleave-build-step | FileCheck %s

// A loss that is a mean counts each example once: evaluation gives the sum over the batch, and its size.
// CHECK-LABEL: func @evaluate
// CHECK: %[[MEAN:.*]] = cleave.reduce
// CHECK: %[[SUM:.*]] = cleave.scale %[[MEAN]] {{.*}}factor = 4.0
// CHECK: %[[COUNT:.*]] = cleave.constant {{.*}}dense<4.0
// CHECK: return %[[SUM]], %[[COUNT]]

// The numbers of a random draw follow from the parameter's name, whatever the model holds besides.
// CHECK-LABEL: func @initialize
// CHECK: cleave.random {{.*}}cleave.name = "initial(w)"{{.*}}id = [[ID:[0-9]+]] : i64
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32> {cleave.input = "x"})
    -> tensor<f32> attributes {cleave.entry = "loss"} {
  %b = cleave.broadcast %w {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %y = cleave.mul %x, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %m = cleave.reduce %y {kind = "mean", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  return %m : tensor<f32>
}

// -----

// What all users of a parameter are marked with is its draw's layer too; a parameter of two layers has none.
// CHECK-LABEL: func @initialize
// CHECK-NOT: cleave.layer
// CHECK: cleave.random {{.*}}cleave.name = "initial(both)"
// CHECK: cleave.random {{.*}}cleave.layer = #cleave.layer<"block", 1>{{.*}}cleave.name = "initial(w)"{{.*}}id = [[ID]] : i64
func.func @loss(%both: tensor<4x8xf32> {cleave.parameter = "both"}, %w: tensor<4x8xf32> {cleave.parameter = "w"},
                %x: tensor<4x8xf32> {cleave.input = "x"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.mul %x, %both {cleave.layer = #cleave.layer<"block", 0>}
       : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.mul %0, %both {cleave.layer = #cleave.layer<"block", 1>}
       : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.mul %1, %w {cleave.layer = #cleave.layer<"block", 1>}
       : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %m = cleave.reduce %2 {kind = "mean", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  return %m : tensor<f32>
}

// -----

// A key that only draws for training is no input of what is evaluated; labels stay one.
// CHECK-LABEL: func @evaluate
// CHECK-SAME: (%{{.*}}: tensor<4x8xf32> {cleave.parameter = "w"}, %{{.*}}: tensor<4x8xf32> {cleave.batch_dim = 0 : i64, cleave.input = "x"})
// CHECK-NOT: cleave.dropout
func.func @loss(%w: tensor<4x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32> {cleave.input = "x"},
                %key: tensor<4xi32> {cleave.input = "rng"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.mul %x, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.dropout %0, %key {rate = 0.5 : f64, id = 7 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %m = cleave.reduce %1 {kind = "mean", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  return %m : tensor<f32>
}

// -----

// One name is one parameter, in all entries.
func.func @loss(%w: tensor<4x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32> {cleave.input = "x"})
    -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.mul %x, %w : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %m = cleave.reduce %0 {kind = "mean", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  return %m : tensor<f32>
}
// expected-error@+1 {{requires one type for parameter "w" in all entries, got 'tensor<4x8xf32>' and 'tensor<8xf32>'}}
func.func @logits(%w: tensor<8xf32> {cleave.parameter = "w"}) -> (tensor<8xf32> {cleave.output = "logits"})
    attributes {cleave.entry = "logits"} {
  return %w : tensor<8xf32>
}
