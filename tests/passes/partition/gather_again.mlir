// RUN: cleave-opt %s --cleave-gather-again | FileCheck %s

#rows = #cleave.placement<@mesh, [S(0)]>
#whole = #cleave.placement<@mesh, [B]>

cleave.mesh @mesh <"data" = 2>

// A parameter is gathered once for each layer and phase that reads it, right before its first reader there, with the
// views behind the gather.
// CHECK-LABEL: func @by_layer_and_phase
// CHECK-SAME: %[[W:.*]]: tensor<8x8xf32, {{.*}}> {cleave.parameter = "w"}
// CHECK: %[[X:.*]] = cleave.relu
// CHECK-NEXT: %[[G:.*]] = cleave.all_gather %[[W]]
// CHECK-NEXT: %[[V:.*]] = cleave.pin %[[G]]
// CHECK-NEXT: cleave.matmul %[[X]], %[[V]] {{.*}}"y"
// CHECK: cleave.matmul %{{.*}}, %[[V]] {{.*}}"z"
// CHECK: %[[G1:.*]] = cleave.all_gather %[[W]] along [0] {cleave.layer = #cleave.layer<"block", 0>, cleave.name = "w.whole.again.1", cleave.phase = "backward"}
// CHECK: %[[V1:.*]] = cleave.pin %[[G1]]
// CHECK: cleave.matmul %{{.*}}, %[[V1]] {{.*}}"dx"
func.func @by_layer_and_phase(%w: tensor<8x8xf32, #rows> {cleave.parameter = "w"}, %x: tensor<4x8xf32, #whole>
    {cleave.input = "x"}) -> (tensor<4x8xf32, #whole>, tensor<4x8xf32, #whole>) {
  %0 = cleave.all_gather %w along [0] {cleave.name = "w.whole"} : tensor<8x8xf32, #rows> -> tensor<8x8xf32, #whole>
  %1 = cleave.pin %0 {axes = ["data"], placements = #cleave.axes<[B]>, cleave.name = "w.pin"}
      : (tensor<8x8xf32, #whole>) -> tensor<8x8xf32, #whole>
  %2 = cleave.relu %x : (tensor<4x8xf32, #whole>) -> tensor<4x8xf32, #whole>
  %y = cleave.matmul %2, %1 {cleave.name = "y", cleave.phase = "forward", cleave.layer = #cleave.layer<"block", 0>}
      : (tensor<4x8xf32, #whole>, tensor<8x8xf32, #whole>) -> tensor<4x8xf32, #whole>
  %z = cleave.matmul %y, %1 {cleave.name = "z", cleave.phase = "forward", cleave.layer = #cleave.layer<"block", 0>}
      : (tensor<4x8xf32, #whole>, tensor<8x8xf32, #whole>) -> tensor<4x8xf32, #whole>
  %dx = cleave.matmul %z, %1 {cleave.name = "dx", cleave.phase = "backward", cleave.layer = #cleave.layer<"block",
      0>} : (tensor<4x8xf32, #whole>, tensor<8x8xf32, #whole>) -> tensor<4x8xf32, #whole>
  return %y, %dx : tensor<4x8xf32, #whole>, tensor<4x8xf32, #whole>
}

// An activation that is gathered is kept.
// CHECK-LABEL: func @activation
// CHECK-COUNT-1: cleave.all_gather
// CHECK-NOT: cleave.all_gather
func.func @activation(%x: tensor<4x8xf32, #rows> {cleave.input = "x"}, %w: tensor<8x8xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<4x8xf32, #whole>, tensor<4x8xf32, #whole>) {
  %0 = cleave.all_gather %x along [0] : tensor<4x8xf32, #rows> -> tensor<4x8xf32, #whole>
  %y = cleave.matmul %0, %w {cleave.phase = "forward"} : (tensor<4x8xf32, #whole>, tensor<8x8xf32, #whole>)
      -> tensor<4x8xf32, #whole>
  %z = cleave.matmul %0, %w {cleave.phase = "backward"} : (tensor<4x8xf32, #whole>, tensor<8x8xf32, #whole>)
      -> tensor<4x8xf32, #whole>
  return %y, %z : tensor<4x8xf32, #whole>, tensor<4x8xf32, #whole>
}
