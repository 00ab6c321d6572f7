// RUN: cleave-opt %s --split-input-file --verify-diagnostics --cleave-shard-sequence | FileCheck %s

// Behind the matmul that splits its input features tokens split; a matmul that splits its output features gets no pin.
// CHECK-LABEL: module attributes {cleave.sequence}
// CHECK: %[[H:.*]] = cleave.matmul
// CHECK-NEXT: %[[Y:.*]] = cleave.matmul %[[H]]
// CHECK-NEXT: %[[PIN:.*]] = cleave.pin %[[Y]] {axes = ["model"], {{.*}}placements = #cleave.axes<[S(1)]>}
// CHECK-NEXT: cleave.relu %[[PIN]]
module attributes {cleave.sequence} {
  cleave.mesh @mesh <"data" = 2, "model" = 2>
  func.func @step(%w1: tensor<8x32xf32> {cleave.parameter = "w1", cleave.axes = #cleave.axes<[B, S(1)]>},
      %w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[B, S(0)]>},
      %x: tensor<4x16x8xf32> {cleave.input = "x"}) -> tensor<4x16x8xf32> {
    %h = cleave.matmul %x, %w1 : (tensor<4x16x8xf32>, tensor<8x32xf32>) -> tensor<4x16x32xf32>
    %y = cleave.matmul %h, %w2 : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %z = cleave.relu %y : (tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    return %z : tensor<4x16x8xf32>
  }
}

// -----

// With fewer tokens than devices the value is left whole.
// CHECK-LABEL: module attributes {cleave.sequence}
// CHECK-NOT: cleave.pin
module attributes {cleave.sequence} {
  cleave.mesh @mesh <"model" = 4>
  func.func @step(%w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[S(0)]>},
      %x: tensor<4x2x32xf32> {cleave.input = "x"}) -> tensor<4x2x8xf32> {
    // expected-remark@+1 {{sequence: requires at least one token a device along model, got 'tensor<4x2x8xf32>', left whole}}
    %y = cleave.matmul %x, %w2 : (tensor<4x2x32xf32>, tensor<32x8xf32>) -> tensor<4x2x8xf32>
    return %y : tensor<4x2x8xf32>
  }
}

// -----

// Where nobody asks for it nothing changes.
// CHECK-LABEL: cleave.mesh @mesh
// CHECK-NOT: cleave.pin
cleave.mesh @mesh <"model" = 2>
func.func @step(%w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[S(0)]>},
    %x: tensor<4x16x32xf32> {cleave.input = "x"}) -> tensor<4x16x8xf32> {
  %y = cleave.matmul %x, %w2 : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
  return %y : tensor<4x16x8xf32>
}

// -----

// Two ends that are added become one: their sum is what is scattered. An end that is read elsewhere too is scattered itself.
// CHECK-LABEL: module attributes {cleave.sequence}
// CHECK: %[[A:.*]] = cleave.matmul
// CHECK-NEXT: %[[B:.*]] = cleave.matmul
// CHECK-NEXT: %[[S:.*]] = cleave.add %[[A]], %[[B]]
// CHECK-NEXT: %[[PIN:.*]] = cleave.pin %[[S]] {axes = ["model"]
// CHECK-NEXT: %[[C:.*]] = cleave.matmul
// CHECK-NEXT: %[[OWN:.*]] = cleave.pin %[[C]]
// CHECK-NEXT: %[[Z:.*]] = cleave.add %[[PIN]], %[[OWN]]
// CHECK-NEXT: cleave.mul %[[Z]], %[[OWN]]
module attributes {cleave.sequence} {
  cleave.mesh @mesh <"model" = 2>
  func.func @step(%u: tensor<32x8xf32> {cleave.parameter = "u", cleave.axes = #cleave.axes<[S(0)]>},
      %v: tensor<32x8xf32> {cleave.parameter = "v", cleave.axes = #cleave.axes<[S(0)]>},
      %w: tensor<32x8xf32> {cleave.parameter = "w", cleave.axes = #cleave.axes<[S(0)]>},
      %x: tensor<4x16x32xf32> {cleave.input = "x"}) -> tensor<4x16x8xf32> {
    %a = cleave.matmul %x, %u : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %b = cleave.matmul %x, %v : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %s = cleave.add %a, %b : (tensor<4x16x8xf32>, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %c = cleave.matmul %x, %w : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %z = cleave.add %s, %c : (tensor<4x16x8xf32>, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %y = cleave.mul %z, %c : (tensor<4x16x8xf32>, tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    return %y : tensor<4x16x8xf32>
  }
}
