// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Axes are data or model; only a kind that is not the usual one is written.
// CHECK: cleave.mesh @pod <"data" = 2, "model" = 4>
// CHECK: cleave.mesh @ring <"x" : "model" = 8>
// CHECK: cleave.mesh @cube <"a" = 2, "b" = 2, "c" : "data" = 2>
cleave.mesh @pod <"data" = 2, "model" = 4>
cleave.mesh @ring <"x" : "model" = 8>
cleave.mesh @cube <"a" = 2, "b" = 2, "c" : "data" = 2>

// Marks of functions, arguments, results and ops.
// CHECK-LABEL: func.func @marks
// CHECK-SAME: {{%.+}}: tensor<8x8xf32> {cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.02, zero_row = 3>, cleave.parameter = "w", cleave.trainable = false}, {{%.+}}: tensor<4x8xf32> {cleave.axes = #cleave.axes<[S(0), S(1, unit=2), S(0, minor), S(0, unit=4, minor), B, P(sum), P(max), P(min)]>, cleave.input = "x"}) -> (tensor<4x8xf32> {cleave.output = "y"}) attributes {cleave.entry = "loss"}
// CHECK: cleave.matmul {{%.+}}, {{%.+}} {cleave.layer = #cleave.layer<"block", 3>, cleave.name = "h", cleave.phase = "forward", cleave.reason = "because"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.pin {{%.+}} {axes = ["model", "data"], placements = #cleave.axes<[S(1, unit=4), B]>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
func.func @marks(%w: tensor<8x8xf32> {cleave.init = #cleave.init<"normal", mean = 0.00000000000000000,
    deviation = 0.020000000000000001, zero_row = 3>, cleave.parameter = "w", cleave.trainable = false},
    %x: tensor<4x8xf32> {cleave.axes = #cleave.axes<[S(0), S(1, unit=2), S(0, minor), S(0, unit=4, minor), B, P(sum),
    P(max), P(min)]>, cleave.input = "x"}) -> (tensor<4x8xf32> {cleave.output = "y"}) attributes
    {cleave.entry = "loss"} {
  %0 = cleave.matmul %x, %w {cleave.layer = #cleave.layer<"block", 3>, cleave.name = "h", cleave.phase = "forward",
      cleave.reason = "because"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.pin %0 {axes = ["model", "data"], placements = #cleave.axes<[S(1, unit=4), B]>} : (tensor<4x8xf32>)
      -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// Every step that a reshard may become.
// CHECK-LABEL: func.func @collectives
// CHECK: cleave.reshard {{%.+}} : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>> -> tensor<8x8xf32, #cleave.placement<@pod, [S(1), B]>>
// CHECK: cleave.all_reduce {{%.+}} along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>> -> tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
// CHECK: cleave.reduce_scatter {{%.+}} along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>> -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(0)]>>
// CHECK: cleave.all_to_all {{%.+}} along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(0)]>> -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(1, unit=4)]>>
// CHECK: cleave.all_gather {{%.+}} along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(1, unit=4)]>> -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>
// CHECK: cleave.local_slice {{%.+}} along [0] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>> -> tensor<8x8xf32, #cleave.placement<@pod, [S(0), B]>>
// CHECK: cleave.permute {{%.+}} along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [S(0), B]>> -> tensor<8x8xf32, #cleave.placement<@pod, [B, S(0)]>>
// CHECK: cleave.keep_first {{%.+}} along [0] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>> -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>
// CHECK: cleave.collective_broadcast {{%.+}} along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>> -> tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
// CHECK: {{%.+}}:2 = cleave.bucket "all_reduce"({{%.+}}, {{%.+}}) along [1] : (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>, tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>) -> (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>, tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>)
// CHECK: [[BOTH:%.+]]:2 = cleave.bucket
// CHECK: {{%.+}}:2 = cleave.wait [[BOTH]]#0, [[BOTH]]#1 : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>, tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>
func.func @collectives(%p: tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>, %b: tensor<8x8xf32,
    #cleave.placement<@pod, [B, B]>>) {
  %0 = cleave.reshard %p : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [S(1), B]>>
  %1 = cleave.all_reduce %p along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
  %2 = cleave.reduce_scatter %p along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(0)]>>
  %3 = cleave.all_to_all %2 along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(0)]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(1, unit=4)]>>
  %4 = cleave.all_gather %3 along [1] : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), S(1, unit=4)]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>
  %5 = cleave.local_slice %b along [0] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [S(0), B]>>
  %6 = cleave.permute %5 along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [S(0), B]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [B, S(0)]>>
  %7 = cleave.keep_first %b along [0] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>
  %8 = cleave.collective_broadcast %b along [0, 1] : tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
      -> tensor<8x8xf32, #cleave.placement<@pod, [B, B]>>
  %9:2 = cleave.bucket "all_reduce"(%p, %p) along [1]
      : (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>, tensor<8x8xf32, #cleave.placement<@pod,
      [P(sum), P(sum)]>>) -> (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>, tensor<8x8xf32,
      #cleave.placement<@pod, [P(sum), B]>>)
  %10:2 = cleave.bucket "all_reduce"(%p, %p) along [1]
      : (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), P(sum)]>>, tensor<8x8xf32, #cleave.placement<@pod,
      [P(sum), P(sum)]>>) -> (tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>, tensor<8x8xf32,
      #cleave.placement<@pod, [P(sum), B]>>)
  %11:2 = cleave.wait %10#0, %10#1 : tensor<8x8xf32, #cleave.placement<@pod, [P(sum), B]>>, tensor<8x8xf32,
      #cleave.placement<@pod, [P(sum), B]>>
  return
}
