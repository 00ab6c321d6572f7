// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Clipping and both optimizers.
// CHECK-LABEL: func.func @updates
// CHECK: cleave.clip_scale {{%.+}} {max_norm = 1.000000e+00 : f64} : (tensor<f32>) -> tensor<f32>
// CHECK: cleave.adamw {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {beta1 = 9.000000e-01 : f64, beta2 = 0.99899999999999999 : f64, epsilon = 1.000000e-08 : f64, lr_factor = 1.000000e+00 : f64, weight_decay = 1.000000e-01 : f64} : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i1>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
// CHECK: cleave.sgd {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {lr_factor = 1.000000e+00 : f64, momentum = 0.000000e+00 : f64, weight_decay = 0.000000e+00 : f64} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
// CHECK: cleave.sgd {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {lr_factor = 1.000000e+00 : f64, momentum = 9.000000e-01 : f64, weight_decay = 0.000000e+00 : f64} : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> (tensor<8xf32>, tensor<8xf32>)
func.func @updates(%p: tensor<8xf32>, %s: tensor<f32>, %active: tensor<i1>) {
  %0 = cleave.clip_scale %s {max_norm = 1.000000e+00 : f64} : (tensor<f32>) -> tensor<f32>
  %1:3 = cleave.adamw %p, %p, %p, %p, %s, %s, %s, %active
      {beta1 = 9.000000e-01 : f64, beta2 = 9.990000e-01 : f64, epsilon = 1.000000e-08 : f64,
      lr_factor = 1.000000e+00 : f64, weight_decay = 1.000000e-01 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<f32>,
      tensor<i1>) -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  %2 = cleave.sgd %p, %p, %s, %s, %active {lr_factor = 1.000000e+00 : f64, momentum = 0.000000e+00 : f64,
      weight_decay = 0.000000e+00 : f64} : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
      -> tensor<8xf32>
  %3:2 = cleave.sgd %p, %p, %p, %s, %s, %active
      {lr_factor = 1.000000e+00 : f64, momentum = 9.000000e-01 : f64, weight_decay = 0.000000e+00 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
      -> (tensor<8xf32>, tensor<8xf32>)
  return
}

#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

// An update runs on shares; what it is told about the step is whole.
// CHECK-LABEL: func.func @placed
// CHECK: cleave.sgd {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {lr_factor = 1.000000e+00 : f64, momentum = 0.000000e+00 : f64, weight_decay = 0.000000e+00 : f64} : (tensor<8xf32, #cleave.placement<@pod, [S(0)]>>, tensor<8xf32, #cleave.placement<@pod, [S(0)]>>, tensor<f32, #cleave.placement<@pod, [B]>>, tensor<f32, #cleave.placement<@pod, [B]>>, tensor<i1, #cleave.placement<@pod, [B]>>) -> tensor<8xf32, #cleave.placement<@pod, [S(0)]>>
func.func @placed(%p: tensor<8xf32, #rows>, %s: tensor<f32, #whole>, %active: tensor<i1, #whole>) {
  %0 = cleave.sgd %p, %p, %s, %s, %active {lr_factor = 1.000000e+00 : f64, momentum = 0.000000e+00 : f64,
      weight_decay = 0.000000e+00 : f64} : (tensor<8xf32, #rows>, tensor<8xf32, #rows>, tensor<f32, #whole>, tensor<f32,
      #whole>, tensor<i1, #whole>) -> tensor<8xf32, #rows>
  return
}
