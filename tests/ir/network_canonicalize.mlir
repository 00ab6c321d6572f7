// RUN: cleave-opt %s --canonicalize --cse | FileCheck %s

// A norm stays for one of its results, and goes when nobody reads any.
// CHECK-LABEL: func.func @norms
// CHECK-NEXT: %{{.+}}, %[[MEAN:.+]], %{{.+}} = cleave.layer_norm
// CHECK-NEXT: return %[[MEAN]]
func.func @norms(%x: tensor<4x8xf32>, %g: tensor<8xf32>) -> tensor<4xf32> {
  %0:3 = cleave.layer_norm %x, %g, %g {epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>)
      -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>)
  %1:2 = cleave.rms_norm %x, %g {epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>, tensor<8xf32>)
      -> (tensor<4x8xf32>, tensor<4xf32>)
  return %0#1 : tensor<4xf32>
}

// Equal attentions are one, but not where their random numbers differ.
// CHECK-LABEL: func.func @attention
// CHECK-COUNT-2: cleave.attention
// CHECK-NEXT: return
func.func @attention(%q: tensor<2x4x6x8xf32>, %key: tensor<4xi32>)
    -> (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) {
  %0:2 = cleave.attention %q, %q, %q, %key {id = 1 : i64, dropout_rate = 0.5 : f64, scale = 1.0 : f64,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 1>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<4xi32>)
          -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  %1:2 = cleave.attention %q, %q, %q, %key {id = 1 : i64, dropout_rate = 0.5 : f64, scale = 1.0 : f64,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 1>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<4xi32>)
          -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  %2:2 = cleave.attention %q, %q, %q, %key {id = 2 : i64, dropout_rate = 0.5 : f64, scale = 1.0 : f64,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 1>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<4xi32>)
          -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return %0#0, %1#0, %2#0 : tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>
}
