// RUN: cleave-opt %s --cleave-chunk-collectives --split-input-file | FileCheck %s

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>
#tokens = #cleave.placement<@mesh, [S(1)]>
#features = #cleave.placement<@mesh, [S(2)]>
#columns = #cleave.placement<@mesh, [S(1)]>
#rows = #cleave.placement<@mesh, [S(0)]>

// A gather and its readers are cut by what the gather leaves alone and both readers carry: examples. Who sums over them reads
// the chunks joined.
module attributes {cleave.overlap = ["chunked-matmul"], cleave.links = {model = "1GB/s,500us"}} {
cleave.mesh @mesh <"model" = 2>
// CHECK-LABEL: func.func @gather_then_matmul(
// CHECK-SAME: %[[X:.*]]: tensor<8x128x256xf32
// CHECK-DAG: %[[X0:.*]] = cleave.slice %[[X]] {cleave.name = "g/slice0/0", limits = array<i64: 4, 128, 256>, starts = array<i64: 0, 0, 0>
// CHECK-DAG: %[[G0:.*]] = cleave.all_gather %[[X0]] along [0] {cleave.name = "g/chunk0"}
// CHECK-DAG: %[[X1:.*]] = cleave.slice %[[X]] {cleave.name = "g/slice0/1", limits = array<i64: 8, 128, 256>, starts = array<i64: 4, 0, 0>
// CHECK-DAG: %[[G1:.*]] = cleave.all_gather %[[X1]] along [0] {cleave.name = "g/chunk1"}
// CHECK-DAG: %[[Q0:.*]] = cleave.matmul %[[G0]], %{{.*}} {cleave.name = "q/chunk0"
// CHECK-DAG: %[[K0:.*]] = cleave.matmul %[[G0]], %{{.*}} {cleave.name = "k/chunk0"
// CHECK-DAG: %[[Q1:.*]] = cleave.matmul %[[G1]], %{{.*}} {cleave.name = "q/chunk1"
// CHECK-DAG: %[[K1:.*]] = cleave.matmul %[[G1]], %{{.*}} {cleave.name = "k/chunk1"
// CHECK-DAG: %[[Q:.*]] = cleave.concat %[[Q0]], %[[Q1]] {cleave.name = "q", dimension = 0 : i64}
// CHECK-DAG: %[[K:.*]] = cleave.concat %[[K0]], %[[K1]] {cleave.name = "k", dimension = 0 : i64}
// CHECK-DAG: %[[G:.*]] = cleave.concat %[[G0]], %[[G1]] {cleave.name = "g", dimension = 0 : i64}
// CHECK-DAG: %[[DW:.*]] = cleave.outer %[[G]], %[[Q]] {cleave.name = "dw"}
// CHECK: return %[[Q]], %[[K]], %[[DW]]
func.func @gather_then_matmul(%x: tensor<8x128x256xf32, #tokens> {cleave.input = "x"}, %w: tensor<256x512xf32, #columns> {cleave.parameter = "w"}) -> (tensor<8x128x512xf32, #features>, tensor<8x128x512xf32, #features>, tensor<256x512xf32, #columns>) {
  %g = cleave.all_gather %x along [0] {cleave.name = "g"} : tensor<8x128x256xf32, #tokens> -> tensor<8x128x256xf32, #whole>
  %q = cleave.matmul %g, %w {cleave.name = "q"} : (tensor<8x128x256xf32, #whole>, tensor<256x512xf32, #columns>) -> tensor<8x128x512xf32, #features>
  %k = cleave.matmul %g, %w {cleave.name = "k"} : (tensor<8x128x256xf32, #whole>, tensor<256x512xf32, #columns>) -> tensor<8x128x512xf32, #features>
  %dw = cleave.outer %g, %q {cleave.name = "dw"} : (tensor<8x128x256xf32, #whole>, tensor<8x128x512xf32, #features>) -> tensor<256x512xf32, #columns>
  return %q, %k, %dw : tensor<8x128x512xf32, #features>, tensor<8x128x512xf32, #features>, tensor<256x512xf32, #columns>
}
}

// -----

#data_rows = #cleave.placement<@mesh, [S(0), B]>
#features = #cleave.placement<@mesh, [S(0), S(2)]>
#rows = #cleave.placement<@mesh, [B, S(0)]>
#sum = #cleave.placement<@mesh, [S(0), P(sum)]>
#tokens = #cleave.placement<@mesh, [S(0), S(1)]>
#bias = #cleave.placement<@mesh, [B, P(sum)]>

// Examples are split over devices and tokens by the scatter: there are output columns left, of weight and bias.
module attributes {cleave.overlap = ["chunked-matmul"], cleave.links = {model = "1GB/s,200us"}} {
cleave.mesh @mesh <"data" = 2, "model" = 2>
// CHECK-LABEL: func.func @matmul_then_reduce_scatter(
// CHECK-SAME: %[[X:.*]]: tensor<8x128x512xf32, {{[^%]*}}%[[W:.*]]: tensor<512x256xf32, {{[^%]*}}%[[B:.*]]: tensor<256xf32
// CHECK-DAG: %[[W0:.*]] = cleave.slice %[[W]] {cleave.name = "y/slice1/0", limits = array<i64: 512, 128>, starts = array<i64: 0, 0>
// CHECK-DAG: %[[B0:.*]] = cleave.slice %[[B]] {cleave.name = "y/slice2/0", limits = array<i64: 128>, starts = array<i64: 0>
// CHECK-DAG: %[[Y0:.*]] = cleave.matmul %[[X]], %[[W0]], %[[B0]] {cleave.name = "y/chunk0"
// CHECK-DAG: %[[R0:.*]] = cleave.reduce_scatter %[[Y0]] along [1] {cleave.name = "r/chunk0"}
// CHECK-DAG: %[[W1:.*]] = cleave.slice %[[W]] {cleave.name = "y/slice1/1", limits = array<i64: 512, 256>, starts = array<i64: 0, 128>
// CHECK-DAG: %[[B1:.*]] = cleave.slice %[[B]] {cleave.name = "y/slice2/1", limits = array<i64: 256>, starts = array<i64: 128>
// CHECK-DAG: %[[Y1:.*]] = cleave.matmul %[[X]], %[[W1]], %[[B1]] {cleave.name = "y/chunk1"
// CHECK-DAG: %[[R1:.*]] = cleave.reduce_scatter %[[Y1]] along [1] {cleave.name = "r/chunk1"}
// CHECK: %[[R:.*]] = cleave.concat %[[R0]], %[[R1]] {cleave.name = "r", dimension = 2 : i64}
// CHECK: return %[[R]]
func.func @matmul_then_reduce_scatter(%x: tensor<8x128x512xf32, #features> {cleave.input = "x"}, %w: tensor<512x256xf32, #rows> {cleave.parameter = "w"}, %b: tensor<256xf32, #bias> {cleave.input = "b"}) -> tensor<8x128x256xf32, #tokens> {
  %y = cleave.matmul %x, %w, %b {cleave.name = "y"} : (tensor<8x128x512xf32, #features>, tensor<512x256xf32, #rows>, tensor<256xf32, #bias>) -> tensor<8x128x256xf32, #sum>
  %r = cleave.reduce_scatter %y along [1] {cleave.name = "r"} : tensor<8x128x256xf32, #sum> -> tensor<8x128x256xf32, #tokens>
  return %r : tensor<8x128x256xf32, #tokens>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>
#features = #cleave.placement<@mesh, [S(1)]>
#rows = #cleave.placement<@mesh, [S(0)]>

// Rows where they are few, columns where they are many: whichever copies less, of activations or of the weight.
module attributes {cleave.overlap = ["chunked-matmul"], cleave.links = {model = "1GB/s,2ms"}} {
cleave.mesh @mesh <"model" = 2>
// CHECK-LABEL: func.func @matmul_then_all_reduce(
// CHECK-DAG: cleave.all_reduce %{{.*}} along [0] {cleave.name = "few.sum/chunk0"} : tensor<32x2048xf32
// CHECK-DAG: cleave.all_reduce %{{.*}} along [0] {cleave.name = "few.sum/chunk1"} : tensor<32x2048xf32
// CHECK-DAG: cleave.concat %{{.*}} {cleave.name = "few.sum", dimension = 0 : i64}
// CHECK-DAG: cleave.all_reduce %{{.*}} along [0] {cleave.name = "many.sum/chunk0"} : tensor<4096x64xf32
// CHECK-DAG: cleave.all_reduce %{{.*}} along [0] {cleave.name = "many.sum/chunk1"} : tensor<4096x64xf32
// CHECK-DAG: cleave.concat %{{.*}} {cleave.name = "many.sum", dimension = 1 : i64}
func.func @matmul_then_all_reduce(%x: tensor<64x128xf32, #features> {cleave.input = "x"}, %w: tensor<128x2048xf32, #rows> {cleave.parameter = "w"}, %z: tensor<4096x2048xf32, #features> {cleave.input = "z"}, %v: tensor<2048x128xf32, #rows> {cleave.parameter = "v"}) -> (tensor<64x2048xf32, #whole>, tensor<4096x128xf32, #whole>) {
  %few = cleave.matmul %x, %w {cleave.name = "few"} : (tensor<64x128xf32, #features>, tensor<128x2048xf32, #rows>) -> tensor<64x2048xf32, #sum>
  %fewer = cleave.all_reduce %few along [0] {cleave.name = "few.sum"} : tensor<64x2048xf32, #sum> -> tensor<64x2048xf32, #whole>
  %many = cleave.matmul %z, %v {cleave.name = "many"} : (tensor<4096x2048xf32, #features>, tensor<2048x128xf32, #rows>) -> tensor<4096x128xf32, #sum>
  %more = cleave.all_reduce %many along [0] {cleave.name = "many.sum"} : tensor<4096x128xf32, #sum> -> tensor<4096x128xf32, #whole>
  return %fewer, %more : tensor<64x2048xf32, #whole>, tensor<4096x128xf32, #whole>
}
}

// -----

#whole = #cleave.placement<@mesh, [B]>
#sum = #cleave.placement<@mesh, [P(sum)]>
#tokens = #cleave.placement<@mesh, [S(1)]>
#features = #cleave.placement<@mesh, [S(2)]>
#columns = #cleave.placement<@mesh, [S(1)]>
#rows = #cleave.placement<@mesh, [S(0)]>

// From the gather to the reduction all works on examples: each chunk goes through without waiting for the other.
module attributes {cleave.overlap = ["chunked-matmul"], cleave.links = {model = "1GB/s,200us"}} {
cleave.mesh @mesh <"model" = 2>
// CHECK-LABEL: func.func @gather_to_reduce_scatter(
// CHECK-DAG: %[[G0:.*]] = cleave.all_gather %{{.*}} along [0] {cleave.name = "g/chunk0"}
// CHECK-DAG: %[[H0:.*]] = cleave.matmul %[[G0]], %{{.*}} {cleave.name = "h/chunk0"
// CHECK-DAG: %[[A0:.*]] = cleave.gelu %[[H0]] {{{.*}}cleave.name = "a/chunk0"
// CHECK-DAG: %[[Y0:.*]] = cleave.matmul %[[A0]], %{{.*}} {cleave.name = "y/chunk0"
// CHECK-DAG: %[[R0:.*]] = cleave.reduce_scatter %[[Y0]] along [0] {cleave.name = "r/chunk0"}
// CHECK-DAG: %[[R1:.*]] = cleave.reduce_scatter %{{.*}} along [0] {cleave.name = "r/chunk1"}
// CHECK: %[[R:.*]] = cleave.concat %[[R0]], %[[R1]] {cleave.name = "r", dimension = 0 : i64}
// CHECK-NEXT: return %[[R]]
func.func @gather_to_reduce_scatter(%x: tensor<8x128x256xf32, #tokens> {cleave.input = "x"}, %w: tensor<256x512xf32, #columns> {cleave.parameter = "w"}, %v: tensor<512x256xf32, #rows> {cleave.parameter = "v"}) -> tensor<8x128x256xf32, #tokens> {
  %g = cleave.all_gather %x along [0] {cleave.name = "g"} : tensor<8x128x256xf32, #tokens> -> tensor<8x128x256xf32, #whole>
  %h = cleave.matmul %g, %w {cleave.name = "h"} : (tensor<8x128x256xf32, #whole>, tensor<256x512xf32, #columns>) -> tensor<8x128x512xf32, #features>
  %a = cleave.gelu %h {cleave.name = "a", approximate = "tanh"} : (tensor<8x128x512xf32, #features>) -> tensor<8x128x512xf32, #features>
  %y = cleave.matmul %a, %v {cleave.name = "y"} : (tensor<8x128x512xf32, #features>, tensor<512x256xf32, #rows>) -> tensor<8x128x256xf32, #sum>
  %r = cleave.reduce_scatter %y along [0] {cleave.name = "r"} : tensor<8x128x256xf32, #sum> -> tensor<8x128x256xf32, #tokens>
  return %r : tensor<8x128x256xf32, #tokens>
}
}
