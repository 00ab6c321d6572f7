// RUN: cleave-opt %s --cleave-split-collectives --cleave-plan-memory | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Three rows over two ranks: the ranks' shapes differ, so each is a class of its own. Variables lie first. The arena is
// as large as what is alive at once, up to alignment.
// CHECK: cleave.memory = [{activations = [[#]] : i64, arena_bytes = [[#]] : i64, gradients = 0 : i64, lower_bound = [[#]] : i64, ranks = array<i64: 0>, variables = array<i64: 0>}, {{.*}}ranks = array<i64: 1>, variables = array<i64: 0>}]
cleave.mesh @mesh <"data" = 2>

// An op takes the bytes of an operand that nobody needs any more, a second reader of it forbids that.
// CHECK-LABEL: func @take_over
// CHECK: cleave.exp {{.*}} {cleave.name = "a", cleave.offsets = [array<i64: [[A:[0-9]+]], {{[0-9]+}}>]
// CHECK: cleave.relu {{.*}} {cleave.name = "b", cleave.offsets = [array<i64: [[A]], {{[0-9]+}}>]
// CHECK: cleave.sqrt {{.*}} {cleave.name = "c", cleave.offsets = [array<i64: [[C:[0-9]+]], {{[0-9]+}}>]
// CHECK-NOT: cleave.offsets = [array<i64: [[C]],
// CHECK: return
func.func @take_over(%x: tensor<3x16xf32, #s> {cleave.input = "x"})
    -> (tensor<3x16xf32, #s> {cleave.output = "y"}) attributes {cleave.entry = "take_over"} {
  %a = cleave.exp %x {cleave.name = "a"} : (tensor<3x16xf32, #s>) -> tensor<3x16xf32, #s>
  %b = cleave.relu %a {cleave.name = "b"} : (tensor<3x16xf32, #s>) -> tensor<3x16xf32, #s>
  %c = cleave.sqrt %b {cleave.name = "c"} : (tensor<3x16xf32, #s>) -> tensor<3x16xf32, #s>
  %d = cleave.abs %c {cleave.name = "d"} : (tensor<3x16xf32, #s>) -> tensor<3x16xf32, #s>
  %e = cleave.add %d, %c {cleave.name = "e"} : (tensor<3x16xf32, #s>, tensor<3x16xf32, #s>) -> tensor<3x16xf32, #s>
  return %e : tensor<3x16xf32, #s>
}

// The result that replaces a parameter takes its bytes, and an all_reduce works in place.
// CHECK-LABEL: func @update
// CHECK: cleave.outer {{.*}}cleave.offsets = [array<i64: [[G:[0-9]+]], [[G]]>]
// CHECK: cleave.all_reduce {{.*}}cleave.offsets = [array<i64: [[G]], [[G]]>]
// CHECK: cleave.sub {{.*}}cleave.offsets = [array<i64: 0, 0>]
func.func @update(%w: tensor<16x16xf32, #b> {cleave.parameter = "w"}, %x: tensor<4x16xf32, #s> {cleave.input = "x"})
    -> (tensor<16x16xf32, #b> {cleave.updates = "w"}) attributes {cleave.entry = "update"} {
  %g = cleave.outer %x, %x : (tensor<4x16xf32, #s>, tensor<4x16xf32, #s>) -> tensor<16x16xf32, #p>
  %s = cleave.all_reduce %g along [0] : tensor<16x16xf32, #p> -> tensor<16x16xf32, #b>
  %new = cleave.sub %w, %s : (tensor<16x16xf32, #b>, tensor<16x16xf32, #b>) -> tensor<16x16xf32, #b>
  return %new : tensor<16x16xf32, #b>
}

// A view has no bytes of its own.
// CHECK-LABEL: func @view
// CHECK: cleave.reshape {{.*}} {cleave.stream = 0 : i64}
func.func @view(%x: tensor<4x6xf32, #b> {cleave.input = "x"}) -> (tensor<24xf32, #b> {cleave.output = "y"}) attributes
    {cleave.entry = "view"} {
  %y = cleave.reshape %x : (tensor<4x6xf32, #b>) -> tensor<24xf32, #b>
  return %y : tensor<24xf32, #b>
}
