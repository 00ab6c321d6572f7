// RUN: cleave-opt %s --split-input-file --verify-diagnostics --cleave-recompute | FileCheck %s

// A value that sleeps while most is held is computed again in front of its reader.
// CHECK-LABEL: func @step
// CHECK: cleave.exp {{.*}} {cleave.layer = #cleave.layer<"block", 2>, cleave.name = "h", cleave.phase = "forward"}
// CHECK: cleave.sum_squares
// CHECK-NEXT: %[[AGAIN:.*]] = cleave.exp %arg0 {cleave.layer = #cleave.layer<"block", 2>, cleave.name = "h.again", cleave.phase = "backward", cleave.turn = "loss"}
// CHECK-NEXT: cleave.outer %arg0, %[[AGAIN]]
module attributes {cleave.memory_budget = 480000 : i64} {
  cleave.mesh @mesh <"model" = 1>
  // expected-remark-re@+1 {{recompute of 'step': 1 ops run again, {{[0-9.]+}} ms, for 0.475 MB instead of 0.492 MB}}
  func.func @step(%x: tensor<64x64xf32> {cleave.input = "x"}, %w1: tensor<64x256xf32>
      {cleave.parameter = "w1"}, %w2: tensor<256x256xf32> {cleave.parameter = "w2"})
      -> (tensor<64x64xf32> {cleave.output = "dw"}, tensor<f32> {cleave.output = "loss"}) attributes
          {cleave.entry = "step"} {
    %h = cleave.exp %x {cleave.layer = #cleave.layer<"block", 2>, cleave.name = "h", cleave.phase = "forward"}
        : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32>) -> tensor<f32>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %dw, %loss : tensor<64x64xf32>, tensor<f32>
  }
}

// -----

// What fits is left alone, without a word.
// CHECK-LABEL: func @step
// CHECK-COUNT-1: cleave.exp
// CHECK-NOT: cleave.exp
// CHECK: return
module attributes {cleave.memory_budget = 500000 : i64} {
  cleave.mesh @mesh <"model" = 1>
  func.func @step(%x: tensor<64x64xf32> {cleave.input = "x"}, %w1: tensor<64x256xf32>
      {cleave.parameter = "w1"}, %w2: tensor<256x256xf32> {cleave.parameter = "w2"})
      -> (tensor<64x64xf32> {cleave.output = "dw"}, tensor<f32> {cleave.output = "loss"}) attributes
          {cleave.entry = "step"} {
    %h = cleave.exp %x {cleave.name = "h", cleave.phase = "forward"} : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32>) -> tensor<f32>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %dw, %loss : tensor<64x64xf32>, tensor<f32>
  }
}

// -----

// An input that is gone by then is computed again too, and dropout draws the same numbers, by its id.
// CHECK-LABEL: func @step
// CHECK: cleave.sum_squares
// CHECK-NEXT: %[[A:.*]] = cleave.exp %arg0 {{.*}}cleave.name = "a.again"
// CHECK-NEXT: %[[H:.*]] = cleave.dropout %[[A]], %arg1 {{{.*}}cleave.name = "h.again"{{.*}}id = 7 : i64
// CHECK-NEXT: cleave.outer %arg0, %[[H]]
module attributes {cleave.memory_budget = 480000 : i64} {
  cleave.mesh @mesh <"model" = 1>
  // expected-remark-re@+1 {{recompute of 'step': 2 ops run again, {{.*}}}}
  func.func @step(%x: tensor<64x64xf32> {cleave.input = "x"}, %key: tensor<4xi32>
      {cleave.input = "rng"}, %w1: tensor<64x256xf32> {cleave.parameter = "w1"}, %w2: tensor<256x256xf32>
      {cleave.parameter = "w2"})
      -> (tensor<64x64xf32> {cleave.output = "dw"}, tensor<f32> {cleave.output = "loss"}) attributes
          {cleave.entry = "step"} {
    %a = cleave.exp %x {cleave.name = "a", cleave.phase = "forward"} : (tensor<64x64xf32>) -> tensor<64x64xf32>
    %h = cleave.dropout %a, %key {rate = 0.1 : f64, id = 7 : i64, cleave.name = "h", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<4xi32>) -> tensor<64x64xf32>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32>, tensor<64x256xf32>) -> tensor<64x256xf32>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32>, tensor<256x256xf32>) -> tensor<64x256xf32>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32>) -> tensor<f32>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    return %dw, %loss : tensor<64x64xf32>, tensor<f32>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>

// A collective runs again where nothing else helps, and the remark says so.
// CHECK-LABEL: func @step
// CHECK: cleave.sum_squares
// CHECK-NEXT: %[[AGAIN:.*]] = cleave.all_reduce %arg0 along [0] {{{.*}}cleave.name = "h.again"
// CHECK: cleave.outer %{{.*}}, %[[AGAIN]]
module attributes {cleave.memory_budget = 485000 : i64} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{recompute of 'step': 1 ops run again, {{.*}}; 1 of them collectives, without which it does not fit}}
  func.func @step(%x: tensor<64x64xf32, #p> {cleave.input = "x"}, %w1: tensor<64x256xf32, #b>
      {cleave.parameter = "w1"}, %w2: tensor<256x256xf32, #b> {cleave.parameter = "w2"})
      -> (tensor<64x64xf32, #p> {cleave.output = "dw"}, tensor<f32, #b> {cleave.output = "loss"}) attributes
          {cleave.entry = "step"} {
    %h = cleave.all_reduce %x along [0] {cleave.name = "h", cleave.phase = "forward"} : tensor<64x64xf32, #p>
        -> tensor<64x64xf32, #b>
    %t = cleave.matmul %h, %w1 {cleave.name = "t", cleave.phase = "forward"}
        : (tensor<64x64xf32, #b>, tensor<64x256xf32, #b>) -> tensor<64x256xf32, #b>
    %u = cleave.matmul %t, %w2 {cleave.name = "u", cleave.phase = "forward"}
        : (tensor<64x256xf32, #b>, tensor<256x256xf32, #b>) -> tensor<64x256xf32, #b>
    %loss = cleave.sum_squares %u {cleave.name = "loss", cleave.phase = "forward"} : (tensor<64x256xf32, #b>)
        -> tensor<f32, #b>
    %dw = cleave.outer %x, %h {cleave.name = "dw", cleave.phase = "backward"}
        : (tensor<64x64xf32, #p>, tensor<64x64xf32, #b>) -> tensor<64x64xf32, #p>
    return %dw, %loss : tensor<64x64xf32, #p>, tensor<f32, #b>
  }
}
