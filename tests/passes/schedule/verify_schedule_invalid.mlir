// RUN: cleave-opt %s --cleave-verify-phase=phase=schedule --split-input-file --verify-diagnostics

#b = #cleave.placement<@mesh, [B]>
// expected-error @+2 {{phase 'schedule' did not keep its promise}}
// expected-error @+1 {{requires a module that is scheduled, got one without cleave.memory}}
module {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<16xf32, #b> {cleave.input = "x"}) -> (tensor<16xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "step"} {
    %0 = cleave.exp %x {cleave.name = "a", cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    return %0 : tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
// expected-error @+1 {{phase 'schedule' did not keep its promise}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0, 1>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<16xf32, #b> {cleave.input = "x", cleave.offsets = array<i64: 0>}) -> (tensor<16xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "step"} {
    // expected-error @+1 {{requires cleave.offsets for each of its 1 results}}
    %0 = cleave.exp %x {cleave.name = "a", cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    return %0 : tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
// expected-error @+2 {{phase 'schedule' did not keep its promise}}
// expected-error @+1 {{requires each rank to be in a class of cleave.memory}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<16xf32, #b> {cleave.input = "x", cleave.offsets = array<i64: 0>}) -> (tensor<16xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "step"} {
    %0 = cleave.exp %x {cleave.name = "a", cleave.offsets = [array<i64: 64>], cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    return %0 : tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
// expected-error @+1 {{phase 'schedule' did not keep its promise}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0, 1>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  // Both are needed by the sum.
  // expected-error @+1 {{requires registers that share bytes to be apart in time, got 'b'}}
  func.func @step(%x: tensor<16xf32, #b> {cleave.input = "x", cleave.offsets = array<i64: 0>}) -> (tensor<16xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "step"} {
    %0 = cleave.exp %x {cleave.name = "a", cleave.offsets = [array<i64: 64>], cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    %1 = cleave.sqrt %x {cleave.name = "b", cleave.offsets = [array<i64: 64>], cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    %2 = cleave.add %0, %1 {cleave.name = "c", cleave.offsets = [array<i64: 128>], cleave.stream = 0 : i64} : (tensor<16xf32, #b>, tensor<16xf32, #b>) -> tensor<16xf32, #b>
    return %2 : tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>
// expected-error @+1 {{phase 'schedule' did not keep its promise}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0, 1>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  // The collective may still read what 'b' overwrites: nothing of the compute stream waits for it.
  // expected-error @+1 {{requires registers that share bytes to be apart in time, got 'b'}}
  func.func @step(%x: tensor<16xf32, #p> {cleave.input = "x", cleave.offsets = array<i64: 0>}, %y: tensor<16xf32, #b> {cleave.input = "y", cleave.offsets = array<i64: 64>})
      -> (tensor<16xf32, #b> {cleave.output = "s"}, tensor<16xf32, #b> {cleave.output = "b"}) attributes {cleave.entry = "step"} {
    %0 = cleave.all_reduce %x along [0] {cleave.name = "s", cleave.offsets = [array<i64: 128>], cleave.stream = 1 : i64} : tensor<16xf32, #p> -> tensor<16xf32, #b>
    %1 = cleave.sqrt %y {cleave.name = "b", cleave.offsets = [array<i64: 0>], cleave.stream = 0 : i64} : (tensor<16xf32, #b>) -> tensor<16xf32, #b>
    %2 = cleave.wait %0 {cleave.stream = 0 : i64} : tensor<16xf32, #b>
    return %2, %1 : tensor<16xf32, #b>, tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>
// expected-error @+1 {{phase 'schedule' did not keep its promise}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0, 1>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<16xf32, #p> {cleave.input = "x", cleave.offsets = array<i64: 0>}) -> (tensor<16xf32, #b> {cleave.output = "s"}) attributes {cleave.entry = "step"} {
    // expected-error @+1 {{requires a cleave.wait, since it is started}}
    %0 = cleave.all_reduce %x along [0] {cleave.name = "s", cleave.offsets = [array<i64: 128>], cleave.stream = 1 : i64} : tensor<16xf32, #p> -> tensor<16xf32, #b>
    return %0 : tensor<16xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>
// expected-error @+1 {{phase 'schedule' did not keep its promise}}
module attributes {cleave.memory = [{activations = 0 : i64, arena_bytes = 256 : i64, gradients = 0 : i64, lower_bound = 0 : i64, ranks = array<i64: 0, 1>, variables = array<i64>}]} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<16xf32, #p> {cleave.input = "x", cleave.offsets = array<i64: 0>}) -> (tensor<16xf32, #b> {cleave.output = "s"}) attributes {cleave.entry = "step"} {
    // expected-error @+1 {{requires the stream that communicates, since it is waited for}}
    %0 = cleave.all_reduce %x along [0] {cleave.name = "s", cleave.offsets = [array<i64: 128>], cleave.stream = 0 : i64} : tensor<16xf32, #p> -> tensor<16xf32, #b>
    %1 = cleave.wait %0 {cleave.stream = 0 : i64} : tensor<16xf32, #b>
    return %1 : tensor<16xf32, #b>
  }
}
