// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @arguments(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires region arguments of its inputs' types}}
  %0:2 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %s = cleave.sum_squares %a : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
  return
}

// -----

func.func @yields_nothing(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires a region that yields a scalar first}}
  %0 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @not_a_scalar(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires a scalar as the first value, got 'tensor<8xf32>'}}
  %0:2 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @no_such_input(%x: tensor<f32>) {
  // expected-error @+1 {{requires inputs below 1 in 'wrt', got 1}}
  %0:2 = cleave.gradient (%x) wrt [1] {
  ^bb0(%a: tensor<f32>):
    cleave.yield %a : tensor<f32>
  } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return
}

// -----

func.func @results(%x: tensor<f32>) {
  // expected-error @+1 {{requires results of the yielded types and then of the types of the inputs in 'wrt'}}
  %0 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<f32>):
    cleave.yield %a : tensor<f32>
  } : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @yields_no_tensor(%x: tensor<f32>) {
  %0 = "cleave.gradient"(%x) ({
  ^bb0(%a: tensor<f32>):
    %f = func.constant @yields_no_tensor : (tensor<f32>) -> ()
    // expected-error @+1 {{operand #0 must be variadic of statically shaped tensor}}
    "cleave.yield"(%f) : ((tensor<f32>) -> ()) -> ()
  }) {wrt = array<i64: 0>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @no_region(%x: tensor<f32>) {
  // expected-error @+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
  %0 = "cleave.gradient"(%x) ({}) {wrt = array<i64: 0>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @empty_region(%x: tensor<f32>) {
  // expected-error @+1 {{expects a non-empty block}}
  %0 = "cleave.gradient"(%x) ({
  ^bb0(%a: tensor<f32>):
  }) {wrt = array<i64: 0>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @count(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires a count of at least 1, got 0}}
  %0 = cleave.chunked 0 (%x) [S(0)] -> [S(0)] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @partial_operand(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires operands that are S or B, got P(sum)}}
  %0 = cleave.chunked 2 (%x) [P(sum)] -> [P(sum)] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @whole_result(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires results that are S or P, got B}}
  %0 = cleave.chunked 2 (%x) [B] -> [B] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @modes(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires a mode for each operand and as many values in its region, got 2, 1 and 1}}
  %0 = cleave.chunked 2 (%x) [B, B] -> [P(sum)] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @uneven(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires a count that divides the split dimension, got 3 for operand 0 of type 'tensor<8xf32>'}}
  %0 = cleave.chunked 3 (%x) [S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<2xf32>):
    cleave.yield %a : tensor<2xf32>
  } : (tensor<8xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @slice_type(%x: tensor<8xf32>) {
  // expected-error @+1 {{requires 'tensor<4xf32>' in its region for operand 0, got 'tensor<8xf32>'}}
  %0 = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<8xf32>):
    cleave.yield %a : tensor<8xf32>
  } : (tensor<8xf32>) -> tensor<8xf32>
  return
}
