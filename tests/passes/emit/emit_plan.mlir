// RUN: cleave-compile compile %s -o %t.plan && cleave-run print-plan %t.plan | FileCheck %s
// RUN: cleave-run explain --json %t.plan | FileCheck %s --check-prefix=JSON

#xb = #cleave.placement<@mesh, [S(0), B]>
#w1 = #cleave.placement<@mesh, [B, S(1)]>
#w2 = #cleave.placement<@mesh, [B, S(0)]>
#h = #cleave.placement<@mesh, [S(0), S(1)]>
#p = #cleave.placement<@mesh, [S(0), P(sum)]>
#b = #cleave.placement<@mesh, [B, B]>
#pp = #cleave.placement<@mesh, [P(sum), B]>
#g1 = #cleave.placement<@mesh, [P(sum), S(1)]>
#g2 = #cleave.placement<@mesh, [P(sum), S(0)]>

// Parameters lie first and are updated where they lie; ranks of equal shapes share one program.
// CHECK: mesh data:data=2 model:model=2
// CHECK: parameter w1: 8x16xf32 [B, S(1)]
// CHECK: class 0: ranks 0, 1, 2, 3
// CHECK: takes x: 4x8xf32 [S(0), B]
// CHECK: gives loss: f32 [B, B]
// CHECK: %0: 8x8xf32  // w1, 256 bytes at 0, variable 'w1'

// Each op is a task that names its kernel, with its attributes, phase and place in the source.
// CHECK-LABEL: stream compute
// CHECK: = matmul %2, %0 {transpose_lhs = 0, transpose_rhs = 0, segments = [1, 1, 0]}  // h, forward, {{.*}}emit_plan.mlir:
// CHECK: %0 = sgd %0,

// Collectives run along their axes, in place.
// CHECK-LABEL: stream communicate
// CHECK: = all_reduce {{.*}} over model by sum (64 bytes)  // y.sum
// CHECK: = all_reduce {{.*}} over data by sum (4 bytes)  // loss

// A collective is explained by the op whose value it resolves.
// JSON: "collectives":[{"kind":"all_reduce","axes":["model"],"bytes":64,"count":1,"phase":"forward","op":"y",

module attributes {cleave.phase_done = "partition"} {
  cleave.mesh @mesh <"data" = 2, "model" = 2>
  func.func @step(%w1: tensor<8x16xf32, #w1> {cleave.parameter = "w1"}, %w2: tensor<16x8xf32, #w2>
      {cleave.parameter = "w2"},
      %x: tensor<4x8xf32, #xb> {cleave.input = "x"}, %lr: tensor<f32, #b>
          {cleave.input = "lr"}, %active: tensor<i1, #b> {cleave.input = "active"}, %scale: tensor<f32, #b>
          {cleave.input = "scale"})
      -> (tensor<8x16xf32, #w1> {cleave.updates = "w1"}, tensor<16x8xf32, #w2> {cleave.updates = "w2"}, tensor<f32, #b>
          {cleave.output = "loss"}) attributes {cleave.entry = "step"} {
    %h = cleave.matmul %x, %w1 {cleave.name = "h", cleave.phase = "forward"}
        : (tensor<4x8xf32, #xb>, tensor<8x16xf32, #w1>) -> tensor<4x16xf32, #h>
    %r = cleave.relu %h {cleave.name = "r", cleave.phase = "forward"} : (tensor<4x16xf32, #h>) -> tensor<4x16xf32, #h>
    %yp = cleave.matmul %r, %w2 {cleave.name = "y", cleave.phase = "forward"}
        : (tensor<4x16xf32, #h>, tensor<16x8xf32, #w2>) -> tensor<4x8xf32, #p>
    %y = cleave.all_reduce %yp along [1] {cleave.name = "y.sum"} : tensor<4x8xf32, #p> -> tensor<4x8xf32, #xb>
    %s = cleave.sum_squares %y {cleave.name = "s"} : (tensor<4x8xf32, #xb>) -> tensor<f32, #pp>
    %loss = cleave.all_reduce %s along [0] {cleave.name = "loss"} : tensor<f32, #pp> -> tensor<f32, #b>
    %dy = cleave.scale %y {factor = 2.0 : f64, cleave.name = "dy", cleave.phase = "backward"}
        : (tensor<4x8xf32, #xb>) -> tensor<4x8xf32, #xb>
    %dw2p = cleave.outer %r, %dy {cleave.name = "dw2", cleave.phase = "backward"}
        : (tensor<4x16xf32, #h>, tensor<4x8xf32, #xb>) -> tensor<16x8xf32, #g2>
    %dr = cleave.matmul %dy, %w2 {transpose_rhs = true, cleave.name = "dr", cleave.phase = "backward"}
        : (tensor<4x8xf32, #xb>, tensor<16x8xf32, #w2>) -> tensor<4x16xf32, #h>
    %dh = cleave.relu_gradient %h, %dr {cleave.name = "dh", cleave.phase = "backward"}
        : (tensor<4x16xf32, #h>, tensor<4x16xf32, #h>) -> tensor<4x16xf32, #h>
    %dw1p = cleave.outer %x, %dh {cleave.name = "dw1", cleave.phase = "backward"}
        : (tensor<4x8xf32, #xb>, tensor<4x16xf32, #h>) -> tensor<8x16xf32, #g1>
    %dw1 = cleave.all_reduce %dw1p along [0] {cleave.name = "dw1.sum"} : tensor<8x16xf32, #g1> -> tensor<8x16xf32, #w1>
    %dw2 = cleave.all_reduce %dw2p along [0] {cleave.name = "dw2.sum"} : tensor<16x8xf32, #g2> -> tensor<16x8xf32, #w2>
    %n1 = cleave.sgd %w1, %dw1, %lr, %scale, %active
        {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64, cleave.name = "u1",
        cleave.phase = "update"} : (tensor<8x16xf32, #w1>, tensor<8x16xf32, #w1>, tensor<f32, #b>, tensor<f32, #b>,
        tensor<i1, #b>) -> tensor<8x16xf32, #w1>
    %n2 = cleave.sgd %w2, %dw2, %lr, %scale, %active
        {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64, cleave.name = "u2",
        cleave.phase = "update"} : (tensor<16x8xf32, #w2>, tensor<16x8xf32, #w2>, tensor<f32, #b>, tensor<f32, #b>,
        tensor<i1, #b>) -> tensor<16x8xf32, #w2>
    return %n1, %n2, %loss : tensor<8x16xf32, #w1>, tensor<16x8xf32, #w2>, tensor<f32, #b>
  }
}
