// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Convolutions, with a bias and in groups, and what goes back through them.
// CHECK-LABEL: func.func @convolutions
// CHECK: cleave.convolution {{%.+}}, {{%.+}}, {{%.+}} {dilation = array<i64: 1, 2>, groups = 2 : i64, padding = array<i64: 1, 0>, strides = array<i64: 2, 1>} : (tensor<2x4x5x6xf32>, tensor<6x2x3x2xf32>, tensor<6xf32>) -> tensor<2x6x3x4xf32>
// CHECK: cleave.convolution_input_gradient {{.*}} : (tensor<2x6x3x4xf32>, tensor<6x2x3x2xf32>) -> tensor<2x4x5x6xf32>
// CHECK: cleave.convolution_weight_gradient {{.*}} : (tensor<2x4x5x6xf32>, tensor<2x6x3x4xf32>) -> tensor<6x2x3x2xf32>
func.func @convolutions(%x: tensor<2x4x5x6xf32>, %w: tensor<6x2x3x2xf32>, %b: tensor<6xf32>) {
  %y = cleave.convolution %x, %w, %b {strides = array<i64: 2, 1>, padding = array<i64: 1, 0>,
      dilation = array<i64: 1, 2>, groups = 2 : i64} : (tensor<2x4x5x6xf32>, tensor<6x2x3x2xf32>, tensor<6xf32>)
      -> tensor<2x6x3x4xf32>
  %dx = cleave.convolution_input_gradient %y, %w {strides = array<i64: 2, 1>, padding = array<i64: 1, 0>,
      dilation = array<i64: 1, 2>, groups = 2 : i64, image = array<i64: 5, 6>}
      : (tensor<2x6x3x4xf32>, tensor<6x2x3x2xf32>) -> tensor<2x4x5x6xf32>
  %dw = cleave.convolution_weight_gradient %x, %y {strides = array<i64: 2, 1>, padding = array<i64: 1, 0>,
      dilation = array<i64: 1, 2>, groups = 2 : i64, window = array<i64: 3, 2>}
      : (tensor<2x4x5x6xf32>, tensor<2x6x3x4xf32>) -> tensor<6x2x3x2xf32>
  return
}

// Pooling.
// CHECK-LABEL: func.func @pools
// CHECK: cleave.max_pool {{.*}} : (tensor<2x4x5x6xf32>) -> tensor<2x4x3x3xf32>
// CHECK: cleave.max_pool_gradient {{.*}} : (tensor<2x4x5x6xf32>, tensor<2x4x3x3xf32>, tensor<2x4x3x3xf32>) -> tensor<2x4x5x6xf32>
// CHECK: cleave.average_pool {{.*}} : (tensor<2x4x5x6xf32>) -> tensor<2x4x3x3xf32>
// CHECK: cleave.average_pool_gradient {{.*}} : (tensor<2x4x3x3xf32>) -> tensor<2x4x5x6xf32>
func.func @pools(%x: tensor<2x4x5x6xf32>) {
  %y = cleave.max_pool %x {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
      window = array<i64: 3, 3>} : (tensor<2x4x5x6xf32>) -> tensor<2x4x3x3xf32>
  %dx = cleave.max_pool_gradient %x, %y, %y {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>,
      dilation = array<i64: 1, 1>, window = array<i64: 3, 3>}
      : (tensor<2x4x5x6xf32>, tensor<2x4x3x3xf32>, tensor<2x4x3x3xf32>) -> tensor<2x4x5x6xf32>
  %m = cleave.average_pool %x {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
      window = array<i64: 3, 3>} : (tensor<2x4x5x6xf32>) -> tensor<2x4x3x3xf32>
  %dm = cleave.average_pool_gradient %m {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>,
      dilation = array<i64: 1, 1>, window = array<i64: 3, 3>, image = array<i64: 5, 6>}
      : (tensor<2x4x3x3xf32>) -> tensor<2x4x5x6xf32>
  return
}

#channels = #cleave.placement<@pod, [B, S(1)]>
#filters = #cleave.placement<@pod, [B, S(1)]>
#terms = #cleave.placement<@pod, [B, P(sum)]>
#groups_in = #cleave.placement<@pod, [S(0), S(1, unit=2)]>
#groups = #cleave.placement<@pod, [B, S(0, unit=3)]>
#groups_out = #cleave.placement<@pod, [S(0), S(1, unit=3)]>

cleave.mesh @pod <"data" = 2, "model" = 2>

// Split input channels leave terms of a sum; groups split as a whole.
// CHECK-LABEL: func.func @placed
// CHECK: -> tensor<2x6x5x6xf32, #cleave.placement<@pod, [B, P(sum)]>>
// CHECK: -> tensor<2x6x5x6xf32, #cleave.placement<@pod, [S(0), S(1, unit=3)]>>
func.func @placed(%x: tensor<2x4x5x6xf32, #channels>, %w: tensor<6x4x1x1xf32, #filters>,
    %g: tensor<2x4x5x6xf32, #groups_in>, %v: tensor<6x2x1x1xf32, #groups>) {
  %0 = cleave.convolution %x, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>,
      groups = 1 : i64} : (tensor<2x4x5x6xf32, #channels>, tensor<6x4x1x1xf32, #filters>)
      -> tensor<2x6x5x6xf32, #terms>
  %1 = cleave.convolution %g, %v {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>,
      groups = 2 : i64} : (tensor<2x4x5x6xf32, #groups_in>, tensor<6x2x1x1xf32, #groups>)
      -> tensor<2x6x5x6xf32, #groups_out>
  return
}
