// RUN: split-file %s %t
// RUN: not cleave-compile compile %t/partial.mlir -o %t/plan 2>&1 | FileCheck %s --check-prefix=PARTIAL
// RUN: not cleave-compile compile %t/unnamed.mlir -o %t/plan 2>&1 | FileCheck %s --check-prefix=UNNAMED

// A value of which each rank holds a term can't come from the host, which has all of it.
// PARTIAL: requires what the host reads or gives to be whole, got 'x' of type 'tensor<4xf32, {{.*}}[P(sum)]>>'

// The host asks for outputs by name.
// UNNAMED: requires a name for each input and output

//--- partial.mlir
#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 4 : i64}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<4xf32, #p> {cleave.input = "x"}) -> (tensor<4xf32, #b> {cleave.output = "y"})
      attributes {cleave.entry = "step"} {
    %y = cleave.all_reduce %x along [0] {cleave.name = "y"} : tensor<4xf32, #p> -> tensor<4xf32, #b>
    return %y : tensor<4xf32, #b>
  }
}

//--- unnamed.mlir
#s = #cleave.placement<@mesh, [S(0)]>
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 4 : i64}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<4xf32, #s> {cleave.input = "x"}) -> tensor<4xf32, #s>
      attributes {cleave.entry = "step"} {
    %y = cleave.neg %x {cleave.name = "y"} : (tensor<4xf32, #s>) -> tensor<4xf32, #s>
    return %y : tensor<4xf32, #s>
  }
}
