// RUN: cleave-opt %s --cleave-chunk-collectives --split-input-file | FileCheck %s

#whole = #cleave.placement<@mesh, [B]>
#rows = #cleave.placement<@mesh, [S(1)]>
#columns = #cleave.placement<@mesh, [S(2)]>
#w_columns = #cleave.placement<@mesh, [S(1)]>

// A gather of tokens and its reader are cut by examples: one half moves while the other is multiplied.
module attributes {cleave.overlap = ["chunked-matmul"], cleave.links = {model = "1GB/s,50us"}} {
cleave.mesh @mesh <"model" = 2>
// CHECK-LABEL: func.func @gather_then_matmul(
// CHECK: %[[X0:.*]] = cleave.slice %{{.*}} {{{.*}}limits = array<i64: 4, 128, 256>{{.*}}starts = array<i64: 0, 0, 0>
// CHECK: %[[G0:.*]] = cleave.all_gather %[[X0]] along [0] {cleave.name = "g/0"}
// CHECK: %[[X1:.*]] = cleave.slice %{{.*}} {{{.*}}limits = array<i64: 8, 128, 256>{{.*}}starts = array<i64: 4, 0, 0>
// CHECK: %[[G1:.*]] = cleave.all_gather %[[X1]] along [0] {cleave.name = "g/1"}
// CHECK: %[[Y0:.*]] = cleave.matmul %[[G0]], %{{.*}} {cleave.name = "y/0"
// CHECK: %[[Y1:.*]] = cleave.matmul %[[G1]], %{{.*}} {cleave.name = "y/1"
// CHECK: cleave.concat %[[Y0]], %[[Y1]] {cleave.name = "y", dimension = 0 : i64}
// CHECK-NEXT: return
func.func @gather_then_matmul(%x: tensor<8x128x256xf32, #rows> {cleave.input = "x"}, %w: tensor<256x512xf32, #w_columns> {cleave.parameter = "w"}) -> tensor<8x128x512xf32, #columns> {
  %g = cleave.all_gather %x along [0] {cleave.name = "g"} : tensor<8x128x256xf32, #rows> -> tensor<8x128x256xf32, #whole>
  %y = cleave.matmul %g, %w {cleave.name = "y"} : (tensor<8x128x256xf32, #whole>, tensor<256x512xf32, #w_columns>) -> tensor<8x128x512xf32, #columns>
  return %y : tensor<8x128x512xf32, #columns>
}
}
