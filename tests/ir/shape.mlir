// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Values out of nothing.
// CHECK-LABEL: func.func @sources
// CHECK: cleave.constant  {value = dense<1.000000e+00> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
// CHECK: cleave.constant  {value = dense<[true, false]> : tensor<2xi1>} : () -> tensor<2xi1>
// CHECK: cleave.iota  {dimension = 1 : i64} : () -> tensor<4x16xi32>
func.func @sources() {
  %0 = cleave.constant {value = dense<1.000000e+00> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
  %1 = cleave.constant {value = dense<[true, false]> : tensor<2xi1>} : () -> tensor<2xi1>
  %2 = cleave.iota {dimension = 1 : i64} : () -> tensor<4x16xi32>
  return
}

// Dimensions come, go, and change places.
// CHECK-LABEL: func.func @rearranging
// CHECK: cleave.broadcast {{%.+}} {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.broadcast {{%.+}} {dimensions = array<i64>} : (tensor<f32>) -> tensor<4x8xf32>
// CHECK: cleave.reshape {{%.+}} : (tensor<4x8xf32>) -> tensor<2x16xf32>
// CHECK: cleave.reshape {{%.+}} : (tensor<0x4xf32>) -> tensor<8x0xf32>
// CHECK: cleave.transpose {{%.+}} {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
// CHECK: cleave.slice {{%.+}} {limits = array<i64: 4, 8>, starts = array<i64: 0, 2>, steps = array<i64: 1, 3>} : (tensor<4x8xf32>) -> tensor<4x2xf32>
// CHECK: cleave.pad {{%.+}} {high = array<i64: 1, 0>, low = array<i64: 0, 2>} : (tensor<4x8xf32>) -> tensor<5x10xf32>
// CHECK: cleave.concat {{%.+}}, {{%.+}} {dimension = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
func.func @rearranging(%x: tensor<4x8xf32>, %b: tensor<8xf32>, %s: tensor<f32>, %e: tensor<0x4xf32>) {
  %0 = cleave.broadcast %b {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %1 = cleave.broadcast %s {dimensions = array<i64>} : (tensor<f32>) -> tensor<4x8xf32>
  %2 = cleave.reshape %x : (tensor<4x8xf32>) -> tensor<2x16xf32>
  %3 = cleave.reshape %e : (tensor<0x4xf32>) -> tensor<8x0xf32>
  %4 = cleave.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %5 = cleave.slice %x {limits = array<i64: 4, 8>, starts = array<i64: 0, 2>, steps = array<i64: 1, 3>}
      : (tensor<4x8xf32>) -> tensor<4x2xf32>
  %6 = cleave.pad %x {high = array<i64: 1, 0>, low = array<i64: 0, 2>} : (tensor<4x8xf32>) -> tensor<5x10xf32>
  %7 = cleave.concat %x, %5 {dimension = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32>
  return
}

// Look-ups and running sums.
// CHECK-LABEL: func.func @along_last
// CHECK: cleave.gather {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4xf32>
// CHECK: cleave.gather_gradient {{%.+}}, {{%.+}} : (tensor<4xi32>, tensor<4xf32>) -> tensor<4x8xf32>
// CHECK: cleave.cumulative_sum {{%.+}} : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.cumulative_sum {{%.+}} {reverse = true} : (tensor<4xi32>) -> tensor<4xi32>
func.func @along_last(%x: tensor<4x8xf32>, %i: tensor<4xi32>, %dy: tensor<4xf32>) {
  %0 = cleave.gather %x, %i : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4xf32>
  %1 = cleave.gather_gradient %i, %dy : (tensor<4xi32>, tensor<4xf32>) -> tensor<4x8xf32>
  %2 = cleave.cumulative_sum %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.cumulative_sum %i {reverse = true} : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// Reductions.
// CHECK-LABEL: func.func @reductions
// CHECK: cleave.reduce {{%.+}} {dimensions = array<i64: 1>, kind = "sum"} : (tensor<4x8xf32>) -> tensor<4xf32>
// CHECK: cleave.reduce {{%.+}} {dimensions = array<i64: 0, 1>, kind = "mean"} : (tensor<4x8xf32>) -> tensor<f32>
// CHECK: cleave.reduce {{%.+}} {dimensions = array<i64: 0>, kind = "max"} : (tensor<4xi32>) -> tensor<i32>
// CHECK: cleave.exp_sum {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.sum_squares {{%.+}} : (tensor<4x8xf32>) -> tensor<f32>
// CHECK: cleave.softmax {{%.+}} : (tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.softmax_gradient {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
func.func @reductions(%x: tensor<4x8xf32>, %shift: tensor<4xf32>, %i: tensor<4xi32>) {
  %0 = cleave.reduce %x {dimensions = array<i64: 1>, kind = "sum"} : (tensor<4x8xf32>) -> tensor<4xf32>
  %1 = cleave.reduce %x {dimensions = array<i64: 0, 1>, kind = "mean"} : (tensor<4x8xf32>) -> tensor<f32>
  %2 = cleave.reduce %i {dimensions = array<i64: 0>, kind = "max"} : (tensor<4xi32>) -> tensor<i32>
  %3 = cleave.exp_sum %x, %shift : (tensor<4x8xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = cleave.sum_squares %x : (tensor<4x8xf32>) -> tensor<f32>
  %5 = cleave.softmax %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = cleave.softmax_gradient %5, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

#features = #cleave.placement<@pod, [S(2, unit=64), B]>
#heads = #cleave.placement<@pod, [S(2), B]>
#rows = #cleave.placement<@pod, [S(0, minor), S(0)]>
#terms = #cleave.placement<@pod, [P(max), P(max)]>

// A split in units of a head is a split by heads; a reduced split leaves terms of its kind.
// CHECK-LABEL: func.func @placed
// CHECK: cleave.reshape {{%.+}} : (tensor<4x16x768xf32, #cleave.placement<@pod, [S(2, unit=64), B]>>) -> tensor<4x16x12x64xf32, #cleave.placement<@pod, [S(2), B]>>
// CHECK: cleave.reduce {{%.+}} {dimensions = array<i64: 0>, kind = "max"} : (tensor<8x4xf32, #cleave.placement<@pod, [S(0, minor), S(0)]>>) -> tensor<4xf32, #cleave.placement<@pod, [P(max), P(max)]>>
func.func @placed(%q: tensor<4x16x768xf32, #features>, %x: tensor<8x4xf32, #rows>) {
  %0 = cleave.reshape %q : (tensor<4x16x768xf32, #features>) -> tensor<4x16x12x64xf32, #heads>
  %1 = cleave.reduce %x {dimensions = array<i64: 0>, kind = "max"} : (tensor<8x4xf32, #rows>) -> tensor<4xf32, #terms>
  return
}
