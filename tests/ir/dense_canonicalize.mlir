// RUN: cleave-opt %s --canonicalize --cse | FileCheck %s

// Products that nobody reads vanish, equal ones are computed once, and what is left keeps its attributes.
// CHECK-LABEL: func.func @products
// CHECK-SAME: %[[X:.+]]: tensor<4x6xf32>, %[[W:.+]]: tensor<8x6xf32>)
// CHECK-NEXT: %[[Y:.+]] = cleave.matmul %[[X]], %[[W]] {transpose_rhs = true} : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
// CHECK-NEXT: return %[[Y]], %[[Y]]
func.func @products(%x: tensor<4x6xf32>, %w: tensor<8x6xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = cleave.matmul %x, %w {transpose_rhs = true} : (tensor<4x6xf32>, tensor<8x6xf32>) -> tensor<4x8xf32>
  %1 = cleave.matmul %x, %w {transpose_rhs = true, transpose_lhs = false} : (tensor<4x6xf32>, tensor<8x6xf32>)
      -> tensor<4x8xf32>
  %2 = cleave.outer %x, %0 : (tensor<4x6xf32>, tensor<4x8xf32>) -> tensor<6x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// Look-ups with another padding row are not the same: their gradients differ.
// CHECK-LABEL: func.func @tables
// CHECK-COUNT-2: cleave.embedding
func.func @tables(%t: tensor<96x64xf32>, %i: tensor<4xi32>) -> (tensor<4x64xf32>, tensor<4x64xf32>) {
  %0 = cleave.embedding %t, %i : (tensor<96x64xf32>, tensor<4xi32>) -> tensor<4x64xf32>
  %1 = cleave.embedding %t, %i {padding_index = 3 : i64} : (tensor<96x64xf32>, tensor<4xi32>) -> tensor<4x64xf32>
  return %0, %1 : tensor<4x64xf32>, tensor<4x64xf32>
}
