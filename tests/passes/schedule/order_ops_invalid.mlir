// RUN: cleave-opt %s --cleave-order-ops --split-input-file --verify-diagnostics

// expected-error @+1 {{requires one mesh to schedule on, got 0}}
module {
}

// -----

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
cleave.mesh @mesh <"data" = 2>
func.func @step(%w: tensor<8xf32, #b> {cleave.parameter = "w"}) attributes {cleave.entry = "step"} {
  return
}
// expected-error @+1 {{requires all entries to agree on variable 'w'}}
func.func @logits(%w: tensor<8xf32, #s> {cleave.parameter = "w"}) attributes {cleave.entry = "logits"} {
  return
}

// -----

#b = #cleave.placement<@mesh, [B]>
cleave.mesh @mesh <"data" = 2>
// expected-error @+1 {{requires a result to replace a parameter or state, got 'v'}}
func.func @step(%w: tensor<8xf32, #b> {cleave.parameter = "w"})
    -> (tensor<8xf32, #b> {cleave.updates = "v"}) attributes {cleave.entry = "step"} {
  return %w : tensor<8xf32, #b>
}
