// RUN: cleave-opt %s --cleave-record-phase=phase=schedule | FileCheck %s

// The module says which phase it has been through, and the compiler goes on behind it.
// CHECK-LABEL: module attributes {cleave.phase_done = "schedule"}
// CHECK: func.func @step(
func.func @step(%x: tensor<8xf32>) -> tensor<8xf32> {
  return %x : tensor<8xf32>
}
