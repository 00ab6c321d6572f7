// RUN: cleave-opt %s --cleave-chunk-batch --split-input-file --verify-diagnostics

// Microbatches are equal parts of the batch.
// expected-error@+1 {{requires microbatches that divide the batch, got 3 for input "x" of batch 8}}
func.func @step(%x: tensor<8x4xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64}) -> tensor<f32> attributes
    {cleave.microbatches = 3 : i64} {
  %0 = cleave.sum_squares %x : (tensor<8x4xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// There is at least one.
// expected-error@+1 {{requires at least 1 as cleave.microbatches, got 0 : i64}}
func.func @step() attributes {cleave.microbatches = 0 : i64} { return }

// -----

// The batch comes first.
// expected-error@+1 {{requires cleave.batch_dim = 0 of what is run in microbatches, got 1 for input "x"}}
func.func @step(%x: tensor<8x4xf32> {cleave.input = "x", cleave.batch_dim = 1 : i64}) attributes
    {cleave.microbatches = 2 : i64} { return }

// -----

// A loss that divides one sum over the batch by another is no sum of those of its microbatches.
func.func @step(%x: tensor<8x4xf32> {cleave.batch_dim = 0 : i64}, %y: tensor<8xi32> {cleave.batch_dim = 0 : i64})
    -> tensor<f32> attributes {cleave.microbatches = 2 : i64} {
  %1, %n, %lse = cleave.cross_entropy %x, %y : (tensor<8x4xf32>, tensor<8xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<8xf32>)
  // expected-error@+1 {{can't run on microbatches: requires operands and attributes that its rule '..., ... -> ...' allows for slices, got operands [P(sum), P(sum)] over time}}
  %2 = cleave.div %1, %n : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %2 : tensor<f32>
}

// -----

// Examples that are centered by their mean over the batch know all of it.
func.func @step(%x: tensor<8x4xf32> {cleave.batch_dim = 0 : i64}) -> tensor<f32> attributes
    {cleave.microbatches = 2 : i64} {
  %0 = cleave.reduce %x {kind = "mean", dimensions = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
  %1 = cleave.broadcast %0 {dimensions = array<i64: 1>} : (tensor<4xf32>) -> tensor<8x4xf32>
  // expected-error@+1 {{'cleave.sub' op can't run on microbatches: requires operands and attributes that its rule '..., ... -> ...' allows for slices, got operands [S(0), P(sum)] over time}}
  %2 = cleave.sub %x, %1 : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %3 = cleave.sum_squares %2 : (tensor<8x4xf32>) -> tensor<f32>
  return %3 : tensor<f32>
}

// -----

// A value that is a sum over all examples can't draw other random numbers in each microbatch.
func.func @step(%x: tensor<8x4xf32> {cleave.batch_dim = 0 : i64}, %rng: tensor<4xi32>) -> tensor<4xf32> attributes
    {cleave.microbatches = 2 : i64} {
  %0 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
  // expected-error@+1 {{'cleave.dropout' op can't run on microbatches}}
  %1 = cleave.dropout %0, %rng {rate = 0.5 : f64, id = 1 : i64} : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// What depends on the batch has a rule.
func.func @step(%x: tensor<8xf32> {cleave.batch_dim = 0 : i64}) -> tensor<f32> attributes
    {cleave.microbatches = 2 : i64} {
  // expected-error@+1 {{'cleave.chunked' op can't run on microbatches: requires an op that has a rule}}
  %0 = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {
  ^bb0(%a: tensor<4xf32>):
    %1 = cleave.sum_squares %a : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %1 : tensor<f32>
  } : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Nothing forward waits for the update.
// expected-error@+1 {{requires that what runs on microbatches reads nothing that is made of their results}}
func.func @step(%x: tensor<8xf32> {cleave.batch_dim = 0 : i64}) -> tensor<8xf32> attributes
    {cleave.microbatches = 2 : i64} {
  %0 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 0>} : (tensor<8xf32>) -> tensor<f32>
  %1 = cleave.sqrt %0 {cleave.phase = "update"} : (tensor<f32>) -> tensor<f32>
  %2 = cleave.broadcast %1 {dimensions = array<i64>} : (tensor<f32>) -> tensor<8xf32>
  %3 = cleave.add %x, %2 : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return %3 : tensor<8xf32>
}
