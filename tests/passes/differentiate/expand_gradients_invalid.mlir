// RUN: cleave-opt %s --cleave-expand-gradients --split-input-file --verify-diagnostics

// Gradients of integers do not exist.
func.func @integers(%x: tensor<4xi32>, %y: tensor<4xf32>) -> tensor<4xi32> {
  // expected-error@+1 {{requires inputs of float types in 'wrt', got 'tensor<4xi32>'}}
  %0, %1 = cleave.gradient (%x, %y) wrt [0] {
  ^bb0(%a: tensor<4xi32>, %b: tensor<4xf32>):
    %2 = cleave.sum_squares %b : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %2 : tensor<f32>
  } : (tensor<4xi32>, tensor<4xf32>) -> (tensor<f32>, tensor<4xi32>)
  return %1 : tensor<4xi32>
}

// -----

// Nor do gradients of an integer's.
func.func @count(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{requires a float as the first value, got 'tensor<i32>'}}
  %0, %1 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %2 = cleave.sum_squares %a : (tensor<4xf32>) -> tensor<f32>
    %3 = cleave.convert %2 : (tensor<f32>) -> tensor<i32>
    cleave.yield %3 : tensor<i32>
  } : (tensor<4xf32>) -> (tensor<i32>, tensor<4xf32>)
  return %1 : tensor<4xf32>
}

// -----

// A region other than a gradient's can't be differentiated.
func.func @region(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0, %1 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    // expected-error@+1 {{'cleave.chunked' op stands in a gradient's region: requires an op that can be differentiated}}
    %2 = cleave.chunked 2 (%a) [S(0)] -> [P(sum)] {
    ^bb0(%b: tensor<2xf32>):
      %3 = cleave.sum_squares %b : (tensor<2xf32>) -> tensor<f32>
      cleave.yield %3 : tensor<f32>
    } : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %2 : tensor<f32>
  } : (tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>)
  return %1 : tensor<4xf32>
}

// -----

// Nor do they exist inside another gradient.
func.func @nested_integers(%x: tensor<4xi32>, %y: tensor<4xf32>) -> tensor<4xf32> {
  %0, %1 = cleave.gradient (%x, %y) wrt [1] {
  ^bb0(%a: tensor<4xi32>, %b: tensor<4xf32>):
    // expected-error@+1 {{requires inputs of float types in 'wrt', got 'tensor<4xi32>'}}
    %2, %3 = cleave.gradient (%a, %b) wrt [0] {
    ^bb0(%c: tensor<4xi32>, %d: tensor<4xf32>):
      %4 = cleave.sum_squares %d : (tensor<4xf32>) -> tensor<f32>
      cleave.yield %4 : tensor<f32>
    } : (tensor<4xi32>, tensor<4xf32>) -> (tensor<f32>, tensor<4xi32>)
    cleave.yield %2 : tensor<f32>
  } : (tensor<4xi32>, tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>)
  return %1 : tensor<4xf32>
}
