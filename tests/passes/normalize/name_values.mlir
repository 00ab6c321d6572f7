// RUN: cleave-opt %s --cleave-name-values | FileCheck %s

// An op without a name is named after its kind, and the second of a kind gets a number.
// CHECK-LABEL: func @kinds
// CHECK: cleave.relu {{.*}}cleave.name = "relu"}
// CHECK: cleave.tanh {{.*}}cleave.name = "tanh"}
// CHECK: cleave.relu {{.*}}cleave.name = "relu_2"}
func.func @kinds(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = cleave.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = cleave.tanh %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = cleave.relu %1 : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// A name that is there stays, even where a number would have led to it.
// CHECK-LABEL: func @kept
// CHECK: cleave.relu {{.*}}cleave.name = "relu"}
// CHECK: cleave.relu {{.*}}cleave.name = "relu_3"}
// CHECK: cleave.tanh {{.*}}cleave.name = "relu_2"}
func.func @kept(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = cleave.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  %1 = cleave.relu %0 : (tensor<8xf32>) -> tensor<8xf32>
  %2 = cleave.tanh %1 {cleave.name = "relu_2"} : (tensor<8xf32>) -> tensor<8xf32>
  return %2 : tensor<8xf32>
}

// Of two ops with one name, the second one gets a number.
// CHECK-LABEL: func @twice
// CHECK: cleave.relu {{.*}}cleave.name = "act"}
// CHECK: cleave.relu {{.*}}cleave.name = "act_2"}
func.func @twice(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = cleave.relu %x {cleave.name = "act"} : (tensor<8xf32>) -> tensor<8xf32>
  %1 = cleave.relu %0 {cleave.name = "act"} : (tensor<8xf32>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}

// Parameters, states and inputs have their names first.
// CHECK-LABEL: func @arguments
// CHECK: cleave.add {{.*}}cleave.name = "w_2"}
func.func @arguments(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<8xf32> {cleave.input = "x"})
    -> tensor<8xf32> {
  %0 = cleave.add %w, %x {cleave.name = "w"} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Each function has names of its own.
// CHECK-LABEL: func @other
// CHECK: cleave.relu {{.*}}cleave.name = "relu"}
func.func @other(%x: tensor<8xf32>) -> tensor<8xf32> {
  %0 = cleave.relu %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// Ops in regions share the names of their function.
// CHECK-LABEL: func @region
// CHECK: cleave.sum_squares {{.*}}cleave.name = "sum_squares"}
// CHECK: cleave.sum_squares {{.*}}cleave.name = "sum_squares_2"}
func.func @region(%x: tensor<8xf32>) -> (tensor<f32>, tensor<f32>) {
  %0 = cleave.sum_squares %x : (tensor<8xf32>) -> tensor<f32>
  %1 = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<4xf32>):
    %2 = cleave.sum_squares %a : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %2 : tensor<f32>
  } : (tensor<8xf32>) -> tensor<f32>
  return %0, %1 : tensor<f32>, tensor<f32>
}
