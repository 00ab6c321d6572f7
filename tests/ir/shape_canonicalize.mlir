// RUN: cleave-opt %s --canonicalize | FileCheck %s

// Ops that give their operand back vanish.
// CHECK-LABEL: func.func @identities
// CHECK-SAME: %[[X:.+]]: tensor<4x8xf32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]]
func.func @identities(%x: tensor<4x8xf32>)
    -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>,
        tensor<4x8xf32>) {
  %0 = cleave.reshape %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.transpose %x {permutation = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.broadcast %x {dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.slice %x {starts = array<i64: 0, 0>, limits = array<i64: 4, 8>, steps = array<i64: 1, 1>}
      : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = cleave.pad %x {low = array<i64: 0, 0>, high = array<i64: 0, 0>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = cleave.concat %x {dimension = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = cleave.reduce %x {kind = "sum", dimensions = array<i64>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0, %1, %2, %3, %4, %5, %6 : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>,
      tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
}

// Two reshapes are one, and two that undo each other are none.
// CHECK-LABEL: func.func @reshapes
// CHECK-SAME: %[[X:.+]]: tensor<4x8xf32>)
// CHECK-NEXT: %[[Y:.+]] = cleave.reshape %[[X]] : (tensor<4x8xf32>) -> tensor<32xf32>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @reshapes(%x: tensor<4x8xf32>) -> (tensor<32xf32>, tensor<4x8xf32>) {
  %0 = cleave.reshape %x : (tensor<4x8xf32>) -> tensor<2x16xf32>
  %1 = cleave.reshape %0 : (tensor<2x16xf32>) -> tensor<32xf32>
  %2 = cleave.reshape %0 : (tensor<2x16xf32>) -> tensor<4x8xf32>
  return %1, %2 : tensor<32xf32>, tensor<4x8xf32>
}

// Two transposes are one, and two that undo each other are none.
// CHECK-LABEL: func.func @transposes
// CHECK-SAME: %[[X:.+]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[Y:.+]] = cleave.transpose %[[X]] {permutation = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
// CHECK-NEXT: return %[[Y]], %[[X]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<4x2x3xf32>, tensor<2x3x4xf32>) {
  %0 = cleave.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = cleave.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  %2 = cleave.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  return %1, %2 : tensor<4x2x3xf32>, tensor<2x3x4xf32>
}

#rows = #cleave.placement<@pod, [S(0)]>
#pairs = #cleave.placement<@pod, [S(0, unit=8)]>

// Placed values keep their placements: a reshape that has one stays.
// CHECK-LABEL: func.func @placed
// CHECK-NEXT: cleave.reshape
// CHECK-NEXT: cleave.reshape
// CHECK-NEXT: return
func.func @placed(%x: tensor<4x8xf32, #rows>) -> tensor<4x2x4xf32, #rows> {
  %0 = cleave.reshape %x : (tensor<4x8xf32, #rows>) -> tensor<32xf32, #pairs>
  %1 = cleave.reshape %0 : (tensor<32xf32, #pairs>) -> tensor<4x2x4xf32, #rows>
  return %1 : tensor<4x2x4xf32, #rows>
}

// Equal constants are one.
// CHECK-LABEL: func.func @constants
// CHECK-NEXT: %[[C:.+]] = cleave.constant
// CHECK-NEXT: return %[[C]], %[[C]]
func.func @constants() -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = cleave.constant {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  %1 = cleave.constant {value = dense<1.0> : tensor<4xf32>} : () -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}
