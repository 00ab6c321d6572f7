// RUN: cleave-opt %s --cleave-mark-layers | FileCheck %s

// Ops that repeat with other parameters, each fed by those before, are instances of one class.
// CHECK-LABEL: func @chain
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer", 0>
// CHECK: cleave.relu {{.*}}cleave.layer = #cleave.layer<"layer", 0>
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer", 1>
// CHECK: cleave.relu {{.*}}cleave.layer = #cleave.layer<"layer", 1>
func.func @chain(%x: tensor<4x8xf32> {cleave.input = "x"}, %w0: tensor<8x8xf32> {cleave.parameter = "w0"},
                 %w1: tensor<8x8xf32> {cleave.parameter = "w1"}) -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.relu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.matmul %1, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.relu %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// A layer may read what comes in more than once, what all layers share, and draw its own random numbers.
// CHECK-LABEL: func @residual
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer", 0>
// CHECK: cleave.dropout {{.*}}cleave.layer = #cleave.layer<"layer", 0>
// CHECK: cleave.add {{.*}}cleave.layer = #cleave.layer<"layer", 0>
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer", 1>
// CHECK: cleave.dropout {{.*}}cleave.layer = #cleave.layer<"layer", 1>
// CHECK: cleave.add {{.*}}cleave.layer = #cleave.layer<"layer", 1>
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer", 2>
// CHECK: cleave.dropout {{.*}}cleave.layer = #cleave.layer<"layer", 2>
// CHECK: cleave.add {{.*}}cleave.layer = #cleave.layer<"layer", 2>
// CHECK-NOT: cleave.layer
func.func @residual(%x: tensor<4x8xf32> {cleave.input = "x"}, %rng: tensor<4xi32> {cleave.input = "rng"},
                    %w0: tensor<8x8xf32> {cleave.parameter = "w0"}, %w1: tensor<8x8xf32> {cleave.parameter = "w1"},
                    %w2: tensor<8x8xf32> {cleave.parameter = "w2"}) -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.dropout %0, %rng {rate = 0.1 : f64, id = 1 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %2 = cleave.add %x, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.matmul %2, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %4 = cleave.dropout %3, %rng {rate = 0.1 : f64, id = 2 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %5 = cleave.add %2, %4 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = cleave.matmul %5, %w2 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %7 = cleave.dropout %6, %rng {rate = 0.1 : f64, id = 3 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %8 = cleave.add %5, %7 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %9 = cleave.tanh %8 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %9 : tensor<4x8xf32>
}

// Matmuls side by side do not feed each other, so they are no layers.
// CHECK-LABEL: func @siblings
// CHECK-NOT: cleave.layer
func.func @siblings(%x: tensor<4x8xf32> {cleave.input = "x"}, %w0: tensor<8x8xf32> {cleave.parameter = "w0"},
                    %w1: tensor<8x8xf32> {cleave.parameter = "w1"}) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = cleave.matmul %x, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %0, %1 : tensor<4x8xf32>, tensor<4x8xf32>
}

// A layer that differs in an attribute is of no class with the others.
// CHECK-LABEL: func @different
// CHECK-NOT: cleave.layer
func.func @different(%x: tensor<4x8xf32> {cleave.input = "x"}, %w0: tensor<8x8xf32> {cleave.parameter = "w0"},
                     %w1: tensor<8x8xf32> {cleave.parameter = "w1"}) -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.matmul %0, %w1 {transpose_rhs = true} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// Marks that are there stay, and a new class takes another name.
// CHECK-LABEL: func @marked
// CHECK: cleave.tanh {{.*}}cleave.layer = #cleave.layer<"layer", 7>
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer_2", 0>
// CHECK: cleave.matmul {{.*}}cleave.layer = #cleave.layer<"layer_2", 1>
func.func @marked(%x: tensor<4x8xf32> {cleave.input = "x"}, %w0: tensor<8x8xf32> {cleave.parameter = "w0"},
                  %w1: tensor<8x8xf32> {cleave.parameter = "w1"}) -> tensor<4x8xf32> {
  %0 = cleave.tanh %x {cleave.layer = #cleave.layer<"layer", 7>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.matmul %0, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.matmul %1, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}
