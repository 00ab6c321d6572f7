// RUN: cleave-opt %s --canonicalize | FileCheck %s

// Regions are canonicalized inside, and vanish where nobody reads their results.
// CHECK-LABEL: func.func @inside
// CHECK-NEXT: %{{.+}} = cleave.chunked 2
// CHECK-NEXT: ^bb0(%[[A:.+]]: tensor<4xf32>):
// CHECK-NEXT: %[[S:.+]] = cleave.sum_squares %[[A]]
// CHECK-NEXT: cleave.yield %[[S]]
// CHECK-NOT: cleave.gradient
func.func @inside(%x: tensor<8xf32>) -> tensor<f32> {
  %0 = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<4xf32>):
    %1 = cleave.scale %a {factor = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
    %2 = cleave.exp %a : (tensor<4xf32>) -> tensor<4xf32>
    %s = cleave.sum_squares %1 : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>) -> tensor<f32>
  %y, %dx = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<8xf32>):
    %s = cleave.sum_squares %a : (tensor<8xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
  return %0 : tensor<f32>
}
