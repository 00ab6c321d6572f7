// RUN: cleave-opt %s --split-input-file --cleave-apply-rules | FileCheck %s

cleave.mesh @mesh <"model" = 2>

// A matmul splits its output features, with its bias, and the one behind it its input features.
// CHECK-LABEL: func @pair
// CHECK-SAME: tensor<8x32xf32> {cleave.axes = #cleave.axes<[S(1)]>, cleave.parameter = "w1"
// CHECK-SAME: tensor<32xf32> {cleave.axes = #cleave.axes<[S(0)]>, cleave.parameter = "b1"
// CHECK-SAME: tensor<32x8xf32> {cleave.axes = #cleave.axes<[S(0)]>, cleave.parameter = "w2"
// CHECK-SAME: tensor<8xf32> {cleave.parameter = "b2"}
func.func @pair(%x: tensor<4x8xf32> {cleave.input = "x"}, %w1: tensor<8x32xf32>
    {cleave.parameter = "w1"}, %b1: tensor<32xf32> {cleave.parameter = "b1"},
                %w2: tensor<32x8xf32> {cleave.parameter = "w2"}, %b2: tensor<8xf32> {cleave.parameter = "b2"})
                    -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w1, %b1 : (tensor<4x8xf32>, tensor<8x32xf32>, tensor<32xf32>) -> tensor<4x32xf32>
  %1 = cleave.relu %0 : (tensor<4x32xf32>) -> tensor<4x32xf32>
  %2 = cleave.matmul %1, %w2, %b2 : (tensor<4x32xf32>, tensor<32x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// Queries, keys and values split by heads, counted in whole heads, and the output projection by its input.
// CHECK-LABEL: func @attention
// CHECK-SAME: cleave.axes = #cleave.axes<[S(1, unit=4)]>, cleave.parameter = "q"
// CHECK-SAME: cleave.axes = #cleave.axes<[S(1, unit=4)]>, cleave.parameter = "k"
// CHECK-SAME: cleave.axes = #cleave.axes<[S(1, unit=4)]>, cleave.parameter = "v"
// CHECK-SAME: cleave.axes = #cleave.axes<[S(0, unit=4)]>, cleave.parameter = "o"
func.func @attention(%x: tensor<2x6x12xf32> {cleave.input = "x"}, %wq: tensor<12x12xf32>
    {cleave.parameter = "q"}, %wk: tensor<12x12xf32> {cleave.parameter = "k"},
                     %wv: tensor<12x12xf32> {cleave.parameter = "v"}, %wo: tensor<12x12xf32>
                         {cleave.parameter = "o"}) -> tensor<2x6x12xf32> {
  %q = cleave.matmul %x, %wq : (tensor<2x6x12xf32>, tensor<12x12xf32>) -> tensor<2x6x12xf32>
  %k = cleave.matmul %x, %wk : (tensor<2x6x12xf32>, tensor<12x12xf32>) -> tensor<2x6x12xf32>
  %v = cleave.matmul %x, %wv : (tensor<2x6x12xf32>, tensor<12x12xf32>) -> tensor<2x6x12xf32>
  %qh = cleave.reshape %q : (tensor<2x6x12xf32>) -> tensor<2x6x3x4xf32>
  %kh = cleave.reshape %k : (tensor<2x6x12xf32>) -> tensor<2x6x3x4xf32>
  %vh = cleave.reshape %v : (tensor<2x6x12xf32>) -> tensor<2x6x3x4xf32>
  %a, %lse = cleave.attention %qh, %kh, %vh {scale = 0.5 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0,
      0>}
      : (tensor<2x6x3x4xf32>, tensor<2x6x3x4xf32>, tensor<2x6x3x4xf32>) -> (tensor<2x6x3x4xf32>, tensor<2x3x6xf32>)
  %c = cleave.reshape %a : (tensor<2x6x3x4xf32>) -> tensor<2x6x12xf32>
  %o = cleave.matmul %c, %wo : (tensor<2x6x12xf32>, tensor<12x12xf32>) -> tensor<2x6x12xf32>
  return %o : tensor<2x6x12xf32>
}

// -----

cleave.mesh @mesh <"model" = 4>

// Key heads that don't divide by the axis stay whole; query heads split.
// CHECK-LABEL: func @grouped
// CHECK-SAME: cleave.axes = #cleave.axes<[S(1, unit=4)]>, cleave.parameter = "q"
// CHECK-SAME: {cleave.parameter = "k"}
// CHECK-SAME: {cleave.parameter = "v"}
// CHECK-SAME: cleave.axes = #cleave.axes<[S(0, unit=4)]>, cleave.parameter = "o"
func.func @grouped(%x: tensor<2x6x16xf32> {cleave.input = "x"}, %wq: tensor<16x16xf32>
    {cleave.parameter = "q"}, %wk: tensor<16x8xf32> {cleave.parameter = "k"},
                   %wv: tensor<16x8xf32> {cleave.parameter = "v"}, %wo: tensor<16x16xf32> {cleave.parameter = "o"})
                       -> tensor<2x6x16xf32> {
  %q = cleave.matmul %x, %wq : (tensor<2x6x16xf32>, tensor<16x16xf32>) -> tensor<2x6x16xf32>
  %k = cleave.matmul %x, %wk : (tensor<2x6x16xf32>, tensor<16x8xf32>) -> tensor<2x6x8xf32>
  %v = cleave.matmul %x, %wv : (tensor<2x6x16xf32>, tensor<16x8xf32>) -> tensor<2x6x8xf32>
  %qh = cleave.reshape %q : (tensor<2x6x16xf32>) -> tensor<2x6x4x4xf32>
  %kh = cleave.reshape %k : (tensor<2x6x8xf32>) -> tensor<2x6x2x4xf32>
  %vh = cleave.reshape %v : (tensor<2x6x8xf32>) -> tensor<2x6x2x4xf32>
  %a, %lse = cleave.attention %qh, %kh, %vh {scale = 0.5 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0,
      0>}
      : (tensor<2x6x4x4xf32>, tensor<2x6x2x4xf32>, tensor<2x6x2x4xf32>) -> (tensor<2x6x4x4xf32>, tensor<2x4x6xf32>)
  %c = cleave.reshape %a : (tensor<2x6x4x4xf32>) -> tensor<2x6x16xf32>
  %o = cleave.matmul %c, %wo : (tensor<2x6x16xf32>, tensor<16x16xf32>) -> tensor<2x6x16xf32>
  return %o : tensor<2x6x16xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// A chain that meets an op which needs the whole features stays whole, and so does a lone matmul.
// CHECK-LABEL: func @lone
// CHECK-NOT: cleave.axes
// CHECK: return
func.func @lone(%x: tensor<4x8xf32> {cleave.input = "x"}, %w: tensor<8x8xf32>
    {cleave.parameter = "w"}, %v: tensor<8x8xf32> {cleave.parameter = "v"}) -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.softmax %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.matmul %1, %v : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// The vocabulary splits where its product goes into a cross-entropy, which is written out so that only statistics are
// reduced.
// CHECK-LABEL: func @vocabulary
// CHECK-SAME: cleave.axes = #cleave.axes<[S(0)]>, cleave.parameter = "table"
// CHECK-NOT: cleave.cross_entropy
// CHECK: cleave.reduce {{.*}}kind = "max"
// CHECK: cleave.exp_sum
// CHECK: cleave.gather
func.func @vocabulary(%x: tensor<4x8xf32> {cleave.input = "x"}, %table: tensor<51x8xf32>
    {cleave.parameter = "table"}, %labels: tensor<4xi32> {cleave.input = "labels"})
    -> (tensor<f32>, tensor<f32>) {
  %0 = cleave.matmul %x, %table {transpose_rhs = true} : (tensor<4x8xf32>, tensor<51x8xf32>) -> tensor<4x51xf32>
  %sum, %count, %lse = cleave.cross_entropy %0, %labels : (tensor<4x51xf32>, tensor<4xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
  return %sum, %count : tensor<f32>, tensor<f32>
}

// -----

cleave.mesh @mesh <"data" = 2, "model" = 2>

// The batch splits along data axes; what the host gives for all devices does not.
// CHECK-LABEL: func @batch
// CHECK-SAME: tensor<4x16xi32> {cleave.axes = #cleave.axes<[S(0), B]>
// CHECK-SAME: tensor<f32> {cleave.input = "lr"}
func.func @batch(%ids: tensor<4x16xi32> {cleave.input = "input_ids", cleave.batch_dim = 0 : i64}, %lr: tensor<f32>
    {cleave.input = "lr"}) -> tensor<4x16xi32> {
  return %ids : tensor<4x16xi32>
}

// -----

module attributes {cleave.strategy = "none"} {
cleave.mesh @mesh <"data" = 2, "model" = 2>

// Without the rules nothing splits.
// CHECK-LABEL: func @none
// CHECK-NOT: cleave.axes
// CHECK: return
func.func @none(%x: tensor<4x8xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64}, %w1: tensor<8x32xf32>
    {cleave.parameter = "w1"}, %w2: tensor<32x8xf32> {cleave.parameter = "w2"}) -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x32xf32>) -> tensor<4x32xf32>
  %1 = cleave.matmul %0, %w2 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}
}
