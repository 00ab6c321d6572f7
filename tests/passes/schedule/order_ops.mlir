// RUN: cleave-opt %s --cleave-order-ops | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>
cleave.mesh @mesh <"data" = 2>

// An update runs as soon as its gradient is there, and before the next gradient takes memory.
// CHECK-LABEL: func @update_early
// CHECK: cleave.outer {{.*}} {cleave.name = "g0"}
// CHECK-NEXT: cleave.sgd {{.*}} {cleave.name = "u0"
// CHECK-NEXT: cleave.outer {{.*}} {cleave.name = "g1"}
func.func @update_early(%w0: tensor<64x64xf32, #b> {cleave.parameter = "w0"}, %w1: tensor<64x64xf32, #b>
    {cleave.parameter = "w1"},
    %x: tensor<4x64xf32, #b> {cleave.input = "x"}, %lr: tensor<f32, #b> {cleave.input = "lr"}, %on: tensor<i1, #b>
        {cleave.input = "on"})
    -> (tensor<64x64xf32, #b> {cleave.updates = "w0"}, tensor<64x64xf32, #b> {cleave.updates = "w1"}) attributes
        {cleave.entry = "update_early"} {
  %g0 = cleave.outer %x, %x {cleave.name = "g0"} : (tensor<4x64xf32, #b>, tensor<4x64xf32, #b>) -> tensor<64x64xf32, #b>
  %g1 = cleave.outer %x, %x {cleave.name = "g1"} : (tensor<4x64xf32, #b>, tensor<4x64xf32, #b>) -> tensor<64x64xf32, #b>
  %u0 = cleave.sgd %w0, %g0, %lr, %lr, %on {cleave.name = "u0", momentum = 0.0 : f64, weight_decay = 0.0 : f64,
      lr_factor = 1.0 : f64} : (tensor<64x64xf32, #b>, tensor<64x64xf32, #b>, tensor<f32, #b>, tensor<f32, #b>,
      tensor<i1, #b>) -> tensor<64x64xf32, #b>
  %u1 = cleave.sgd %w1, %g1, %lr, %lr, %on {cleave.name = "u1", momentum = 0.0 : f64, weight_decay = 0.0 : f64,
      lr_factor = 1.0 : f64} : (tensor<64x64xf32, #b>, tensor<64x64xf32, #b>, tensor<f32, #b>, tensor<f32, #b>,
      tensor<i1, #b>) -> tensor<64x64xf32, #b>
  return %u0, %u1 : tensor<64x64xf32, #b>, tensor<64x64xf32, #b>
}

// What waits for a collective lets the next one start first.
// CHECK-LABEL: func @hide_collectives
// CHECK: cleave.all_reduce {{.*}} {cleave.name = "s0"}
// CHECK-NEXT: cleave.outer {{.*}} {cleave.name = "g1"}
// CHECK-NEXT: cleave.all_reduce {{.*}} {cleave.name = "s1"}
// CHECK-NEXT: cleave.sgd {{.*}} {cleave.name = "u0"
// CHECK-NEXT: cleave.sgd {{.*}} {cleave.name = "u1"
func.func @hide_collectives(%w0: tensor<64x64xf32, #b> {cleave.parameter = "w0"}, %w1: tensor<64x64xf32, #b>
    {cleave.parameter = "w1"},
    %x: tensor<4x64xf32, #p> {cleave.input = "x"}, %y: tensor<4x64xf32, #b> {cleave.input = "y"}, %lr: tensor<f32, #b>
        {cleave.input = "lr"}, %on: tensor<i1, #b> {cleave.input = "on"})
    -> (tensor<64x64xf32, #b> {cleave.updates = "w0"}, tensor<64x64xf32, #b> {cleave.updates = "w1"}) attributes
        {cleave.entry = "hide_collectives"} {
  %g0 = cleave.outer %x, %y {cleave.name = "g0"} : (tensor<4x64xf32, #p>, tensor<4x64xf32, #b>) -> tensor<64x64xf32, #p>
  %s0 = cleave.all_reduce %g0 along [0] {cleave.name = "s0"} : tensor<64x64xf32, #p> -> tensor<64x64xf32, #b>
  %u0 = cleave.sgd %w0, %s0, %lr, %lr, %on {cleave.name = "u0", momentum = 0.0 : f64, weight_decay = 0.0 : f64,
      lr_factor = 1.0 : f64} : (tensor<64x64xf32, #b>, tensor<64x64xf32, #b>, tensor<f32, #b>, tensor<f32, #b>,
      tensor<i1, #b>) -> tensor<64x64xf32, #b>
  %g1 = cleave.outer %x, %y {cleave.name = "g1"} : (tensor<4x64xf32, #p>, tensor<4x64xf32, #b>) -> tensor<64x64xf32, #p>
  %s1 = cleave.all_reduce %g1 along [0] {cleave.name = "s1"} : tensor<64x64xf32, #p> -> tensor<64x64xf32, #b>
  %u1 = cleave.sgd %w1, %s1, %lr, %lr, %on {cleave.name = "u1", momentum = 0.0 : f64, weight_decay = 0.0 : f64,
      lr_factor = 1.0 : f64} : (tensor<64x64xf32, #b>, tensor<64x64xf32, #b>, tensor<f32, #b>, tensor<f32, #b>,
      tensor<i1, #b>) -> tensor<64x64xf32, #b>
  return %u0, %u1 : tensor<64x64xf32, #b>, tensor<64x64xf32, #b>
}

// Nobody reads a parameter after the op that overwrites it, wherever the reader stood.
// CHECK-LABEL: func @read_before_overwrite
// CHECK: cleave.sum_squares {{.*}} {cleave.name = "norm"}
// CHECK-NEXT: cleave.add {{.*}} {cleave.name = "new"}
func.func @read_before_overwrite(%w: tensor<8xf32, #b> {cleave.parameter = "w0.r"}, %x: tensor<8xf32, #b>
    {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w0.r"}, tensor<f32, #b> {cleave.output = "norm"}) attributes
        {cleave.entry = "read_before_overwrite"} {
  %new = cleave.add %w, %x {cleave.name = "new"} : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  %norm = cleave.sum_squares %w {cleave.name = "norm"} : (tensor<8xf32, #b>) -> tensor<f32, #b>
  return %new, %norm : tensor<8xf32, #b>, tensor<f32, #b>
}

// Where a reader of the old value needs the new one, the new value is copied at the end.
// CHECK-LABEL: func @copy_where_a_reader_needs_both
// CHECK: %[[NEW:.*]] = cleave.mul {{.*}} {cleave.name = "new"}
// CHECK-NEXT: cleave.sub {{.*}} {cleave.name = "change"}
// CHECK-NEXT: %[[COPY:.*]] = cleave.slice %[[NEW]] {cleave.name = "copy(v)"
// CHECK-NEXT: return %[[COPY]]
func.func @copy_where_a_reader_needs_both(%v: tensor<8xf32, #b> {cleave.parameter = "v"}, %x: tensor<8xf32, #b>
    {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "v"}, tensor<8xf32, #b> {cleave.output = "change"}) attributes
        {cleave.entry = "copy_where_a_reader_needs_both"} {
  %new = cleave.mul %v, %x {cleave.name = "new"} : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  %change = cleave.sub %new, %v {cleave.name = "change"} : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %new, %change : tensor<8xf32, #b>, tensor<8xf32, #b>
}

// Two parameters that get one value get a copy each, and an old value that is returned is kept.
// CHECK-LABEL: func @one_value_for_two
// CHECK: %[[OLD:.*]] = cleave.slice %arg0 {cleave.name = "copy(kept)"
// CHECK: %[[NEW:.*]] = cleave.relu {{.*}} {cleave.name = "new"}
// CHECK-NEXT: %[[COPY:.*]] = cleave.slice %[[NEW]] {cleave.name = "copy(q).1"
// CHECK-NEXT: return %[[NEW]], %[[COPY]], %[[OLD]]
func.func @one_value_for_two(%p: tensor<8xf32, #b> {cleave.parameter = "p"}, %q: tensor<8xf32, #b>
    {cleave.parameter = "q"}, %x: tensor<8xf32, #b> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "p"}, tensor<8xf32, #b> {cleave.updates = "q"}, tensor<8xf32, #b>
        {cleave.output = "old"}) attributes {cleave.entry = "one_value_for_two"} {
  %new = cleave.relu %x {cleave.name = "new"} : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %new, %new, %p : tensor<8xf32, #b>, tensor<8xf32, #b>, tensor<8xf32, #b>
}

// A constant is made when it is first needed.
// CHECK-LABEL: func @constants_late
// CHECK: cleave.relu {{.*}} {cleave.name = "r"}
// CHECK-NEXT: cleave.constant
// CHECK-NEXT: cleave.add {{.*}} {cleave.name = "s"}
func.func @constants_late(%x: tensor<8xf32, #b> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "constants_late"} {
  %one = cleave.constant {value = dense<1.0> : tensor<8xf32>} : () -> tensor<8xf32, #b>
  %r = cleave.relu %x {cleave.name = "r"} : (tensor<8xf32, #b>) -> tensor<8xf32, #b>
  %s = cleave.add %r, %one {cleave.name = "s"} : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %s : tensor<8xf32, #b>
}

#s = #cleave.placement<@mesh, [S(0)]>

// A share that is updated in place before all are gathered: who reads the old value does so before the update.
// CHECK-LABEL: func @read_before_a_share_is_updated
// CHECK: cleave.sum_squares {{.*}} {cleave.name = "norm"}
// CHECK: cleave.add {{.*}} {cleave.name = "new"}
// CHECK-NEXT: cleave.all_gather
// CHECK-NEXT: return
func.func @read_before_a_share_is_updated(%w: tensor<8xf32, #b> {cleave.parameter = "w.share"}, %x: tensor<8xf32, #s>
    {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w.share"}, tensor<f32, #b> {cleave.output = "norm"}) attributes
        {cleave.entry = "read_before_a_share_is_updated"} {
  %part = cleave.local_slice %w along [0] {cleave.name = "part"} : tensor<8xf32, #b> -> tensor<8xf32, #s>
  %new = cleave.add %part, %x {cleave.name = "new"} : (tensor<8xf32, #s>, tensor<8xf32, #s>) -> tensor<8xf32, #s>
  %all = cleave.all_gather %new along [0] {cleave.name = "all"} : tensor<8xf32, #s> -> tensor<8xf32, #b>
  %norm = cleave.sum_squares %w {cleave.name = "norm"} : (tensor<8xf32, #b>) -> tensor<f32, #b>
  return %all, %norm : tensor<8xf32, #b>, tensor<f32, #b>
}

// Where a reader of the old value needs the updated share, the gathered value is copied at the end.
// CHECK-LABEL: func @copy_where_a_reader_needs_the_share
// CHECK: %[[ALL:.*]] = cleave.all_gather
// CHECK: %[[COPY:.*]] = cleave.slice %[[ALL]] {cleave.name = "copy(w.both)"
// CHECK-NEXT: return %[[COPY]]
func.func @copy_where_a_reader_needs_the_share(%w: tensor<8xf32, #b>
    {cleave.parameter = "w.both"}, %x: tensor<8xf32, #s> {cleave.input = "x"})
    -> (tensor<8xf32, #b> {cleave.updates = "w.both"}, tensor<8xf32, #b> {cleave.output = "change"}) attributes
        {cleave.entry = "copy_where_a_reader_needs_the_share"} {
  %part = cleave.local_slice %w along [0] {cleave.name = "part"} : tensor<8xf32, #b> -> tensor<8xf32, #s>
  %new = cleave.add %part, %x {cleave.name = "new"} : (tensor<8xf32, #s>, tensor<8xf32, #s>) -> tensor<8xf32, #s>
  %all = cleave.all_gather %new along [0] {cleave.name = "all"} : tensor<8xf32, #s> -> tensor<8xf32, #b>
  %change = cleave.sub %all, %w {cleave.name = "change"} : (tensor<8xf32, #b>, tensor<8xf32, #b>) -> tensor<8xf32, #b>
  return %all, %change : tensor<8xf32, #b>, tensor<8xf32, #b>
}
