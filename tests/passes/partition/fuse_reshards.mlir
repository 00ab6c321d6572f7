// RUN: cleave-opt %s --cleave-fuse-reshards --canonicalize | FileCheck %s

#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>
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
