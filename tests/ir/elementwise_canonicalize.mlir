// RUN: cleave-opt %s --canonicalize | FileCheck %s

// Ops that give their operand back vanish.
// CHECK-LABEL: func.func @identities
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>, %[[M:.+]]: tensor<4xi1>, %[[KEY:.+]]: tensor<4xi32>)
// CHECK-NEXT: return %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[X]], %[[M]]
func.func @identities(%x: tensor<4xf32>, %m: tensor<4xi1>, %key: tensor<4xi32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xi1>) {
  %0 = cleave.add_n %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = cleave.scale %x {factor = 1.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = cleave.convert %x : (tensor<4xf32>) -> tensor<4xf32>
  %3 = cleave.dropout %x, %key {rate = 0.0 : f64, id = 1 : i64} : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  %4 = cleave.select %m, %x, %x : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = cleave.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %6 = cleave.neg %5 : (tensor<4xf32>) -> tensor<4xf32>
  %7 = cleave.logical_not %m : (tensor<4xi1>) -> tensor<4xi1>
  %8 = cleave.logical_not %7 : (tensor<4xi1>) -> tensor<4xi1>
  return %0, %1, %2, %3, %4, %6, %8 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>,
      tensor<4xf32>, tensor<4xi1>
}

// What computes something stays.
// CHECK-LABEL: func.func @not_identities
// CHECK: cleave.scale
// CHECK: cleave.convert
// CHECK: cleave.dropout
func.func @not_identities(%x: tensor<4xf32>, %key: tensor<4xi32>) -> (tensor<4xf32>, tensor<4xf64>, tensor<4xf32>) {
  %0 = cleave.scale %x {factor = 2.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = cleave.convert %x : (tensor<4xf32>) -> tensor<4xf64>
  %2 = cleave.dropout %x, %key {rate = 0.5 : f64, id = 1 : i64} : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return %0, %1, %2 : tensor<4xf32>, tensor<4xf64>, tensor<4xf32>
}
