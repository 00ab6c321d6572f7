// RUN: cleave-opt %s --cleave-assign-streams | FileCheck %s

#s = #cleave.placement<@mesh, [S(0), B]>
#p = #cleave.placement<@mesh, [P(sum), B]>
#b = #cleave.placement<@mesh, [B, B]>
#one = #cleave.placement<@mesh, [B, P(sum)]>
cleave.mesh @mesh <"data" = 2, "model" = 1>

// Collectives that move bytes communicate; the other steps of a reshard compute, and so does a collective of one device.
// CHECK-LABEL: func @step
// CHECK: cleave.all_reduce {{.*}}along [0] {cleave.stream = 1 : i64}
// CHECK: cleave.all_gather {{.*}}along [0] {cleave.stream = 1 : i64}
// CHECK: cleave.local_slice {{.*}}along [0] {cleave.stream = 0 : i64}
// CHECK: cleave.keep_first {{.*}}along [0] {cleave.stream = 0 : i64}
// CHECK: cleave.all_reduce {{.*}}along [1] {cleave.stream = 0 : i64}
// CHECK: cleave.relu {{.*}} {cleave.stream = 0 : i64}
func.func @step(%p: tensor<8xf32, #p>, %s: tensor<8xf32, #s>, %b: tensor<8xf32, #b>, %one: tensor<8xf32, #one>) attributes {cleave.entry = "step"} {
  %0 = cleave.all_reduce %p along [0] : tensor<8xf32, #p> -> tensor<8xf32, #b>
  %1 = cleave.all_gather %s along [0] : tensor<8xf32, #s> -> tensor<8xf32, #b>
  %2 = cleave.local_slice %b along [0] : tensor<8xf32, #b> -> tensor<8xf32, #s>
  %3 = cleave.keep_first %b along [0] : tensor<8xf32, #b> -> tensor<8xf32, #p>
  %4 = cleave.all_reduce %one along [1] : tensor<8xf32, #one> -> tensor<8xf32, #b>
  %5 = cleave.relu %b : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return
}
