// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Norms and their gradients.
// CHECK-LABEL: func.func @norms
// CHECK: cleave.layer_norm {{%.+}}, {{%.+}}, {{%.+}} {epsilon = 1.000000e-05 : f64} : (tensor<4x16x64xf32>, tensor<64xf32>, tensor<64xf32>) -> (tensor<4x16x64xf32>, tensor<4x16xf32>, tensor<4x16xf32>)
// CHECK: cleave.layer_norm_gradient {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} : (tensor<4x16x64xf32>, tensor<4x16x64xf32>, tensor<64xf32>, tensor<4x16xf32>, tensor<4x16xf32>) -> (tensor<4x16x64xf32>, tensor<64xf32>, tensor<64xf32>)
// CHECK: cleave.rms_norm {{%.+}}, {{%.+}} {epsilon = 9.9999999999999995E-7 : f64} : (tensor<4x16x64xf32>, tensor<64xf32>) -> (tensor<4x16x64xf32>, tensor<4x16xf32>)
// CHECK: cleave.rms_norm_gradient {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} : (tensor<4x16x64xf32>, tensor<4x16x64xf32>, tensor<64xf32>, tensor<4x16xf32>) -> (tensor<4x16x64xf32>, tensor<64xf32>)
func.func @norms(%x: tensor<4x16x64xf32>, %g: tensor<64xf32>, %m: tensor<4x16xf32>) {
  %0:3 = cleave.layer_norm %x, %g, %g {epsilon = 1.000000e-05 : f64}
      : (tensor<4x16x64xf32>, tensor<64xf32>, tensor<64xf32>)
      -> (tensor<4x16x64xf32>, tensor<4x16xf32>, tensor<4x16xf32>)
  %1:3 = cleave.layer_norm_gradient %x, %x, %g, %m, %m
      : (tensor<4x16x64xf32>, tensor<4x16x64xf32>, tensor<64xf32>, tensor<4x16xf32>, tensor<4x16xf32>)
      -> (tensor<4x16x64xf32>, tensor<64xf32>, tensor<64xf32>)
  %2:2 = cleave.rms_norm %x, %g {epsilon = 1.000000e-06 : f64} : (tensor<4x16x64xf32>, tensor<64xf32>)
      -> (tensor<4x16x64xf32>, tensor<4x16xf32>)
  %3:2 = cleave.rms_norm_gradient %x, %x, %g, %m
      : (tensor<4x16x64xf32>, tensor<4x16x64xf32>, tensor<64xf32>, tensor<4x16xf32>)
      -> (tensor<4x16x64xf32>, tensor<64xf32>)
  return
}

// Rotary positions in both layouts.
// CHECK-LABEL: func.func @positions
// CHECK: cleave.rotary {{%.+}}, {{%.+}} {frequencies = array<f64: 1.000000e+00, 1.000000e-02>, layout = "halves"} : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
// CHECK: cleave.rotary {{%.+}}, {{%.+}} {factor = 2.000000e+00 : f64, frequencies = array<f64: 1.000000e+00>, inverse = true, layout = "pairs"} : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
func.func @positions(%q: tensor<4x16x3x8xf32>, %p: tensor<4x16xi32>) {
  %0 = cleave.rotary %q, %p {frequencies = array<f64: 1.000000e+00, 1.000000e-02>, layout = "halves"}
      : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
  %1 = cleave.rotary %q, %p {factor = 2.000000e+00 : f64, frequencies = array<f64: 1.000000e+00>, inverse = true,
      layout = "pairs"} : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
  return
}

// Attention with nothing hidden but the future; then with everything: grouped heads, window, bias, mask, segments,
// dropout.
// CHECK-LABEL: func.func @attention
// CHECK: cleave.attention {{%.+}}, {{%.+}}, {{%.+}} {causal = true, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
// CHECK: cleave.attention {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {causal = true, dropout_rate = 1.000000e-01 : f64, element_offset = 96 : i64, id = 4 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>, scale = 1.250000e-01 : f64, window = 3 : i64} : (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<6x4x4xf32>, tensor<2x4xi32>, tensor<2x4xi32>, tensor<2x4xi32>, tensor<4xi32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
// CHECK: cleave.attention_gradient {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0>, scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x6x8xf32>, tensor<2x6x4xf32>, tensor<2x4x6x8xf32>, tensor<6x4x4xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<6x4x4xf32>)
func.func @attention(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x3x8xf32>, %bias: tensor<6x4x4xf32>, %mask: tensor<2x4xi32>,
    %key: tensor<4xi32>, %lse: tensor<2x6x4xf32>) {
  %0:2 = cleave.attention %q, %q, %q {causal = true, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>,
      scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>)
      -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  %1:2 = cleave.attention %q, %k, %k, %bias, %mask, %mask, %mask, %key
      {causal = true, dropout_rate = 1.000000e-01 : f64, element_offset = 96 : i64, id = 4 : i64,
      operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>, scale = 1.250000e-01 : f64, window = 3 : i64}
      : (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<6x4x4xf32>, tensor<2x4xi32>,
      tensor<2x4xi32>, tensor<2x4xi32>, tensor<4xi32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  %2:4 = cleave.attention_gradient %q, %k, %k, %q, %lse, %q, %bias
      {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0>, scale = 1.250000e-01 : f64}
      : (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x6x8xf32>, tensor<2x6x4xf32>,
      tensor<2x4x6x8xf32>, tensor<6x4x4xf32>)
      -> (tensor<2x4x6x8xf32>, tensor<2x4x3x8xf32>, tensor<2x4x3x8xf32>, tensor<6x4x4xf32>)
  return
}

// The loss and its gradient.
// CHECK-LABEL: func.func @loss
// CHECK: cleave.cross_entropy {{%.+}}, {{%.+}} : (tensor<4x16x96xf32>, tensor<4x16xi32>) -> (tensor<f32>, tensor<f32>, tensor<4x16xf32>)
// CHECK: cleave.cross_entropy_gradient {{%.+}}, {{%.+}}, {{%.+}}, {{%.+}} {ignore_index = -1 : i64} : (tensor<4x16x96xf32>, tensor<4x16xi32>, tensor<4x16xf32>, tensor<f32>) -> tensor<4x16x96xf32>
func.func @loss(%logits: tensor<4x16x96xf32>, %labels: tensor<4x16xi32>, %d: tensor<f32>) {
  %0:3 = cleave.cross_entropy %logits, %labels : (tensor<4x16x96xf32>, tensor<4x16xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<4x16xf32>)
  %1 = cleave.cross_entropy_gradient %logits, %labels, %0#2, %d {ignore_index = -1 : i64}
      : (tensor<4x16x96xf32>, tensor<4x16xi32>, tensor<4x16xf32>, tensor<f32>) -> tensor<4x16x96xf32>
  return
}

#heads = #cleave.placement<@pod, [S(2, unit=2)]>
#groups = #cleave.placement<@pod, [S(2)]>
#whole = #cleave.placement<@pod, [B]>
#queries = #cleave.placement<@pod, [S(2)]>
#rows = #cleave.placement<@pod, [S(1, unit=2)]>
#single = #cleave.placement<@pod, [S(1)]>

// Grouped query heads split by whole groups, with their keys; or by single heads, with keys whole.
// CHECK-LABEL: func.func @grouped
// CHECK: cleave.attention {{%.+}}, {{%.+}}, {{%.+}} {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32, #cleave.placement<@pod, [S(2, unit=2)]>>, tensor<2x4x3x8xf32, #cleave.placement<@pod, [S(2)]>>, tensor<2x4x3x8xf32, #cleave.placement<@pod, [S(2)]>>) -> (tensor<2x4x6x8xf32, #cleave.placement<@pod, [S(2, unit=2)]>>, tensor<2x6x4xf32, #cleave.placement<@pod, [S(1, unit=2)]>>)
// CHECK: cleave.attention {{%.+}}, {{%.+}}, {{%.+}} {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>, scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32, #cleave.placement<@pod, [S(2)]>>, tensor<2x4x3x8xf32, #cleave.placement<@pod, [B]>>, tensor<2x4x3x8xf32, #cleave.placement<@pod, [B]>>) -> (tensor<2x4x6x8xf32, #cleave.placement<@pod, [S(2)]>>, tensor<2x6x4xf32, #cleave.placement<@pod, [S(1)]>>)
func.func @grouped(%q: tensor<2x4x6x8xf32, #heads>, %k: tensor<2x4x3x8xf32, #groups>, %p: tensor<2x4x6x8xf32, #queries>,
    %w: tensor<2x4x3x8xf32, #whole>) {
  %0:2 = cleave.attention %q, %k, %k {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>,
      scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32, #heads>, tensor<2x4x3x8xf32, #groups>, tensor<2x4x3x8xf32,
      #groups>) -> (tensor<2x4x6x8xf32, #heads>, tensor<2x6x4xf32, #rows>)
  %1:2 = cleave.attention %p, %w, %w {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>,
      scale = 1.250000e-01 : f64} : (tensor<2x4x6x8xf32, #queries>, tensor<2x4x3x8xf32, #whole>, tensor<2x4x3x8xf32,
      #whole>) -> (tensor<2x4x6x8xf32, #queries>, tensor<2x6x4xf32, #single>)
  return
}
