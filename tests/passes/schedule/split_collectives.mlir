// RUN: cleave-opt %s --cleave-split-collectives | FileCheck %s

#s = #cleave.placement<@mesh, [S(0), B]>
#p = #cleave.placement<@mesh, [P(sum), B]>
#b = #cleave.placement<@mesh, [B, B]>
#one = #cleave.placement<@mesh, [B, P(sum)]>
cleave.mesh @mesh <"data" = 2, "model" = 1>

// A collective that moves bytes communicates, and is waited for in front of the first op that reads what it brings. The
// other steps of a reshard compute, and so does a collective of one device.
// CHECK-LABEL: func @step
// CHECK: %[[SUM:.*]] = cleave.all_reduce {{.*}}along [0] {cleave.stream = 1 : i64}
// CHECK-NEXT: cleave.local_slice {{.*}}along [0] {cleave.stream = 0 : i64}
// CHECK-NEXT: cleave.keep_first {{.*}}along [0] {cleave.stream = 0 : i64}
// CHECK-NEXT: cleave.all_reduce {{.*}}along [1] {cleave.stream = 0 : i64}
// CHECK-NEXT: %[[THERE:.*]] = cleave.wait %[[SUM]] {cleave.stream = 0 : i64}
// CHECK-NEXT: %[[FIRST:.*]] = cleave.relu %[[THERE]] {cleave.stream = 0 : i64}
// CHECK-NEXT: cleave.add %[[THERE]], %[[FIRST]]
func.func @step(%p: tensor<8xf32, #p>, %b: tensor<8xf32, #b>, %one: tensor<8xf32, #one>) attributes
    {cleave.entry = "step"} {
  %0 = cleave.all_reduce %p along [0] : tensor<8xf32, #p> -> tensor<8xf32, #b>
  %1 = cleave.local_slice %b along [0] : tensor<8xf32, #b> -> tensor<8xf32, #s>
  %2 = cleave.keep_first %b along [0] : tensor<8xf32, #b> -> tensor<8xf32, #p>
  %3 = cleave.all_reduce %one along [1] : tensor<8xf32, #one> -> tensor<8xf32, #b>
  %4 = cleave.relu %0 : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  %5 = cleave.add %0, %4 : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return
}

// A second transfer waits for the first one, whose value it passes on; a result is waited for before the end.
// CHECK-LABEL: func @chain
// CHECK: %[[SHARE:.*]] = cleave.all_reduce
// CHECK-NEXT: %[[THERE:.*]] = cleave.wait %[[SHARE]]
// CHECK-NEXT: %[[AGAIN:.*]] = cleave.all_reduce %[[THERE]]
// CHECK-NEXT: %[[RESULT:.*]] = cleave.wait %[[AGAIN]]
// CHECK-NEXT: return %[[RESULT]]
#two = #cleave.placement<@pair, [P(sum), P(sum)]>
#half = #cleave.placement<@pair, [B, P(sum)]>
#whole = #cleave.placement<@pair, [B, B]>
cleave.mesh @pair <"data" = 2, "model" = 2>
func.func @chain(%p: tensor<8xf32, #two>) -> tensor<8xf32, #whole> attributes {cleave.entry = "chain"} {
  %0 = cleave.all_reduce %p along [0] : tensor<8xf32, #two> -> tensor<8xf32, #half>
  %1 = cleave.all_reduce %0 along [1] : tensor<8xf32, #half> -> tensor<8xf32, #whole>
  return %1 : tensor<8xf32, #whole>
}

// What a bucket brings has one wait.
// CHECK-LABEL: func @bucket
// CHECK: %[[BOTH:.*]]:2 = cleave.bucket "all_reduce"
// CHECK-NEXT: %[[THERE:.*]]:2 = cleave.wait %[[BOTH]]#0, %[[BOTH]]#1
// CHECK-NEXT: cleave.relu %[[THERE]]#1
func.func @bucket(%x: tensor<8xf32, #p>, %y: tensor<8xf32, #p>) attributes {cleave.entry = "bucket"} {
  %0:2 = cleave.bucket "all_reduce"(%x, %y) along [0] : (tensor<8xf32, #p>, tensor<8xf32, #p>)
      -> (tensor<8xf32, #b>, tensor<8xf32, #b>)
  %1 = cleave.relu %0#1 : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return
}
