// RUN: sed 's/OPTION/overlap = [1]/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE0
// RUN: sed 's/OPTION/overlap = ["nope"]/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE1
// RUN: sed 's/OPTION/slices = "x"/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE2
// RUN: sed 's/OPTION/slices = 2 : ui64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE3
// RUN: sed 's/OPTION/zero = 77 : i64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE4
// RUN: sed 's/OPTION/memory_budget = -5 : i64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE5
// RUN: sed 's/OPTION/split = 3 : i64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE6
// RUN: sed 's/OPTION/sequence = 1 : i64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE7
// RUN: sed 's/OPTION/chunks = 1 : i64/' %s > %t.mlir && not cleave-compile compile %t.mlir -o %t.plan --mesh model=2 2>&1 | FileCheck %s --check-prefix=CASE8

// What a module asks for in attributes is checked before any pass reads it.
// CASE0: requires names of overlap passes in cleave.overlap, got 1
// CASE1: requires names of overlap passes in cleave.overlap, got "nope"
// CASE2: requires an i64 from 1 to 64 as cleave.slices, got "x"
// CASE3: requires an i64 from 1 to 64 as cleave.slices, got 2 : ui64
// CASE4: requires an i64 from 0 to 3 as cleave.zero, got 77 : i64
// CASE5: requires an i64 from 1 to 9223372036854775807 as cleave.memory_budget, got -5 : i64
// CASE6: requires true or false as cleave.split, got 3 : i64
// CASE7: requires no value as cleave.sequence, got 1 : i64
// CASE8: requires no value as cleave.chunks, got 1 : i64
module attributes {cleave.OPTION} {
  func.func @loss(%w: tensor<4x4xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"constant", mean = 1.0,
      deviation = 0.0, zero_row = -1>}, %x: tensor<2x4xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64})
      -> tensor<f32> attributes {cleave.entry = "loss"} {
    %y = cleave.matmul %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
    %s = cleave.sum_squares %y : (tensor<2x4xf32>) -> tensor<f32>
    return %s : tensor<f32>
  }
}
