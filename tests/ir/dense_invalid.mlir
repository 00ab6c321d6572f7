// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @sizes(%x: tensor<4x5xf32>, %w: tensor<6x8xf32>) {
  // expected-error @+1 {{requires one size for 'k' in '... m k, ... k n, n -> ... m n', got 5 and 6}}
  %0 = cleave.matmul %x, %w : (tensor<4x5xf32>, tensor<6x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @vector(%x: tensor<5xf32>, %w: tensor<5x8xf32>) {
  // expected-error @+1 {{requires rank 2 by its rule '... m k, ... k n, n -> ... m n', got 'tensor<5xf32>'}}
  %0 = cleave.matmul %x, %w : (tensor<5xf32>, tensor<5x8xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @batches(%x: tensor<2x3x4x5xf32>, %w: tensor<2x5x8xf32>) {
  // expected-error @+1 {{requires a right-hand side of rank 2 or of the left-hand side's rank 4, got 3}}
  %0 = cleave.matmul %x, %w : (tensor<2x3x4x5xf32>, tensor<2x5x8xf32>) -> tensor<2x3x4x8xf32>
  return
}

// -----

func.func @bias(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>, %b: tensor<6xf32>) {
  // expected-error @+1 {{requires one size for 'n' in '... m k, ... k n, n -> ... m n', got 8 and 6}}
  %0 = cleave.matmul %x, %w, %b : (tensor<4x6xf32>, tensor<6x8xf32>, tensor<6xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @elements(%x: tensor<4x6xf32>, %w: tensor<6x8xbf16>) {
  // expected-error @+1 {{requires one element type for all of its floats, got 'tensor<4x6xf32>' and 'tensor<6x8xbf16>'}}
  %0 = cleave.matmul %x, %w : (tensor<4x6xf32>, tensor<6x8xbf16>) -> tensor<4x8xf32>
  return
}

// -----

func.func @too_many(%x: tensor<4x4xf32>) {
  // expected-error @+1 {{operand group starting at #2 requires 0 or 1 element, but found 2}}
  %0 = cleave.matmul %x, %x, %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>)
      -> tensor<4x4xf32>
  return
}

// -----

func.func @result(%x: tensor<4x6xf32>, %w: tensor<6x8xf32>) {
  // expected-error @+1 {{requires one size for 'n' in '... m k, ... k n, n -> ... m n', got 8 and 9}}
  %0 = cleave.matmul %x, %w : (tensor<4x6xf32>, tensor<6x8xf32>) -> tensor<4x9xf32>
  return
}

// -----

func.func @table(%t: tensor<4xf32>, %i: tensor<2xi32>) {
  // expected-error @+1 {{requires rank 2 by its rule 'v c, ... -> ... c', got 'tensor<4xf32>'}}
  %0 = cleave.embedding %t, %i : (tensor<4xf32>, tensor<2xi32>) -> tensor<2xf32>
  return
}

// -----

func.func @ids(%t: tensor<4x6xf32>, %i: tensor<2xf32>) {
  // expected-error @+1 {{operand #1 must be statically shaped tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<2xf32>'}}
  %0 = cleave.embedding %t, %i : (tensor<4x6xf32>, tensor<2xf32>) -> tensor<2x6xf32>
  return
}

// -----

func.func @accumulator(%i: tensor<2xi32>, %d: tensor<2x6xf32>, %t: tensor<4x6xf32>) {
  // expected-error @+1 {{requires one size for 'v' in '..., ... c, v c -> v c', got 4 and 5}}
  %0 = cleave.embedding_gradient %i, %d, %t : (tensor<2xi32>, tensor<2x6xf32>, tensor<4x6xf32>) -> tensor<5x6xf32>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>
#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

// A sum over a split index is partial until someone adds it up.
func.func @forgotten_sum(%x: tensor<4x6xf32, #columns>, %w: tensor<6x8xf32, #rows>) {
  // expected-error @+1 {{requires placements that its rule '... m k, ... k n, n -> ... m n' allows, got S(1), S(0) -> B on axis 0 of @pod}}
  %0 = cleave.matmul %x, %w : (tensor<4x6xf32, #columns>, tensor<6x8xf32, #rows>) -> tensor<4x8xf32, #whole>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>
#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>
#terms = #cleave.placement<@pod, [P(sum)]>

// A whole bias would be added once by each device.
func.func @bias_of_terms(%x: tensor<4x6xf32, #columns>, %w: tensor<6x8xf32, #rows>, %b: tensor<8xf32, #whole>) {
  // expected-error @+1 {{got S(1), S(0), B -> P(sum) on axis 0 of @pod}}
  %0 = cleave.matmul %x, %w, %b : (tensor<4x6xf32, #columns>, tensor<6x8xf32, #rows>, tensor<8xf32, #whole>)
      -> tensor<4x8xf32, #terms>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

func.func @product_of_sums(%x: tensor<4x4xf32, #terms>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum), P(sum) -> P(sum) on axis 0 of @pod}}
  %0 = cleave.matmul %x, %x : (tensor<4x4xf32, #terms>, tensor<4x4xf32, #terms>) -> tensor<4x4xf32, #terms>
  return
}
