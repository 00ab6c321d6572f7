// RUN: cleave-opt %s --cleave-bucket-collectives | FileCheck %s

#sum = #cleave.placement<@mesh, [P(sum)]>
#max = #cleave.placement<@mesh, [P(max)]>
#rows = #cleave.placement<@mesh, [S(0)]>
#whole = #cleave.placement<@mesh, [B]>

// A bucket is full with 800 us of bytes: 800 KB in an all-reduce, 1.6 MB in a reduce-scatter.
module attributes {cleave.links = {data = "1GB/s,200us"}} {
cleave.mesh @mesh <"data" = 2>

// Gradients join in the order in which they become ready, and what reads them comes behind the bucket.
// CHECK-LABEL: func @ready
// CHECK: %[[DB:.*]] = cleave.scale %{{.*}}"db"
// CHECK: %[[DA:.*]] = cleave.scale %{{.*}}"da"
// CHECK: %[[R:.*]]:2 = cleave.bucket "all_reduce"(%[[DB]], %[[DA]]) along [0] {cleave.name = "db.bucket", cleave.phase = "backward", cleave.reason = "2 values in one bucket, which saves 200.0 us of latency"}
// CHECK-DAG: cleave.add %{{.*}}, %[[R]]#1
// CHECK-DAG: cleave.add %{{.*}}, %[[R]]#0
func.func @ready(%a: tensor<8xf32, #sum> {cleave.input = "a"}, %b: tensor<6xf32, #sum>
    {cleave.input = "b"}, %w: tensor<8xf32, #whole> {cleave.parameter = "w"}, %v: tensor<6xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<8xf32, #whole> {cleave.updates = "w"}, tensor<6xf32, #whole>
    {cleave.updates = "v"}) {
  %db = cleave.scale %b {factor = 2.0 : f64, cleave.name = "db", cleave.phase = "backward"} : (tensor<6xf32, #sum>)
      -> tensor<6xf32, #sum>
  %da = cleave.scale %a {factor = 2.0 : f64, cleave.name = "da", cleave.phase = "backward"} : (tensor<8xf32, #sum>)
      -> tensor<8xf32, #sum>
  %ra = cleave.all_reduce %da along [0] {cleave.name = "da", cleave.phase = "backward"} : tensor<8xf32, #sum>
      -> tensor<8xf32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  %rb = cleave.all_reduce %db along [0] {cleave.name = "db", cleave.phase = "backward"} : tensor<6xf32, #sum>
      -> tensor<6xf32, #whole>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<6xf32, #whole>, tensor<6xf32, #whole>)
      -> tensor<6xf32, #whole>
  return %w1, %v1 : tensor<8xf32, #whole>, tensor<6xf32, #whole>
}

// A gradient of 2 MB fills its bucket; the next one is alone.
// CHECK-LABEL: func @full
// CHECK: cleave.bucket "reduce_scatter"(%{{.*}}, %{{.*}}) along [0] {{.*}} (tensor<8xf32, {{.*}}>, tensor<500000xf32, {{.*}}>) ->
// CHECK: cleave.reduce_scatter
func.func @full(%a: tensor<8xf32, #sum> {cleave.input = "a"}, %b: tensor<500000xf32, #sum>
    {cleave.input = "b"}, %c: tensor<4xf32, #sum> {cleave.input = "c"}, %u: tensor<8xf32, #rows>
    {cleave.parameter = "u"}, %v: tensor<500000xf32, #rows> {cleave.parameter = "v"}, %w: tensor<4xf32, #rows>
    {cleave.parameter = "w"}) -> (tensor<8xf32, #rows> {cleave.updates = "u"}, tensor<500000xf32, #rows>
    {cleave.updates = "v"}, tensor<4xf32, #rows> {cleave.updates = "w"}) {
  %da = cleave.scale %a {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<8xf32, #sum>) -> tensor<8xf32, #sum>
  %db = cleave.scale %b {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<500000xf32, #sum>)
      -> tensor<500000xf32, #sum>
  %dc = cleave.scale %c {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<4xf32, #sum>) -> tensor<4xf32, #sum>
  %ra = cleave.reduce_scatter %da along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #rows>
  %rb = cleave.reduce_scatter %db along [0] {cleave.phase = "backward"} : tensor<500000xf32, #sum>
      -> tensor<500000xf32, #rows>
  %rc = cleave.reduce_scatter %dc along [0] {cleave.phase = "backward"} : tensor<4xf32, #sum> -> tensor<4xf32, #rows>
  %u1 = cleave.add %u, %ra {cleave.phase = "update"} : (tensor<8xf32, #rows>, tensor<8xf32, #rows>)
      -> tensor<8xf32, #rows>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<500000xf32, #rows>, tensor<500000xf32, #rows>)
      -> tensor<500000xf32, #rows>
  %w1 = cleave.add %w, %rc {cleave.phase = "update"} : (tensor<4xf32, #rows>, tensor<4xf32, #rows>)
      -> tensor<4xf32, #rows>
  return %u1, %v1, %w1 : tensor<8xf32, #rows>, tensor<500000xf32, #rows>, tensor<4xf32, #rows>
}

// Updated parameters are gathered together.
// CHECK-LABEL: func @updated
// CHECK: %[[G:.*]]:2 = cleave.bucket "all_gather"
// CHECK: return %[[G]]#0, %[[G]]#1
func.func @updated(%s: tensor<8xf32, #rows> {cleave.input = "s"}, %t: tensor<6xf32, #rows>
    {cleave.input = "t"}, %w: tensor<8xf32, #whole> {cleave.parameter = "w"}, %v: tensor<6xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<8xf32, #whole> {cleave.updates = "w"}, tensor<6xf32, #whole>
    {cleave.updates = "v"}) {
  %w0 = cleave.local_slice %w along [0] : tensor<8xf32, #whole> -> tensor<8xf32, #rows>
  %w1 = cleave.add %w0, %s {cleave.phase = "update"} : (tensor<8xf32, #rows>, tensor<8xf32, #rows>)
      -> tensor<8xf32, #rows>
  %w2 = cleave.all_gather %w1 along [0] : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  %v0 = cleave.local_slice %v along [0] : tensor<6xf32, #whole> -> tensor<6xf32, #rows>
  %v1 = cleave.add %v0, %t {cleave.phase = "update"} : (tensor<6xf32, #rows>, tensor<6xf32, #rows>)
      -> tensor<6xf32, #rows>
  %v2 = cleave.all_gather %v1 along [0] : tensor<6xf32, #rows> -> tensor<6xf32, #whole>
  return %w2, %v2 : tensor<8xf32, #whole>, tensor<6xf32, #whole>
}

// Parameters are gathered with those that their layer reads in the same phase, where the first of them is read.
// CHECK-LABEL: func @read
// CHECK: %[[G:.*]]:2 = cleave.bucket "all_gather"(%arg1, %arg2) along [0]
// CHECK: %[[X1:.*]] = cleave.add %arg0, %[[G]]#0
// CHECK: %[[X2:.*]] = cleave.add %[[X1]], %[[G]]#1
// CHECK: %[[U:.*]] = cleave.all_gather %arg3
// CHECK: cleave.add %[[X2]], %[[U]]
func.func @read(%x: tensor<8xf32, #whole> {cleave.input = "x"}, %w: tensor<8xf32, #rows> {cleave.parameter = "w"},
    %v: tensor<8xf32, #rows> {cleave.parameter = "v"}, %u: tensor<8xf32, #rows> {cleave.parameter = "u"})
    -> (tensor<8xf32, #whole> {cleave.output = "y"}) {
  %w1 = cleave.all_gather %w along [0] {cleave.phase = "forward", cleave.layer = #cleave.layer<"block", 0>}
      : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  %x1 = cleave.add %x, %w1 : (tensor<8xf32, #whole>, tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  %v1 = cleave.all_gather %v along [0] {cleave.phase = "forward", cleave.layer = #cleave.layer<"block", 0>}
      : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  %x2 = cleave.add %x1, %v1 : (tensor<8xf32, #whole>, tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  %u1 = cleave.all_gather %u along [0] {cleave.phase = "forward", cleave.layer = #cleave.layer<"block", 1>}
      : tensor<8xf32, #rows> -> tensor<8xf32, #whole>
  %x3 = cleave.add %x2, %u1 : (tensor<8xf32, #whole>, tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  return %x3 : tensor<8xf32, #whole>
}

// A sum and a maximum, or a reduction and what depends on it, don't meet.
// CHECK-LABEL: func @apart
// CHECK-NOT: cleave.bucket
func.func @apart(%a: tensor<8xf32, #sum> {cleave.input = "a"}, %b: tensor<8xf32, #max>
    {cleave.input = "b"}, %w: tensor<8xf32, #whole> {cleave.parameter = "w"}, %v: tensor<8xf32, #whole>
    {cleave.parameter = "v"}, %n: tensor<f32, #whole> {cleave.state = "n"})
    -> (tensor<8xf32, #whole> {cleave.updates = "w"}, tensor<8xf32, #whole> {cleave.updates = "v"}, tensor<f32, #whole>
    {cleave.updates = "n"}) {
  %ra = cleave.all_reduce %a along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #whole>
  %rb = cleave.all_reduce %b along [0] {cleave.phase = "backward"} : tensor<8xf32, #max> -> tensor<8xf32, #whole>
  %sa = cleave.local_slice %ra along [0] {cleave.phase = "update"} : tensor<8xf32, #whole> -> tensor<8xf32, #rows>
  %pn = cleave.sum_squares %sa {cleave.phase = "update"} : (tensor<8xf32, #rows>) -> tensor<f32, #sum>
  %rn = cleave.all_reduce %pn along [0] {cleave.phase = "update"} : tensor<f32, #sum> -> tensor<f32, #whole>
  %n1 = cleave.add %n, %rn {cleave.phase = "update"} : (tensor<f32, #whole>, tensor<f32, #whole>) -> tensor<f32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  return %w1, %v1, %n1 : tensor<8xf32, #whole>, tensor<8xf32, #whole>, tensor<f32, #whole>
}

// What the host reads, or the backward pass, waits for nothing else.
// CHECK-LABEL: func @awaited
// CHECK-NOT: cleave.bucket
func.func @awaited(%a: tensor<8xf32, #sum> {cleave.input = "a"}, %b: tensor<8xf32, #sum>
    {cleave.input = "b"}, %w: tensor<8xf32, #whole> {cleave.parameter = "w"}, %v: tensor<8xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<8xf32, #whole> {cleave.updates = "w"}, tensor<8xf32, #whole>
    {cleave.updates = "v"}, tensor<8xf32, #whole> {cleave.output = "gradient"}) {
  %ra = cleave.all_reduce %a along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #whole>
  %rb = cleave.all_reduce %b along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #whole>
  %sb = cleave.scale %rb {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  %v1 = cleave.add %v, %sb {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  return %w1, %v1, %ra : tensor<8xf32, #whole>, tensor<8xf32, #whole>, tensor<8xf32, #whole>
}
}
