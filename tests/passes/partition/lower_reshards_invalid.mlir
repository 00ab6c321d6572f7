// RUN: cleave-opt %s --cleave-lower-reshards --split-input-file --verify-diagnostics

#a = #cleave.placement<@pod, [P(sum)]>
#b = #cleave.placement<@pod, [B]>

// Who holds what follows from the mesh.
func.func @no_mesh(%x: tensor<8xf32, #a>) -> tensor<8xf32, #b> {
  // expected-error @+1 {{requires a mesh named @pod}}
  %0 = cleave.reshard %x : tensor<8xf32, #a> -> tensor<8xf32, #b>
  return %0 : tensor<8xf32, #b>
}

// -----

cleave.mesh @pod <"model" = 2>

#sum = #cleave.placement<@pod, [P(sum)]>
#max = #cleave.placement<@pod, [P(max)]>

// Terms of a sum say nothing about a maximum.
func.func @other_combiner(%x: tensor<8xf32, #sum>) -> tensor<8xf32, #max> {
  // expected-error @+1 {{can't make a partial value of a P(sum) one}}
  %0 = cleave.reshard %x : tensor<8xf32, #sum> -> tensor<8xf32, #max>
  return %0 : tensor<8xf32, #max>
}
