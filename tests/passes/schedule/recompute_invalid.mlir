// RUN: cleave-opt %s --split-input-file --verify-diagnostics --cleave-recompute

// What can't fit says how much is missing, and what holds most.
module attributes {cleave.memory_budget = 400000 : i64} {
  cleave.mesh @mesh <"model" = 1>
  // expected-error@+1 {{requires a plan of at most 0.400 MB a device (--memory), got 0.475 MB for 'step' with all recompute that helps: 0.075 MB are missing; when most is held, that is parameters 0.328 MB, optimizer 0.000 MB, gradients 0.000 MB, activations 0.147 MB}}
  func.func @step(%x: tensor<64x64xf32> {cleave.input = "x"}, %w1: tensor<64x256xf32>
      {cleave.parameter = "w1"}, %w2: tensor<256x256xf32> {cleave.parameter = "w2"})
      -> (tensor<64x64xf32> {cleave.output = "dw"}, tensor<f32> {cleave.output = "loss"}) attributes
          {cleave.entry = "step"} {
    %h = cleave.exp %x {cleave.name = "h", cleave.phase = "forward"} : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32>) -> tensor<f32>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %dw, %loss : tensor<64x64xf32>, tensor<f32>
  }
}

// -----

// What is returned is never dropped.
module attributes {cleave.memory_budget = 480000 : i64} {
  cleave.mesh @mesh <"model" = 1>
  // expected-error@+1 {{requires a plan of at most 0.480 MB a device (--memory), got 0.492 MB for 'step' with all recompute that helps: 0.012 MB are missing}}
  func.func @step(%x: tensor<64x64xf32> {cleave.input = "x"}, %w1: tensor<64x256xf32>
      {cleave.parameter = "w1"}, %w2: tensor<256x256xf32> {cleave.parameter = "w2"})
      -> (tensor<64x64xf32> {cleave.output = "dw"}, tensor<64x64xf32> {cleave.output = "h"}, tensor<f32>
          {cleave.output = "loss"}) attributes {cleave.entry = "step"} {
    %h = cleave.exp %x {cleave.name = "h", cleave.phase = "forward"} : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32>) -> tensor<f32>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %dw, %h, %loss : tensor<64x64xf32>, tensor<64x64xf32>, tensor<f32>
  }
}
