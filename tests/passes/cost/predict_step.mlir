// RUN: cleave-compile compile %s -o %t.plan && cleave-run explain --json %t.plan | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// A device of this machine moves 1000 bytes a second, arithmetic costs nothing, and a link takes 8 ms. Ranks 0 and 1
// are a class each: they square 4 and 8 floats and write one, in 20 and 36 ms. The first waits 16 ms for the other,
// then both wait for the link: nothing hides it. The figure of a kernel is the mean over ranks.
// CHECK: "estimate":{"cluster":"slow","step_ms":44.000000{{[0-9]*}},"compute_ms":36.0,
// CHECK-SAME: "communication_ms":8.000000{{[0-9]*}},"exposed_ms":8.000000{{[0-9]*}},"late_ms":{{(15.99999|16.0)[0-9]*}},"bound_ms":44.0
// CHECK-SAME: {"kernel":"sum_squares","count":1,"flops":12.0,"bytes":28.0,"ms":2{{7.99999|8.0}}
module attributes {cleave.phase_done = "partition", cleave.training = {batch = 3 : i64}, cleave.cluster =
    "name: 'slow' device { peaks { dtype: 'f32' flops: 1e15 } memory_bytes: 1000000 memory_bandwidth: 1000 launch_overhead: 0 } links { algorithm: 'direct' latency: 8e-3 bandwidth: 1e15 full_duplex: true }"} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%x: tensor<3x4xf32, #s> {cleave.input = "x"}) -> (tensor<f32, #b> {cleave.output = "y"})
      attributes {cleave.entry = "step"} {
    %part = cleave.sum_squares %x {cleave.name = "part"} : (tensor<3x4xf32, #s>) -> tensor<f32, #p>
    %y = cleave.all_reduce %part along [0] {cleave.name = "y"} : tensor<f32, #p> -> tensor<f32, #b>
    return %y : tensor<f32, #b>
  }
}
