// RUN: cleave-opt %s --cleave-split-collectives | FileCheck %s

#p = #cleave.placement<@mesh, [P(sum)]>
#b = #cleave.placement<@mesh, [B]>

module attributes {cleave.overlap = []} {
cleave.mesh @mesh <"data" = 2>

// Where nothing may be hidden, a collective holds the stream that computes until it is over.
// CHECK-LABEL: func @step
// CHECK: %[[SUM:.*]] = cleave.all_reduce {{.*}} {cleave.stream = 0 : i64}
// CHECK-NEXT: cleave.relu %[[SUM]]
func.func @step(%p: tensor<8xf32, #p>) -> tensor<8xf32, #b> attributes {cleave.entry = "step"} {
  %0 = cleave.all_reduce %p along [0] : tensor<8xf32, #p> -> tensor<8xf32, #b>
  %1 = cleave.relu %0 : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %1 : tensor<8xf32, #b>
}
}
