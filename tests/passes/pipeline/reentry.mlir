// A compilation that is stopped after any phase and taken back gives the same plan, byte for byte.
//
// RUN: cleave-compile compile %s -o %t.plan --mesh data=2,model=2 --optimizer sgd --momentum 0.9 --microbatches 2
// RUN: cleave-compile compile %s -o %t.1.mlir --compile-to normalize --mesh data=2,model=2 --optimizer sgd --momentum 0.9 --microbatches 2
// RUN: cleave-compile compile %t.1.mlir -o %t.1.plan && cmp %t.plan %t.1.plan
// RUN: cleave-compile compile %t.1.mlir -o %t.2.mlir --compile-to differentiate
// RUN: cleave-compile compile %t.2.mlir -o %t.2.plan && cmp %t.plan %t.2.plan
// RUN: cleave-compile compile %t.2.mlir -o %t.3.mlir --compile-to place
// RUN: cleave-compile compile %t.3.mlir -o %t.3.plan && cmp %t.plan %t.3.plan
// RUN: cleave-compile compile %t.3.mlir -o %t.4.mlir --compile-to partition
// RUN: cleave-compile compile %t.4.mlir -o %t.4.plan && cmp %t.plan %t.4.plan
// RUN: cleave-compile compile %t.4.mlir -o %t.5.mlir --compile-to schedule
// RUN: cleave-compile compile %t.5.mlir -o %t.5.plan && cmp %t.plan %t.5.plan

// The plan tells what it was made from, not where it goes.
// RUN: cleave-run print-plan %t.5.plan | FileCheck %s
// CHECK: from {{.*}}reentry.mlir --mesh data=2,model=2 --optimizer sgd --momentum 0.9 --microbatches 2

func.func @loss(%w1: tensor<8x16xf32> {cleave.parameter = "w1", cleave.init = #cleave.init<"normal", mean = 0.0,
    deviation = 0.1, zero_row = -1>},
                %w2: tensor<16x10xf32> {cleave.parameter = "w2", cleave.init = #cleave.init<"normal", mean = 0.0,
                    deviation = 0.1, zero_row = -1>},
                %x: tensor<4x8xf32> {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
    -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
  %0 = cleave.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
  %1 = cleave.relu %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
  %2 = cleave.matmul %1, %w2 : (tensor<4x16xf32>, tensor<16x10xf32>) -> tensor<4x10xf32>
  %3, %4, %5 = cleave.cross_entropy %2, %labels : (tensor<4x10xf32>, tensor<4xi32>)
      -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
  return %3, %4 : tensor<f32>, tensor<f32>
}
