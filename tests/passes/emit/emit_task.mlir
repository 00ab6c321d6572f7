// RUN: cleave-compile compile %s -o %t.plan && cleave-run print-plan %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// A task has one value of an attribute for each rank where they differ, and one for all where they don't. It tells what
// op it is, of which layer and phase, and where that stands.
// CHECK: class 0: ranks 0, 1,
// CHECK-LABEL: stream compute
// CHECK: = embedding {{.*}}row_offset = by rank (0 | 2), rows = 4}
// CHECK-SAME: // look, block 3, forward, {{.*}}emit_task.mlir:[[# @LINE + 12]]:
// CHECK: = scale {{.*}} {factor = 2}  // twice, backward,

// What moves bytes is no kernel: it names the collective that it is a part of.
// CHECK-LABEL: stream communicate
// CHECK: = all_reduce {{.*}} over data by sum (24 bytes)  // whole
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 3 : i64}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%table: tensor<4x2xf32, #s> {cleave.parameter = "table"},
                  %ids: tensor<3xi32, #b> {cleave.input = "ids"})
      -> (tensor<4x2xf32, #s> {cleave.updates = "table"}, tensor<3x2xf32, #b> {cleave.output = "y"})
      attributes {cleave.entry = "step"} {
    %rows = cleave.embedding %table, %ids
        {cleave.layer = #cleave.layer<"block", 3>, cleave.name = "look", cleave.phase = "forward"}
        : (tensor<4x2xf32, #s>, tensor<3xi32, #b>) -> tensor<3x2xf32, #p>
    %whole = cleave.all_reduce %rows along [0] {cleave.name = "whole"} : tensor<3x2xf32, #p> -> tensor<3x2xf32, #b>
    %twice = cleave.scale %whole {factor = 2.0 : f64, cleave.name = "twice", cleave.phase = "backward"}
        : (tensor<3x2xf32, #b>) -> tensor<3x2xf32, #b>
    return %table, %twice : tensor<4x2xf32, #s>, tensor<3x2xf32, #b>
  }
}
