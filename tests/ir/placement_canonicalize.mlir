// RUN: cleave-opt %s --canonicalize | FileCheck %s

#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

// A reshard to where the value lies already is none.
// CHECK-LABEL: func.func @stays
// CHECK-SAME: %[[X:.+]]: tensor
// CHECK-NEXT: return %[[X]]
func.func @stays(%x: tensor<8xf32, #rows>) -> tensor<8xf32, #rows> {
  %0 = cleave.reshard %x : tensor<8xf32, #rows> -> tensor<8xf32, #rows>
  return %0 : tensor<8xf32, #rows>
}

// One that moves the value stays, and so does what a user has pinned.
// CHECK-LABEL: func.func @moves
// CHECK-NEXT: cleave.reshard
// CHECK-NEXT: cleave.pin
func.func @moves(%x: tensor<8xf32, #rows>) -> tensor<8xf32, #whole> {
  %0 = cleave.reshard %x : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  %1 = cleave.pin %0 {axes = ["model"], placements = #cleave.axes<[B]>} : (tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  return %1 : tensor<8xf32, #whole>
}

// Collectives that nobody waits for vanish.
// CHECK-LABEL: func.func @unread
// CHECK-NEXT: return
func.func @unread(%x: tensor<8xf32, #rows>) {
  %0 = cleave.all_gather %x along [0] : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  return
}
