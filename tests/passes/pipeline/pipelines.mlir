// RUN: cleave-opt %s --pass-pipeline='builtin.module(cleave-normalize,cleave-differentiate,cleave-place,cleave-partition,cleave-schedule)' > %t.1
// RUN: cleave-opt %s --cleave-compile > %t.2
// RUN: diff %t.1 %t.2
// RUN: FileCheck %s < %t.1

// Phases by name and all of them at once are the same.
// CHECK: cleave.phase_done = "schedule"
// CHECK-LABEL: func.func @step
// CHECK: cleave.offsets
module attributes {cleave.training = {optimizer = "sgd"}} {
  cleave.mesh @mesh <"data" = 2>
  func.func @loss(%w: tensor<8x10xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0,
      deviation = 0.1, zero_row = -1>},
                  %x: tensor<4x8xf32> {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
      -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"}) attributes
          {cleave.entry = "loss"} {
    %0 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x10xf32>) -> tensor<4x10xf32>
    %1, %2, %3 = cleave.cross_entropy %0, %labels : (tensor<4x10xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %1, %2 : tensor<f32>, tensor<f32>
  }
}
