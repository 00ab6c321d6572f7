// RUN: cleave-opt %s --cleave-apply-pins | FileCheck %s

module attributes {cleave.pins = {"fc*" = {model = "S(1)"}, "table" = {data = "S(0)"}, "hidden" = {data = "S(0)"}}} {
cleave.mesh @mesh <"data" = 2, "model" = 2>

// A value gets a pin behind it, for all its readers, and the parameter from which its split comes splits too.
// CHECK-LABEL: func @step
// CHECK-SAME: cleave.axes = #cleave.axes<[S(0), B]>, cleave.parameter = "table"
// CHECK-SAME: cleave.axes = #cleave.axes<[B, S(1)]>, cleave.parameter = "w"
// CHECK: %[[Y:.*]] = cleave.matmul
// CHECK: %[[P:.*]] = cleave.pin %[[Y]] {axes = ["model"], {{.*}} placements = #cleave.axes<[S(1)]>}
// CHECK: cleave.relu %[[P]]
func.func @step(%table: tensor<4x8xf32> {cleave.parameter = "table"}, %w: tensor<8x8xf32> {cleave.parameter = "w"})
    -> tensor<4x8xf32> {
  %0 = cleave.matmul %table, %w {cleave.name = "fc1"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.relu %0 {cleave.name = "act"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// Copies for slices of the batch are pinned by the name that they are copies of.
// CHECK-LABEL: func @slices
// CHECK: %[[R:.*]] = cleave.relu
// CHECK-NEXT: cleave.pin %[[R]] {axes = ["data"], {{.*}} placements = #cleave.axes<[S(0)]>}
func.func @slices(%x: tensor<4x8xf32> {cleave.input = "x"}) -> tensor<4x8xf32> {
  %0 = cleave.relu %x {cleave.name = "hidden/1"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}
}
