// Each slice of the batch splits its classes as the first one does: logits are never gathered.
//
// RUN: cleave-compile compile %s -o %t.plan --mesh model=2 --optimizer sgd --microbatches 4
// RUN: cleave-run explain --json %t.plan | FileCheck %s --implicit-check-not=all_gather
// CHECK: "collectives":[{"kind":"all_reduce"

func.func @loss(%w: tensor<8x10xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0,
    deviation = 0.1, zero_row = -1>},
                %x: tensor<4x8xf32> {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
    -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
  %0 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x10xf32>) -> tensor<4x10xf32>
  %1, %2, %3 = cleave.cross_entropy %0, %labels : (tensor<4x10xf32>, tensor<4xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
  return %1, %2 : tensor<f32>, tensor<f32>
}
