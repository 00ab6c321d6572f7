// RUN: cleave-compile compile %s -o %t.plan && cleave-run explain %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// A plan tells what its step takes on the machine that it was made for: 1000 bytes a second here, 8 ms a transfer.
// The transfer runs while something else is negated, so nothing of it is exposed. The slowest kernels come first, all
// runs of one together.
// CHECK: predicted for cluster slow: 172.000 ms; compute 172.000, communication 8.000 (0.000 exposed)
// CHECK-SAME: waiting for peers 0.000
// CHECK-NEXT: No order of these ops and transfers takes less than 172.000 ms, by what they depend on.
// CHECK-NEXT: kernel a step flops bytes predicted ms
// CHECK-NEXT: neg 3 17 136 136.000
// CHECK-NEXT: sum_squares 1 16 36 36.000
// CHECK: all_reduce 1 - 4 8.000
// CHECK: step 172.000
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 4 : i64}, cleave.cluster =
    "name: 'slow' device { peaks { dtype: 'f32' flops: 1e15 } memory_bytes: 1000000 memory_bandwidth: 1000 launch_overhead: 0 } links { algorithm: 'direct' latency: 8e-3 bandwidth: 1e15 full_duplex: true }"} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<4x4xf32, #s> {cleave.input = "x"})
      -> (tensor<f32, #b> {cleave.output = "y"}, tensor<4x4xf32, #s> {cleave.output = "z"})
      attributes {cleave.entry = "step"} {
    %part = cleave.sum_squares %x {cleave.name = "part"} : (tensor<4x4xf32, #s>) -> tensor<f32, #p>
    %sum = cleave.all_reduce %part along [0] {cleave.name = "sum"} : tensor<f32, #p> -> tensor<f32, #b>
    %n = cleave.neg %x {cleave.name = "n"} : (tensor<4x4xf32, #s>) -> tensor<4x4xf32, #s>
    %z = cleave.neg %n {cleave.name = "z"} : (tensor<4x4xf32, #s>) -> tensor<4x4xf32, #s>
    %y = cleave.neg %sum {cleave.name = "y"} : (tensor<f32, #b>) -> tensor<f32, #b>
    return %y, %z : tensor<f32, #b>, tensor<4x4xf32, #s>
  }
}
