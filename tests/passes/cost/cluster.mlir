// RUN: cleave-opt %s --cleave-propagate-placements --split-input-file | FileCheck %s

cleave.mesh @mesh <"model" = 2>

// Where sending is cheap, each device does half of the sum.
// CHECK-LABEL: func @fast
// CHECK: cleave.matmul {{.*}} -> tensor<512x512xf32, #cleave.placement<@mesh, [P(sum)]>>
func.func @fast(%x: tensor<512x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>},
                %w: tensor<512x512xf32> {cleave.input = "w"}) -> tensor<512x512xf32> {
  %h = cleave.relu %x : (tensor<512x512xf32>) -> tensor<512x512xf32>
  %y = cleave.matmul %h, %w : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %y : tensor<512x512xf32>
}

// -----

module attributes {cleave.links = {model = "100MB/s,50us"}} {

cleave.mesh @mesh <"model" = 2>

// Over a slow link it costs less to gather the operand, and to do everything twice.
// CHECK-LABEL: func @slow
// CHECK: cleave.reshard %0
// CHECK: cleave.matmul {{.*}} -> tensor<512x512xf32, #cleave.placement<@mesh, [B]>>
func.func @slow(%x: tensor<512x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>},
                %w: tensor<512x512xf32> {cleave.input = "w"}) -> tensor<512x512xf32> {
  %h = cleave.relu %x : (tensor<512x512xf32>) -> tensor<512x512xf32>
  %y = cleave.matmul %h, %w : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %y : tensor<512x512xf32>
}

}

// -----

// A cluster in text form: here arithmetic costs nothing.
module attributes {cleave.cluster = "name: 'dream' device { peaks { dtype: 'f32' flops: 1e18 } memory_bytes: 1 memory_bandwidth: 1e15 launch_overhead: 0 } links { latency: 1e-6 bandwidth: 1e9 }"} {

cleave.mesh @mesh <"model" = 2>

// CHECK-LABEL: func @free
// CHECK: cleave.matmul {{.*}} -> tensor<512x512xf32, #cleave.placement<@mesh, [B]>>
func.func @free(%x: tensor<512x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>},
                %w: tensor<512x512xf32> {cleave.input = "w"}) -> tensor<512x512xf32> {
  %h = cleave.relu %x : (tensor<512x512xf32>) -> tensor<512x512xf32>
  %y = cleave.matmul %h, %w : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %y : tensor<512x512xf32>
}

}
