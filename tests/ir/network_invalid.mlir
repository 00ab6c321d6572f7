// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @norm_of_a_scalar(%x: tensor<f32>, %g: tensor<1xf32>) {
  // expected-error @+1 {{requires rank 1 by its rule '... [c], [c] -> ... [c], ...', got 'tensor<f32>'}}
  %0:2 = cleave.rms_norm %x, %g {epsilon = 1.0e-6 : f64} : (tensor<f32>, tensor<1xf32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @gamma(%x: tensor<4x8xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{requires one size for 'c' in '... [c], [c], [c] -> ... [c], ..., ...', got 8 and 4}}
  %0:3 = cleave.layer_norm %x, %g, %g {epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>)
      -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @frequencies(%q: tensor<4x16x3x8xf32>, %p: tensor<4x16xi32>) {
  // expected-error @+1 {{requires at most 4 frequencies, got 5}}
  %0 = cleave.rotary %q, %p {layout = "halves", frequencies = array<f64: 1.0, 1.0, 1.0, 1.0, 1.0>}
      : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
  return
}

// -----

func.func @rotary_rank(%q: tensor<4x8xf32>, %p: tensor<4xi32>) {
  // expected-error @+1 {{requires rank 4 by its rule 'b s h [d], b s -> b s h [d]', got 'tensor<4x8xf32>'}}
  %0 = cleave.rotary %q, %p {layout = "halves", frequencies = array<f64: 1.0>} : (tensor<4x8xf32>, tensor<4xi32>)
      -> tensor<4x8xf32>
  return
}

// -----

func.func @heads(%q: tensor<2x4x6x8xf32>, %k: tensor<2x4x4x8xf32>) {
  // expected-error @+1 {{requires query heads to be a multiple of key heads, got 6 and 4}}
  %0:2 = cleave.attention %q, %k, %k {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x4x8xf32>, tensor<2x4x4x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @no_heads(%q: tensor<2x4x0x8xf32>) {
  // expected-error @+1 {{requires query heads to be a multiple of key heads, got 0 and 0}}
  %0:2 = cleave.attention %q, %q, %q {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x0x8xf32>, tensor<2x4x0x8xf32>, tensor<2x4x0x8xf32>) -> (tensor<2x4x0x8xf32>, tensor<2x0x4xf32>)
  return
}

// -----

func.func @features(%q: tensor<2x4x6x8xf32>, %v: tensor<2x4x6x4xf32>) {
  // expected-error @+1 {{requires one size for 'd' in}}
  %0:2 = cleave.attention %q, %q, %v {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x4xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @segments(%q: tensor<2x4x6x8xf32>, %s: tensor<2x4xi32>) {
  // expected-error @+1 {{requires segments of both queries and keys or of neither}}
  %0:2 = cleave.attention %q, %q, %q, %s {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4xi32>)
          -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @rate(%q: tensor<2x4x6x8xf32>, %key: tensor<4xi32>) {
  // expected-error @+1 {{requires a dropout rate of at least 0 and below 1, got -5.000000e-01}}
  %0:2 = cleave.attention %q, %q, %q, %key {scale = 1.0 : f64, dropout_rate = -0.5 : f64,
      operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 1>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<4xi32>)
          -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @key(%q: tensor<2x4x6x8xf32>) {
  // expected-error @+1 {{requires a key for its dropout}}
  %0:2 = cleave.attention %q, %q, %q {scale = 1.0 : f64, dropout_rate = 0.5 : f64, operandSegmentSizes = array<i32: 1,
      1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @window(%q: tensor<2x4x6x8xf32>) {
  // expected-error @+1 {{requires a window of at least 0, got -1}}
  %0:2 = cleave.attention %q, %q, %q {scale = 1.0 : f64, window = -1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0,
      0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @segment_sizes(%q: tensor<2x4x6x8xf32>) {
  // expected-error @+1 {{'operandSegmentSizes' attribute cannot have negative elements}}
  %0:2 = cleave.attention %q, %q, %q {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, -1, 1, 1, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>) -> (tensor<2x4x6x8xf32>, tensor<2x6x4xf32>)
  return
}

// -----

func.func @bias_gradient(%q: tensor<2x4x6x8xf32>, %lse: tensor<2x6x4xf32>, %bias: tensor<6x4x4xf32>) {
  // expected-error @+1 {{requires a bias gradient where there is a bias, and only there}}
  %0:3 = cleave.attention_gradient %q, %q, %q, %q, %lse, %q, %bias
      {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x6x4xf32>,
          tensor<2x4x6x8xf32>, tensor<6x4x4xf32>)
      -> (tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>, tensor<2x4x6x8xf32>)
  return
}

// -----

func.func @labels(%x: tensor<4x16x96xf32>, %l: tensor<4x15xi32>) {
  // expected-error @+1 {{requires one size for '...1' in '... [v], ... -> , , ...', got 16 and 15}}
  %0:3 = cleave.cross_entropy %x, %l : (tensor<4x16x96xf32>, tensor<4x15xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<4x15xf32>)
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>
#features = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

// A norm needs whole features (its generic form does not).
func.func @split_features(%x: tensor<4x8xf32, #columns>, %g: tensor<8xf32, #features>) {
  // expected-error @+1 {{requires placements that its rule '... [c], [c] -> ... [c], ...' allows, got S(1), S(0) -> S(1), B on axis 0 of @pod}}
  %0:2 = cleave.rms_norm %x, %g {epsilon = 1.0e-6 : f64} : (tensor<4x8xf32, #columns>, tensor<8xf32, #features>)
      -> (tensor<4x8xf32, #columns>, tensor<4xf32, #whole>)
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

func.func @partial_norm(%x: tensor<4x8xf32, #terms>, %g: tensor<8xf32, #whole>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum), B -> P(sum), B on axis 0 of @pod}}
  %0:2 = cleave.rms_norm %x, %g {epsilon = 1.0e-6 : f64} : (tensor<4x8xf32, #terms>, tensor<8xf32, #whole>)
      -> (tensor<4x8xf32, #terms>, tensor<4xf32, #whole>)
  return
}

// -----

#heads = #cleave.placement<@pod, [S(2)]>
#rows = #cleave.placement<@pod, [S(1)]>

// Six query heads don't split as three key heads do, unless by two at once.
func.func @groups(%q: tensor<2x4x6x8xf32, #heads>, %k: tensor<2x4x3x8xf32, #heads>) {
  // expected-error @+1 {{got S(2), S(2), S(2) -> S(2), S(1) on axis 0 of @pod}}
  %0:2 = cleave.attention %q, %k, %k {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x6x8xf32, #heads>, tensor<2x4x3x8xf32, #heads>, tensor<2x4x3x8xf32, #heads>)
          -> (tensor<2x4x6x8xf32, #heads>, tensor<2x6x4xf32, #rows>)
  return
}

// -----

#queries = #cleave.placement<@pod, [S(2, unit=2), S(2, unit=2)]>
#keys = #cleave.placement<@pod, [B, S(2)]>
#rows = #cleave.placement<@pod, [S(1, unit=2), S(1, unit=2)]>

// A device's query heads follow from both axes, its key heads from the minor one alone: they don't belong together.
func.func @two_axes(%q: tensor<2x4x8x8xf32, #queries>, %k: tensor<2x4x4x8xf32, #keys>) {
  // expected-error @+1 {{requires the axis that splits more of its values to be the major one, got S(2, unit=2), B, B -> S(2, unit=2), S(1, unit=2) on axis 0 and S(2, unit=2), S(2), S(2) -> S(2, unit=2), S(1, unit=2) on axis 1 of @pod}}
  %0:2 = cleave.attention %q, %k, %k {scale = 1.0 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
      : (tensor<2x4x8x8xf32, #queries>, tensor<2x4x4x8xf32, #keys>, tensor<2x4x4x8xf32, #keys>)
          -> (tensor<2x4x8x8xf32, #queries>, tensor<2x8x4xf32, #rows>)
  return
}
