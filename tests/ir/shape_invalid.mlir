// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @constant_type() {
  // expected-error @+1 {{requires a value of its result's type, got 'tensor<4xf64>' for 'tensor<4xf32>'}}
  %0 = cleave.constant {value = dense<1.0> : tensor<4xf64>} : () -> tensor<4xf32>
  return
}

// -----

func.func @constant_vector() {
  // expected-error @+1 {{requires a value of its result's type, got 'vector<4xf32>' for 'tensor<4xf32>'}}
  %0 = cleave.constant {value = dense<1.0> : vector<4xf32>} : () -> tensor<4xf32>
  return
}

// -----

func.func @constant_sparse() {
  // expected-error @+1 {{requires a dense value of numbers}}
  %0 = cleave.constant {value = sparse<[[0]], [1.0]> : tensor<4xf32>} : () -> tensor<4xf32>
  return
}

// -----

func.func @iota_dimension() {
  // expected-error @+1 {{requires dimension below 2, got 2}}
  %0 = cleave.iota {dimension = 2 : i64} : () -> tensor<4x8xi32>
  return
}

// -----

func.func @broadcast_order(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{requires 'dimensions' to give each operand dimension a growing result dimension below 2}}
  %0 = cleave.broadcast %x {dimensions = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  return
}

// -----

func.func @broadcast_stretch(%x: tensor<1xf32>) {
  // expected-error @+1 {{requires one size for 'i0' in ' i0 -> i0 i1', got 1 and 4}}
  %0 = cleave.broadcast %x {dimensions = array<i64: 0>} : (tensor<1xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @broadcast_element(%x: tensor<8xi32>) {
  // expected-error @+1 {{requires one element type, got 'tensor<8xi32>' and 'tensor<4x8xi64>'}}
  %0 = cleave.broadcast %x {dimensions = array<i64: 1>} : (tensor<8xi32>) -> tensor<4x8xi64>
  return
}

// -----

func.func @reshape_elements(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{requires as many elements of one type, got 'tensor<4x8xf32>' and 'tensor<5x7xf32>'}}
  %0 = cleave.reshape %x : (tensor<4x8xf32>) -> tensor<5x7xf32>
  return
}

// -----

func.func @reshape_overflow(%x: tensor<3037000500x3037000501xf32>) {
  // expected-error @+1 {{requires fewer elements than 2^42}}
  %0 = cleave.reshape %x : (tensor<3037000500x3037000501xf32>) -> tensor<3037000501x3037000500xf32>
  return
}

// -----

func.func @permutation(%x: tensor<4x4xf32>) {
  // expected-error @+2 {{requires a permutation of the operand's dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.transpose %x {permutation = array<i64: 0, 0>} : (tensor<4x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @permutation_range(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires rank 0 by its rule ' i0 -> ', got 'tensor<4xf32>'}}
  %0 = cleave.transpose %x {permutation = array<i64: 7>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slice_ranks(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{requires a start, a limit and a step for each of 2 dimensions}}
  %0 = cleave.slice %x {starts = array<i64: 0>, limits = array<i64: 4>, steps = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @slice_range(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires 0 <= start <= limit <= 8 and a step of at least 1 in dimension 0, got 4, 9 and 1}}
  %0 = cleave.slice %x {starts = array<i64: 4>, limits = array<i64: 9>, steps = array<i64: 1>} : (tensor<8xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @slice_step(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires 0 <= start <= limit <= 8 and a step of at least 1 in dimension 0, got 0, 8 and 0}}
  %0 = cleave.slice %x {starts = array<i64: 0>, limits = array<i64: 8>, steps = array<i64: 0>} : (tensor<8xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @slice_result(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires 3 elements in dimension 0 of its result, got 'tensor<4xf32>'}}
  %0 = cleave.slice %x {starts = array<i64: 0>, limits = array<i64: 8>, steps = array<i64: 3>} : (tensor<8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slice_element(%x: tensor<8xi32>) {
  // expected-error @+1 {{requires one element type, got 'tensor<8xi32>' and 'tensor<4xi64>'}}
  %0 = cleave.slice %x {starts = array<i64: 0>, limits = array<i64: 4>, steps = array<i64: 1>} : (tensor<8xi32>) -> tensor<4xi64>
  return
}

// -----

func.func @pad_ranks(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{requires a low and a high padding for each of 2 dimensions}}
  %0 = cleave.pad %x {low = array<i64>, high = array<i64>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @pad_size(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires paddings of at least 0 that fill dimension 0 of its result, got 9223372036854775807 and 2}}
  %0 = cleave.pad %x {low = array<i64: 9223372036854775807>, high = array<i64: 2>} : (tensor<8xf32>) -> tensor<12xf32>
  return
}

// -----

func.func @pad_element(%x: tensor<8xi32>) {
  // expected-error @+1 {{requires one element type, got 'tensor<8xi32>' and 'tensor<9xi64>'}}
  %0 = cleave.pad %x {low = array<i64: 1>, high = array<i64: 0>} : (tensor<8xi32>) -> tensor<9xi64>
  return
}

// -----

func.func @concat_dimension(%x: tensor<4xf32>) {
  // expected-error @+2 {{requires values of one type but for 'dimension'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.concat %x, %x {dimension = 1 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @concat_element(%x: tensor<4xi32>, %y: tensor<4xi64>) {
  // expected-error @+2 {{requires values of one type but for 'dimension'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.concat %x, %y {dimension = 0 : i64} : (tensor<4xi32>, tensor<4xi64>) -> tensor<8xi32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error @+2 {{requires values of one type but for 'dimension'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = "cleave.concat"() {dimension = 0 : i64} : () -> tensor<4xf32>
  return
}

// -----

func.func @gather_shape(%x: tensor<4x8xf32>, %i: tensor<5xi32>) {
  // expected-error @+1 {{requires one size for '...0' in '... v, ... -> ...', got 4 and 5}}
  %0 = cleave.gather %x, %i : (tensor<4x8xf32>, tensor<5xi32>) -> tensor<5xf32>
  return
}

// -----

func.func @running_sum_of_a_scalar(%x: tensor<f32>) {
  // expected-error @+1 {{requires rank 1 by its rule '... [n] -> ... [n]', got 'tensor<f32>'}}
  %0 = cleave.cumulative_sum %x : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_dimensions(%x: tensor<4x8xf32>) {
  // expected-error @+2 {{requires growing dimensions of the operand}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_kind(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{attribute 'kind' failed to satisfy constraint: string attribute one of sum, max, min, mean}}
  %0 = cleave.reduce %x {kind = "median", dimensions = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @integer_mean(%x: tensor<4x8xi32>) {
  // expected-error @+2 {{requires floats for a mean, got 'tensor<4xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.reduce %x {kind = "mean", dimensions = array<i64: 1>} : (tensor<4x8xi32>) -> tensor<4xi32>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>

// A softmax needs whole rows.
func.func @split_softmax(%x: tensor<4x8xf32, #columns>) {
  // expected-error @+1 {{requires placements that its rule '... [n] -> ... [n]' allows, got S(1) -> S(1) on axis 0 of @pod}}
  %0 = cleave.softmax %x : (tensor<4x8xf32, #columns>) -> tensor<4x8xf32, #columns>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>
#whole = #cleave.placement<@pod, [B]>

// A sum over a split dimension is partial until someone adds it up.
func.func @forgotten_sum(%x: tensor<4x8xf32, #columns>) {
  // expected-error @+1 {{allows, got S(1) -> B on axis 0 of @pod}}
  %0 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 1>} : (tensor<4x8xf32, #columns>) -> tensor<4xf32, #whole>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

// The maximum of a sum is not the maximum of its terms.
func.func @maximum_of_terms(%x: tensor<4x8xf32, #terms>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum) -> P(sum)}}
  %0 = cleave.reduce %x {kind = "max", dimensions = array<i64: 1>} : (tensor<4x8xf32, #terms>) -> tensor<4xf32, #terms>
  return
}

// -----

#features = #cleave.placement<@pod, [S(1, unit=3)]>
#heads = #cleave.placement<@pod, [S(1)]>

// Half a head is no head.
func.func @unit_of_reshape(%x: tensor<4x12xf32, #features>) {
  // expected-error @+1 {{got S(1, unit=3) -> S(1) on axis 0 of @pod}}
  %0 = cleave.reshape %x : (tensor<4x12xf32, #features>) -> tensor<4x2x6xf32, #heads>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>

func.func @split_slice(%x: tensor<4x8xf32, #columns>) {
  // expected-error @+1 {{got S(1) -> S(1) on axis 0 of @pod}}
  %0 = cleave.slice %x {starts = array<i64: 0, 0>, limits = array<i64: 4, 4>, steps = array<i64: 1, 1>} : (tensor<4x8xf32, #columns>) -> tensor<4x4xf32, #columns>
  return
}
