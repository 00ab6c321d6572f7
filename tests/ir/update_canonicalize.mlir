// RUN: cleave-opt %s --canonicalize --cse | FileCheck %s

// An update is a function: one that nobody reads vanishes, though it may run in place later.
// CHECK-LABEL: func.func @updates
// CHECK-NEXT: %[[P:.+]] = cleave.sgd
// CHECK-NEXT: return %[[P]]
func.func @updates(%p: tensor<8xf32>, %s: tensor<f32>, %a: tensor<i1>) -> tensor<8xf32> {
  %0 = cleave.clip_scale %s {max_norm = 1.0 : f64} : (tensor<f32>) -> tensor<f32>
  %1 = cleave.sgd %p, %p, %s, %s, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
  %2 = cleave.sgd %p, %p, %s, %0, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
  return %1 : tensor<8xf32>
}
