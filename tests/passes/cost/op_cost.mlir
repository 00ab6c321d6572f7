// RUN: cleave-compile compile %s -o %t.plan && cleave-run explain --json %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#k = #cleave.placement<@mesh, [S(1)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// A device does its share of an op: half of 2 * 8 * 16 * 4 operations, on 64 + 32 + 32 floats. A sum over two devices
// sends the value's half twice. Of a table as much is read as comes out (16 floats of it, 8 indices, 16 floats), and
// not all its 2000; a view costs nothing.
// CHECK: "estimate"
// CHECK-SAME: {"kernel":"all_reduce","count":1,"flops":0.0,"bytes":128.0,
// CHECK-SAME: {"kernel":"matmul","count":1,"flops":512.0,"bytes":512.0,
// CHECK-SAME: {"kernel":"embedding","count":1,"flops":0.0,"bytes":160.0,
// CHECK-NOT: "kernel":"reshape"
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 8 : i64}} {
  cleave.mesh @mesh <"model" = 2>
  func.func @step(%x: tensor<8x16xf32, #k> {cleave.input = "x"}, %w: tensor<16x4xf32, #s> {cleave.input = "w"},
                  %table: tensor<1000x2xf32, #b> {cleave.parameter = "table"},
                  %ids: tensor<8xi32, #b> {cleave.input = "ids"})
      -> (tensor<1000x2xf32, #b> {cleave.updates = "table"}, tensor<32xf32, #b> {cleave.output = "y"},
          tensor<8x2xf32, #b> {cleave.output = "rows"}) attributes {cleave.entry = "step"} {
    %h = cleave.matmul %x, %w {cleave.name = "h"} : (tensor<8x16xf32, #k>, tensor<16x4xf32, #s>) -> tensor<8x4xf32, #p>
    %y = cleave.all_reduce %h along [0] {cleave.name = "y"} : tensor<8x4xf32, #p> -> tensor<8x4xf32, #b>
    %flat = cleave.reshape %y {cleave.name = "flat"} : (tensor<8x4xf32, #b>) -> tensor<32xf32, #b>
    %rows = cleave.embedding %table, %ids {cleave.name = "rows"}
        : (tensor<1000x2xf32, #b>, tensor<8xi32, #b>) -> tensor<8x2xf32, #b>
    return %table, %flat, %rows : tensor<1000x2xf32, #b>, tensor<32xf32, #b>, tensor<8x2xf32, #b>
  }
}
