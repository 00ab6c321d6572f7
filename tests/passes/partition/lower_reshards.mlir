// RUN: cleave-opt %s --cleave-lower-reshards | FileCheck %s

cleave.mesh @pod <"data" = 2, "model" = 2>

#whole = #cleave.placement<@pod, [B, B]>
#partial = #cleave.placement<@pod, [B, P(sum)]>
#both = #cleave.placement<@pod, [P(sum), P(sum)]>
#rows = #cleave.placement<@pod, [B, S(0)]>
#columns = #cleave.placement<@pod, [B, S(1)]>
#data_rows = #cleave.placement<@pod, [S(0), B]>
#all_rows = #cleave.placement<@pod, [S(0), S(0)]>

// A partial value that is to be whole is reduced by all.
// CHECK-LABEL: func @reduce
// CHECK: cleave.all_reduce %{{.*}} along [1]
func.func @reduce(%x: tensor<8x8xf32, #partial>) -> tensor<8x8xf32, #whole> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #partial> -> tensor<8x8xf32, #whole>
  return %0 : tensor<8x8xf32, #whole>
}

// Terms along two axes are added in one all-reduce.
// CHECK-LABEL: func @reduce_both
// CHECK: cleave.all_reduce %{{.*}} along [0, 1]
// CHECK-NEXT: return
func.func @reduce_both(%x: tensor<8x8xf32, #both>) -> tensor<8x8xf32, #whole> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #both> -> tensor<8x8xf32, #whole>
  return %0 : tensor<8x8xf32, #whole>
}

// Each device only needs its share of the sum.
// CHECK-LABEL: func @scatter
// CHECK: cleave.reduce_scatter %{{.*}} along [1]
func.func @scatter(%x: tensor<8x8xf32, #partial>) -> tensor<8x8xf32, #rows> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #partial> -> tensor<8x8xf32, #rows>
  return %0 : tensor<8x8xf32, #rows>
}

// A whole value is cut where it lies: nothing moves.
// CHECK-LABEL: func @cut
// CHECK: cleave.local_slice %{{.*}} along [1]
func.func @cut(%x: tensor<8x8xf32, #whole>) -> tensor<8x8xf32, #rows> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #whole> -> tensor<8x8xf32, #rows>
  return %0 : tensor<8x8xf32, #rows>
}

// Another dimension is split without anybody holding the whole value.
// CHECK-LABEL: func @turn
// CHECK-NOT: all_gather
// CHECK: cleave.all_to_all %{{.*}} along [1]
func.func @turn(%x: tensor<1024x1024xf32, #rows>) -> tensor<1024x1024xf32, #columns> {
  %0 = cleave.reshard %x : tensor<1024x1024xf32, #rows> -> tensor<1024x1024xf32, #columns>
  return %0 : tensor<1024x1024xf32, #columns>
}

// A split that moves to another axis is a permutation of shares.
// CHECK-LABEL: func @move
// CHECK: cleave.permute %{{.*}} along [0, 1]
// CHECK-NEXT: return
func.func @move(%x: tensor<1024x1024xf32, #rows>) -> tensor<1024x1024xf32, #data_rows> {
  %0 = cleave.reshard %x : tensor<1024x1024xf32, #rows> -> tensor<1024x1024xf32, #data_rows>
  return %0 : tensor<1024x1024xf32, #data_rows>
}

// The minor of two axes that split one dimension is gathered on its own.
// CHECK-LABEL: func @gather_minor
// CHECK: cleave.all_gather %{{.*}} along [1]
// CHECK-NEXT: return
func.func @gather_minor(%x: tensor<8x8xf32, #all_rows>) -> tensor<8x8xf32, #data_rows> {
  %0 = cleave.reshard %x : tensor<8x8xf32, #all_rows> -> tensor<8x8xf32, #data_rows>
  return %0 : tensor<8x8xf32, #data_rows>
}
