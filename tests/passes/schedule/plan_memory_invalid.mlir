// RUN: cleave-opt %s --cleave-plan-memory --split-input-file --verify-diagnostics

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
cleave.mesh @mesh <"data" = 2>
func.func @step(%x: tensor<8xf32, #b> {cleave.input = "x"}) attributes {cleave.entry = "step"} {
  // expected-error @+1 {{requires to be lowered before it is scheduled}}
  %0 = cleave.reshard %x : tensor<8xf32, #b> -> tensor<8xf32, #s>
  return
}

// -----

#b = #cleave.placement<@mesh, [B]>
cleave.mesh @mesh <"data" = 2>
// expected-error @+1 {{requires each variable to be replaced by an op's result of its own (see cleave-order-ops), got another value for 'w'}}
func.func @step(%w: tensor<8xf32, #b> {cleave.parameter = "w"}, %x: tensor<8xf32, #b> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w"}) attributes {cleave.entry = "step"} {
  return %x : tensor<8xf32, #b>
}

// -----

#b = #cleave.placement<@mesh, [B]>
cleave.mesh @mesh <"data" = 2>
func.func @step(%w: tensor<8xf32, #b> {cleave.parameter = "w"}, %x: tensor<8xf32, #b> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w"}, tensor<f32, #b> {cleave.output = "norm"}) attributes
        {cleave.entry = "step"} {
  %new = cleave.add %w, %x : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  // expected-error @+1 {{requires nobody to read 'w' behind the op that overwrites it}}
  %norm = cleave.sum_squares %w : (tensor<8xf32, #b>) -> tensor<f32, #b>
  return %new, %norm : tensor<8xf32, #b>, tensor<f32, #b>
}

// -----

#b = #cleave.placement<@mesh, [B]>
cleave.mesh @mesh <"data" = 2>
func.func @step(%w: tensor<8xf32, #b> {cleave.parameter = "w"}, %x: tensor<8xf32, #b> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w"}) attributes {cleave.entry = "step"} {
  // expected-error @+1 {{requires to read 'w' in place only, since it overwrites it}}
  %new = cleave.add %x, %w : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %new : tensor<8xf32, #b>
}

// -----

// A budget holds for the plan, whatever the passes before did.
// expected-error @+1 {{requires at most 100 bytes a device, got 128}}
module attributes {cleave.memory_budget = 100 : i64} {
  cleave.mesh @mesh <"data" = 1>
  func.func @step(%x: tensor<16xf32> {cleave.input = "x"})
      -> (tensor<16xf32> {cleave.output = "y"}, tensor<16xf32> {cleave.output = "z"}) attributes
      {cleave.entry = "step"} {
    %y = cleave.exp %x : (tensor<16xf32>) -> tensor<16xf32>
    return %x, %y : tensor<16xf32>, tensor<16xf32>
  }
}
