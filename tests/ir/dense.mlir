// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Matrix products: batched, transposed, with a bias.
// CHECK-LABEL: func.func @products
// CHECK: cleave.matmul {{%.+}}, {{%.+}} : (tensor<2x4x6xf32>, tensor<6x8xf32>) -> tensor<2x4x8xf32>
// CHECK: cleave.matmul {{%.+}}, {{%.+}}, {{%.+}} : (tensor<2x4x6xf32>, tensor<6x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
// CHECK: cleave.matmul {{%.+}}, {{%.+}} {transpose_rhs = true} : (tensor<2x4x6xf32>, tensor<8x6xf32>) -> tensor<2x4x8xf32>
// CHECK: cleave.matmul {{%.+}}, {{%.+}} : (tensor<2x4x6xf32>, tensor<2x6x5xf32>) -> tensor<2x4x5xf32>
// CHECK: cleave.matmul {{%.+}}, {{%.+}} {transpose_lhs = true} : (tensor<2x6x5xf32>, tensor<6x8xf32>) -> tensor<2x5x8xf32>
// CHECK: cleave.outer {{%.+}}, {{%.+}} : (tensor<2x4x6xf32>, tensor<2x4x8xf32>) -> tensor<6x8xf32>
// CHECK: cleave.outer {{%.+}}, {{%.+}}, {{%.+}} : (tensor<2x4x6xf32>, tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
func.func @products(%x: tensor<2x4x6xf32>, %w: tensor<6x8xf32>, %t: tensor<8x6xf32>, %b: tensor<8xf32>,
    %y: tensor<2x6x5xf32>, %z: tensor<2x4x8xf32>) {
  %0 = cleave.matmul %x, %w : (tensor<2x4x6xf32>, tensor<6x8xf32>) -> tensor<2x4x8xf32>
  %1 = cleave.matmul %x, %w, %b : (tensor<2x4x6xf32>, tensor<6x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
  %2 = cleave.matmul %x, %t {transpose_rhs = true} : (tensor<2x4x6xf32>, tensor<8x6xf32>) -> tensor<2x4x8xf32>
  %3 = cleave.matmul %x, %y : (tensor<2x4x6xf32>, tensor<2x6x5xf32>) -> tensor<2x4x5xf32>
  %4 = cleave.matmul %y, %w {transpose_lhs = true} : (tensor<2x6x5xf32>, tensor<6x8xf32>) -> tensor<2x5x8xf32>
  %5 = cleave.outer %x, %z : (tensor<2x4x6xf32>, tensor<2x4x8xf32>) -> tensor<6x8xf32>
  %6 = cleave.outer %x, %z, %5 : (tensor<2x4x6xf32>, tensor<2x4x8xf32>, tensor<6x8xf32>) -> tensor<6x8xf32>
  return
}

// Tables.
// CHECK-LABEL: func.func @tables
// CHECK: cleave.embedding {{%.+}}, {{%.+}} : (tensor<96x64xf32>, tensor<4x16xi32>) -> tensor<4x16x64xf32>
// CHECK: cleave.embedding {{%.+}}, {{%.+}} {padding_index = 3 : i64} : (tensor<96x64xf32>, tensor<4x16xi32>) -> tensor<4x16x64xf32>
// CHECK: cleave.embedding {{%.+}}, {{%.+}} {optional = true} : (tensor<96x64xf32>, tensor<4x16xi32>) -> tensor<4x16x64xf32>
// CHECK: cleave.embedding_gradient {{%.+}}, {{%.+}} : (tensor<4x16xi32>, tensor<4x16x64xf32>) -> tensor<96x64xf32>
// CHECK: cleave.embedding_gradient {{%.+}}, {{%.+}}, {{%.+}} {padding_index = 3 : i64} : (tensor<4x16xi32>, tensor<4x16x64xf32>, tensor<96x64xf32>) -> tensor<96x64xf32>
func.func @tables(%table: tensor<96x64xf32>, %ids: tensor<4x16xi32>, %dx: tensor<4x16x64xf32>) {
  %0 = cleave.embedding %table, %ids : (tensor<96x64xf32>, tensor<4x16xi32>) -> tensor<4x16x64xf32>
  %1 = cleave.embedding %table, %ids {padding_index = 3 : i64} : (tensor<96x64xf32>, tensor<4x16xi32>)
      -> tensor<4x16x64xf32>
  %absent = cleave.embedding %table, %ids {optional = true} : (tensor<96x64xf32>, tensor<4x16xi32>)
      -> tensor<4x16x64xf32>
  %2 = cleave.embedding_gradient %ids, %dx : (tensor<4x16xi32>, tensor<4x16x64xf32>) -> tensor<96x64xf32>
  %3 = cleave.embedding_gradient %ids, %dx, %table {padding_index = 3 : i64}
      : (tensor<4x16xi32>, tensor<4x16x64xf32>, tensor<96x64xf32>) -> tensor<96x64xf32>
  return
}

#x = #cleave.placement<@pod, [S(0), S(1)]>
#w = #cleave.placement<@pod, [B, S(0)]>
#bias = #cleave.placement<@pod, [B, P(sum)]>
#y = #cleave.placement<@pod, [S(0), P(sum)]>

// Rows split over the first axis; the summed index splits over the second, where the product is a sum of terms, bias
// included.
// CHECK-LABEL: func.func @placed
// CHECK: cleave.matmul {{%.+}}, {{%.+}}, {{%.+}} : (tensor<4x6xf32, #cleave.placement<@pod, [S(0), S(1)]>>, tensor<6x8xf32, #cleave.placement<@pod, [B, S(0)]>>, tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>) -> tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>
func.func @placed(%x: tensor<4x6xf32, #x>, %w: tensor<6x8xf32, #w>, %b: tensor<8xf32, #bias>) {
  %0 = cleave.matmul %x, %w, %b : (tensor<4x6xf32, #x>, tensor<6x8xf32, #w>, tensor<8xf32, #bias>)
      -> tensor<4x8xf32, #y>
  return
}
