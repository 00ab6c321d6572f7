// RUN: cleave-opt %s --split-input-file --cleave-verify-phase=phase=place --verify-diagnostics

cleave.mesh @mesh <"model" = 2>

#whole = #cleave.placement<@mesh, [B]>

// What all phases up to place promise holds here.
func.func @kept(%x: tensor<8xf32, #whole>) -> tensor<8xf32, #whole> {
  %0 = cleave.relu %x {cleave.name = "relu"} : (tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  return %0 : tensor<8xf32, #whole>
}

// -----

// normalize promises a name for every op.
// expected-error @below {{phase 'place' did not keep its promise}}
module {
  func.func @nameless(%x: tensor<8xf32>) -> tensor<8xf32> {
    // expected-error @+1 {{has no name, as normalize promises}}
    %0 = cleave.relu %x : (tensor<8xf32>) -> tensor<8xf32>
    return %0 : tensor<8xf32>
  }
}

// -----

// differentiate promises one update of every trainable parameter.
// expected-error @below {{phase 'place' did not keep its promise}}
module {
  // expected-error @+1 {{requires one update of 'w', as differentiate promises, got 0}}
  func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) {
    return
  }
}

// -----

// place promises a placement of every argument.
// expected-error @below {{phase 'place' did not keep its promise}}
module {
  // expected-error @+1 {{requires a placement of argument 0, as place promises}}
  func.func @unplaced(%x: tensor<8xf32>) {
    return
  }
}

// -----

#term = #cleave.placement<@mesh, [P(sum)]>

// What the host reads is not partial.
// expected-error @below {{phase 'place' did not keep its promise}}
module {
  cleave.mesh @mesh <"model" = 2>
  // expected-error @+1 {{requires results that are not partial}}
  func.func @partial(%x: tensor<8xf32, #term>) -> tensor<8xf32, #term> {
    return %x : tensor<8xf32, #term>
  }
}
