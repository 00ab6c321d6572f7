// RUN: cleave-compile compile %s -o %t.plan && cleave-run print-plan %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#t = #cleave.placement<@mesh, [S(1)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Steps of a reshard that move nothing are kernels, and rows that lie in a row are a view; what differs from rank to
// rank is told each. Ranks with other shapes are another class.
// CHECK: class 0: ranks 0
// CHECK: class 1: ranks 1
// CHECK: program of class 0
// CHECK: 1x3xf32  // rows, view of %0 from element 0
// CHECK: = slice {{.*}} {starts = [0, 0], steps = [1, 1]}
// CHECK: = keep {{.*}} {keep = 1, combiner = "sum"}
// CHECK: program of class 1
// CHECK: 2x3xf32  // rows, view of %0 from element 3
// CHECK: = slice {{.*}} {starts = [0, 1], steps = [1, 1]}
// CHECK: = keep {{.*}} {keep = 0, combiner = "sum"}
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 3 : i64}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<3x3xf32, #b> {cleave.input = "x"})
      -> (tensor<3x3xf32, #b> {cleave.output = "y"}, tensor<3x3xf32, #b> {cleave.output = "g"}, tensor<3x3xf32, #b>
      {cleave.output = "z"}) attributes {cleave.entry = "step"} {
    %0 = cleave.local_slice %x along [0] {cleave.name = "part"} : tensor<3x3xf32, #b> -> tensor<3x3xf32, #t>
    %1 = cleave.all_gather %0 along [0] {cleave.name = "whole"} : tensor<3x3xf32, #t> -> tensor<3x3xf32, #b>
    %r = cleave.local_slice %x along [0] {cleave.name = "rows"} : tensor<3x3xf32, #b> -> tensor<3x3xf32, #s>
    %g = cleave.all_gather %r along [0] {cleave.name = "rows_again"} : tensor<3x3xf32, #s> -> tensor<3x3xf32, #b>
    %2 = cleave.keep_first %x along [0] {cleave.name = "term"} : tensor<3x3xf32, #b> -> tensor<3x3xf32, #p>
    %3 = cleave.all_reduce %2 along [0] {cleave.name = "sum"} : tensor<3x3xf32, #p> -> tensor<3x3xf32, #b>
    return %1, %g, %3 : tensor<3x3xf32, #b>, tensor<3x3xf32, #b>, tensor<3x3xf32, #b>
  }
}
