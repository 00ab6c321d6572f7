// RUN: cleave-compile compile %s -o %t.plan && cleave-run print-plan %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#u = #cleave.placement<@mesh, [S(0, unit=2)]>

// What the host gives and reads are the entry's ports, with their whole shapes and placements; what replaces a
// parameter is none.
// CHECK-LABEL: entry step
// CHECK-NEXT: takes x: 4x2xf32 [S(0)]
// CHECK-NEXT: gives y: 4x2xf32 [S(0)]
// CHECK-NEXT: gives z: 8xf32 [S(0, unit=2)]
// CHECK-NEXT: program of class 0

// A view has no bytes of its own. Where it begins differs by rank here: rows of the whole that each keeps.
// CHECK: %[[W:[0-9]+]]: 4x2xf32  // w, 32 bytes at 0, variable 'w'
// CHECK: 2x2xf32  // part, view of %[[W]] from element 0 | 4
// CHECK: 4xf32  // flat, view of %[[W]] from element 0 | 4
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 4 : i64}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%w: tensor<4x2xf32, #b> {cleave.parameter = "w"}, %x: tensor<4x2xf32, #s> {cleave.input = "x"})
      -> (tensor<4x2xf32, #b> {cleave.updates = "w"}, tensor<4x2xf32, #s> {cleave.output = "y"},
          tensor<8xf32, #u> {cleave.output = "z"}) attributes {cleave.entry = "step"} {
    %part = cleave.local_slice %w along [0] {cleave.name = "part"} : tensor<4x2xf32, #b> -> tensor<4x2xf32, #s>
    %flat = cleave.reshape %part {cleave.name = "flat"} : (tensor<4x2xf32, #s>) -> tensor<8xf32, #u>
    %z = cleave.neg %flat {cleave.name = "z"} : (tensor<8xf32, #u>) -> tensor<8xf32, #u>
    %y = cleave.add %x, %part {cleave.name = "y"} : (tensor<4x2xf32, #s>, tensor<4x2xf32, #s>) -> tensor<4x2xf32, #s>
    return %w, %y, %z : tensor<4x2xf32, #b>, tensor<4x2xf32, #s>, tensor<8xf32, #u>
  }
}
