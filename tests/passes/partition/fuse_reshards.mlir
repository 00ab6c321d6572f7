// RUN: cleave-opt %s --cleave-fuse-reshards --canonicalize | FileCheck %s

#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>
#partial = #cleave.placement<@pod, [P(sum)]>
#columns = #cleave.placement<@pod, [S(1)]>

cleave.mesh @pod <"model" = 2>

// Only the last placement of a chain matters.
// CHECK-LABEL: func @chain
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK-NEXT: %[[Y:.*]] = cleave.reshard %[[X]] : tensor<8x8xf32, {{.*}}[S(0)]>> -> tensor<8x8xf32, {{.*}}[S(1)]>>
// CHECK-NEXT: return %[[Y]]
func.func @chain(%x: tensor<8x8xf32, #rows>) -> tensor<8x8xf32, #columns> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #rows> -> tensor<8x8xf32, #whole>
  %1 = cleave.reshard %0 : tensor<8x8xf32, #whole> -> tensor<8x8xf32, #columns>
  return %1 : tensor<8x8xf32, #columns>
}

// A value that others read too is made once: the second reshard cuts it. One that goes back to what there was is
// joined.
// CHECK-LABEL: func @shared
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK: %[[WHOLE:.*]] = cleave.reshard %[[X]] {{.*}} -> tensor<8x8xf32, {{.*}}[B]>>
// CHECK: %[[ROWS:.*]] = cleave.reshard %[[WHOLE]] {{.*}} -> tensor<8x8xf32, {{.*}}[S(0)]>>
// CHECK-NEXT: return %[[WHOLE]], %[[ROWS]], %[[X]]
func.func @shared(%x: tensor<8x8xf32, #partial>)
    -> (tensor<8x8xf32, #whole>, tensor<8x8xf32, #rows>, tensor<8x8xf32, #partial>) {
  %0 = cleave.reshard %x : tensor<8x8xf32, #partial> -> tensor<8x8xf32, #whole>
  %1 = cleave.reshard %0 : tensor<8x8xf32, #whole> -> tensor<8x8xf32, #rows>
  %2 = cleave.reshard %0 : tensor<8x8xf32, #whole> -> tensor<8x8xf32, #partial>
  return %0, %1, %2 : tensor<8x8xf32, #whole>, tensor<8x8xf32, #rows>, tensor<8x8xf32, #partial>
}
