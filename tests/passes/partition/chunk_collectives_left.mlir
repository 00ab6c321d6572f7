// RUN: cleave-opt %s --cleave-chunk-collectives --split-input-file --verify-diagnostics

#whole = #cleave.placement<@mesh, [B]>
#tokens = #cleave.placement<@mesh, [S(1)]>
#columns = #cleave.placement<@mesh, [S(1)]>

// A weight's gradient sums over examples and tokens; its columns are what it has of the gathered value.
module attributes {cleave.overlap = ["chunked-matmul"]} {
cleave.mesh @mesh <"model" = 2>
func.func @summed(%x: tensor<8x128x255xf32, #tokens> {cleave.input = "x"}, %dy: tensor<8x128x512xf32, #cleave.placement<@mesh, [S(2)]>> {cleave.input = "dy"}) -> tensor<255x512xf32, #columns> {
  // expected-remark @+1 {{chunked-matmul: requires a dimension that can be cut, got dimension 0 is needed whole by 'dw' with rule '... m, ... n, m n -> m n'; dimension 1 is split along model; dimension 2 of 255 does not make equal chunks, left whole}}
  %g = cleave.all_gather %x along [0] {cleave.name = "g"} : tensor<8x128x255xf32, #tokens> -> tensor<8x128x255xf32, #whole>
  %dw = cleave.outer %g, %dy {cleave.name = "dw"} : (tensor<8x128x255xf32, #whole>, tensor<8x128x512xf32, #cleave.placement<@mesh, [S(2)]>>) -> tensor<255x512xf32, #columns>
  return %dw : tensor<255x512xf32, #columns>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#queries = #cleave.placement<@mesh, [S(0)]>

// Queries of a causal attention must know where they stand, and each needs all keys.
module attributes {cleave.overlap = ["chunked-matmul"]} {
cleave.mesh @mesh <"model" = 2>
func.func @attends(%x: tensor<1x128x2x16xf32, #cleave.placement<@mesh, [S(2)]>> {cleave.input = "x"}) -> tensor<1x128x2x16xf32, #whole> {
  // expected-remark @+1 {{dimension 0 of 1 does not make equal chunks; dimension 1 is needed whole by 'a' with rule 'b s h [d], b [t]}}
  %g = cleave.all_gather %x along [0] {cleave.name = "g"} : tensor<1x128x2x16xf32, #cleave.placement<@mesh, [S(2)]>> -> tensor<1x128x2x16xf32, #whole>
  %a, %lse = cleave.attention %g, %g, %g {cleave.name = "a", causal = true, scale = 0.25 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>} : (tensor<1x128x2x16xf32, #whole>, tensor<1x128x2x16xf32, #whole>, tensor<1x128x2x16xf32, #whole>) -> (tensor<1x128x2x16xf32, #whole>, tensor<1x2x128xf32, #whole>)
  return %a : tensor<1x128x2x16xf32, #whole>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>

// Somebody reads the terms themselves.
module attributes {cleave.overlap = ["chunked-matmul"]} {
cleave.mesh @mesh <"model" = 2>
func.func @terms(%x: tensor<1x128xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.input = "x"}, %w: tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>> {cleave.parameter = "w"}) -> (tensor<1x64xf32, #whole>, tensor<1x64xf32, #whole>) {
  %y = cleave.matmul %x, %w : (tensor<1x128xf32, #cleave.placement<@mesh, [S(1)]>>, tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>>) -> tensor<1x64xf32, #sum>
  // expected-remark @+1 {{dimension 0 of 1 does not make equal chunks; dimension 1 has other readers before it is reduced, left whole}}
  %r = cleave.all_reduce %y along [0] : tensor<1x64xf32, #sum> -> tensor<1x64xf32, #whole>
  %z = cleave.neg %y : (tensor<1x64xf32, #sum>) -> tensor<1x64xf32, #sum>
  %s = cleave.all_reduce %z along [0] : tensor<1x64xf32, #sum> -> tensor<1x64xf32, #whole>
  return %r, %s : tensor<1x64xf32, #whole>, tensor<1x64xf32, #whole>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>

// A link of little bandwidth is busy for long, and there is little to compute meanwhile.
module attributes {cleave.chunks, cleave.links = {model = "1GB/s,1ms"}} {
cleave.mesh @mesh <"model" = 2>
func.func @too_small(%x: tensor<64x128xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.input = "x"}, %w: tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>> {cleave.parameter = "w"}) -> tensor<64x64xf32, #whole> {
  %y = cleave.matmul %x, %w : (tensor<64x128xf32, #cleave.placement<@mesh, [S(1)]>>, tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>>) -> tensor<64x64xf32, #sum>
  // expected-remark @+1 {{: too little, left whole}}
  %r = cleave.all_reduce %y along [0] : tensor<64x64xf32, #sum> -> tensor<64x64xf32, #whole>
  return %r : tensor<64x64xf32, #whole>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>

// The weight's gradient is there to be computed while the input's is reduced: chunks would save nothing.
module attributes {cleave.chunks, cleave.links = {model = "4GB/s,10us"}} {
cleave.mesh @mesh <"model" = 2>
func.func @hidden_anyway(%dy: tensor<2048x1024xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.input = "dy"}, %x: tensor<2048x1024xf32, #whole> {cleave.input = "x"}, %w: tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.parameter = "w"}) -> (tensor<2048x1024xf32, #whole>, tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>>) {
  %p = cleave.matmul %dy, %w {transpose_rhs = true, cleave.phase = "backward"} : (tensor<2048x1024xf32, #cleave.placement<@mesh, [S(1)]>>, tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>>) -> tensor<2048x1024xf32, #sum>
  // expected-remark @+1 {{: too little, left whole}}
  %dx = cleave.all_reduce %p along [0] {cleave.phase = "backward"} : tensor<2048x1024xf32, #sum> -> tensor<2048x1024xf32, #whole>
  %dw = cleave.outer %x, %dy {cleave.phase = "backward"} : (tensor<2048x1024xf32, #whole>, tensor<2048x1024xf32, #cleave.placement<@mesh, [S(1)]>>) -> tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>>
  return %dx, %dw : tensor<2048x1024xf32, #whole>, tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>

// The same without it: the reduction of one chunk runs under the product of the next.
module attributes {cleave.chunks, cleave.links = {model = "4GB/s,10us"}} {
cleave.mesh @mesh <"model" = 2>
func.func @pays(%dy: tensor<2048x1024xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.input = "dy"}, %w: tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.parameter = "w"}) -> tensor<2048x1024xf32, #whole> {
  %p = cleave.matmul %dy, %w {transpose_rhs = true, cleave.phase = "backward"} : (tensor<2048x1024xf32, #cleave.placement<@mesh, [S(1)]>>, tensor<1024x1024xf32, #cleave.placement<@mesh, [S(1)]>>) -> tensor<2048x1024xf32, #sum>
  // expected-remark-re @+1 {{chunked-matmul: 4 chunks of columns (dimension 1) of 2 ops take {{[0-9.]+}} us instead of {{[0-9.]+}} us{{$}}}}
  %dx = cleave.all_reduce %p along [0] {cleave.phase = "backward"} : tensor<2048x1024xf32, #sum> -> tensor<2048x1024xf32, #whole>
  return %dx : tensor<2048x1024xf32, #whole>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>

// Not a word where nobody asks.
module attributes {cleave.overlap = ["split"]} {
cleave.mesh @mesh <"model" = 2>
func.func @off(%x: tensor<64x128xf32, #cleave.placement<@mesh, [S(1)]>> {cleave.input = "x"}, %w: tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>> {cleave.parameter = "w"}) -> tensor<64x64xf32, #whole> {
  %y = cleave.matmul %x, %w : (tensor<64x128xf32, #cleave.placement<@mesh, [S(1)]>>, tensor<128x64xf32, #cleave.placement<@mesh, [S(0)]>>) -> tensor<64x64xf32, #sum>
  %r = cleave.all_reduce %y along [0] : tensor<64x64xf32, #sum> -> tensor<64x64xf32, #whole>
  return %r : tensor<64x64xf32, #whole>
}
}
