// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// The value and the gradient of a region, and a gradient inside another's region.
// CHECK-LABEL: func.func @gradients
// CHECK: cleave.gradient({{%.+}}, {{%.+}}) wrt [0] {
// CHECK: ^bb0({{%.+}}: tensor<8xf32>, {{%.+}}: tensor<8xf32>):
// CHECK: cleave.mul {{%.+}}, {{%.+}} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
// CHECK: cleave.sum_squares {{%.+}} : (tensor<8xf32>) -> tensor<f32>
// CHECK: cleave.yield {{%.+}} : tensor<f32>
// CHECK: } : (tensor<8xf32>, tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
// CHECK: cleave.gradient({{%.+}}) wrt [0] {
// CHECK: ^bb0({{%.+}}: tensor<8xf32>):
// CHECK: cleave.gradient({{%.+}}) wrt [0] {
// CHECK: ^bb0({{%.+}}: tensor<8xf32>):
// CHECK: cleave.sum_squares {{%.+}} : (tensor<8xf32>) -> tensor<f32>
// CHECK: cleave.yield {{%.+}} : tensor<f32>
// CHECK: } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
// CHECK: cleave.sum_squares {{%.+}} : (tensor<8xf32>) -> tensor<f32>
// CHECK: cleave.yield {{%.+}} : tensor<f32>
// CHECK: } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
func.func @gradients(%x: tensor<8xf32>, %w: tensor<8xf32>) {
  %y, %dx = cleave.gradient (%x, %w) wrt [0] {
  ^bb0(%a: tensor<8xf32>, %b: tensor<8xf32>):
    %0 = cleave.mul %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %s = cleave.sum_squares %0 : (tensor<8xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>, tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
  %z, %dz = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<8xf32>):
    %s, %d = cleave.gradient (%a) wrt [0] {
    ^bb0(%b: tensor<8xf32>):
      %t = cleave.sum_squares %b : (tensor<8xf32>) -> tensor<f32>
      cleave.yield %t : tensor<f32>
    } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
    %u = cleave.sum_squares %d : (tensor<8xf32>) -> tensor<f32>
    cleave.yield %u : tensor<f32>
  } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
  return
}

// A region that runs four times: on slices and on whole values, into sums, greatest values and concatenations.
// CHECK-LABEL: func.func @chunks
// CHECK: cleave.chunked 4({{%.+}}, {{%.+}}) [S(0), B] -> [P(sum), P(max), S(1)] {
// CHECK: ^bb0({{%.+}}: tensor<2x6xf32>, {{%.+}}: tensor<6xf32>):
// CHECK: cleave.sum_squares {{%.+}} : (tensor<2x6xf32>) -> tensor<f32>
// CHECK: cleave.transpose {{%.+}} {permutation = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
// CHECK: cleave.yield {{%.+}}, {{%.+}}, {{%.+}} : tensor<f32>, tensor<6xf32>, tensor<6x2xf32>
// CHECK: } : (tensor<8x6xf32>, tensor<6xf32>) -> (tensor<f32>, tensor<6xf32>, tensor<6x8xf32>)
func.func @chunks(%x: tensor<8x6xf32>, %w: tensor<6xf32>) {
  %0:3 = cleave.chunked 4 (%x, %w) [S(0), B] -> [P(sum), P(max), S(1)] {
  ^bb0(%part: tensor<2x6xf32>, %same: tensor<6xf32>):
    %s = cleave.sum_squares %part : (tensor<2x6xf32>) -> tensor<f32>
    %t = cleave.transpose %part {permutation = array<i64: 1, 0>} : (tensor<2x6xf32>) -> tensor<6x2xf32>
    cleave.yield %s, %same, %t : tensor<f32>, tensor<6xf32>, tensor<6x2xf32>
  } : (tensor<8x6xf32>, tensor<6xf32>) -> (tensor<f32>, tensor<6xf32>, tensor<6x8xf32>)
  return
}
