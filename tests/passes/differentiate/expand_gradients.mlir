// RUN: cleave-opt %s --cleave-expand-gradients --cse --cleave-name-values | FileCheck %s

// The region takes the op's place, and its adjoints follow.
// CHECK-LABEL: func @square
// CHECK-SAME: %[[X:.*]]: tensor<8xf32>
// CHECK-NEXT: %[[Y:.*]] = cleave.sum_squares %[[X]] {cleave.name = "s", cleave.phase = "forward"}
// CHECK-NEXT: %[[ONE:.*]] = cleave.constant
// CHECK-NEXT: %[[TWO:.*]] = cleave.scale %[[ONE]] {{.*}}cleave.phase = "backward", factor = 2.0
// CHECK-NEXT: %[[ALL:.*]] = cleave.broadcast %[[TWO]]
// CHECK-NEXT: %[[DX:.*]] = cleave.mul %[[ALL]], %[[X]] {cleave.name = "grad(x)", cleave.phase = "backward"}
// CHECK-NEXT: return %[[Y]], %[[DX]]
func.func @square(%x: tensor<8xf32> {cleave.input = "x"}) -> (tensor<f32>, tensor<8xf32>) {
  %y, %dx = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<8xf32>):
    %s = cleave.sum_squares %a {cleave.name = "s"} : (tensor<8xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
  return %y, %dx : tensor<f32>, tensor<8xf32>
}

// Only what leads to wanted gradients is built: nothing for the weight, nor for the input of the first layer.
// CHECK-LABEL: func @wanted
// CHECK: cleave.matmul
// CHECK: cleave.matmul {{.*}}cleave.phase = "forward"
// CHECK-NOT: cleave.matmul
// CHECK: %[[DW:.*]] = cleave.outer {{.*}}cleave.name = "grad(w1)"
// CHECK-NOT: cleave.outer
// CHECK: return %[[DW]]
func.func @wanted(%x: tensor<4x8xf32> {cleave.input = "x"}, %w0: tensor<8x8xf32> {cleave.parameter = "w0"},
                  %w1: tensor<8x8xf32> {cleave.parameter = "w1"}) -> tensor<8x8xf32> {
  %0, %1 = cleave.gradient (%x, %w0, %w1) wrt [2] {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x8xf32>, %c: tensor<8x8xf32>):
    %2 = cleave.matmul %a, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %3 = cleave.matmul %2, %c : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %4 = cleave.sum_squares %3 : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %4 : tensor<f32>
  } : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) -> (tensor<f32>, tensor<8x8xf32>)
  return %1 : tensor<8x8xf32>
}

// The gradient of an activation comes before that of the weight, which can wait.
// CHECK-LABEL: func @order
// CHECK: %[[DH:.*]] = cleave.matmul %{{.*}}, %{{.*}} {cleave.name = "grad(h)", {{.*}}transpose_rhs = true}
// CHECK-NEXT: cleave.outer {{.*}}cleave.name = "grad(w)"
// CHECK-NEXT: cleave.scale {{.*}}cleave.name = "grad(x)"
func.func @order(%x: tensor<4x8xf32> {cleave.parameter = "x"}, %w: tensor<8x8xf32> {cleave.parameter = "w"})
    -> (tensor<4x8xf32>, tensor<8x8xf32>) {
  %0:3 = cleave.gradient (%x, %w) wrt [0, 1] {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x8xf32>):
    %1 = cleave.scale %a {cleave.name = "h", factor = 3.0 : f64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %2 = cleave.matmul %1, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %3 = cleave.sum_squares %2 : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %3 : tensor<f32>
  } : (tensor<4x8xf32>, tensor<8x8xf32>) -> (tensor<f32>, tensor<4x8xf32>, tensor<8x8xf32>)
  return %0#1, %0#2 : tensor<4x8xf32>, tensor<8x8xf32>
}

// Gradients of a weight that is used several times are added from its last use to its first.
// CHECK-LABEL: func @tied
// CHECK: %[[LAST:.*]] = cleave.outer {{.*}}cleave.name = "grad(w)/third"
// CHECK: %[[MIDDLE:.*]] = cleave.outer {{.*}}cleave.name = "grad(w)/second"
// CHECK: %[[SUM:.*]] = cleave.add %[[LAST]], %[[MIDDLE]] {cleave.name = "grad(w)/sum"
// CHECK: %[[FIRST:.*]] = cleave.outer {{.*}}cleave.name = "grad(w)/first"
// CHECK: %[[DW:.*]] = cleave.add %[[SUM]], %[[FIRST]] {cleave.name = "grad(w)"
// CHECK: return %[[DW]]
func.func @tied(%x: tensor<4x8xf32> {cleave.input = "x"}, %w: tensor<8x8xf32> {cleave.parameter = "w"})
    -> tensor<8x8xf32> {
  %0, %1 = cleave.gradient (%x, %w) wrt [1] {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<8x8xf32>):
    %2 = cleave.matmul %a, %b {cleave.name = "first"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %3 = cleave.matmul %2, %b {cleave.name = "second"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %4 = cleave.matmul %3, %b {cleave.name = "third"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %5 = cleave.sum_squares %4 : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %5 : tensor<f32>
  } : (tensor<4x8xf32>, tensor<8x8xf32>) -> (tensor<f32>, tensor<8x8xf32>)
  return %1 : tensor<8x8xf32>
}

// Adjoints lie in the layer of the op that they belong to, and a sum in that of all who read the value.
// CHECK-LABEL: func @layers
// CHECK: cleave.tanh {{.*}}cleave.layer = #cleave.layer<"block", 0>
// CHECK: cleave.relu_gradient {{.*}}cleave.layer = #cleave.layer<"block", 1>, cleave.name = "grad(h)/b"
// CHECK: cleave.add {{.*}}cleave.layer = #cleave.layer<"block", 1>, cleave.name = "grad(h)"
// CHECK: cleave.mul {{.*}}cleave.layer = #cleave.layer<"block", 0>
func.func @layers(%x: tensor<4xf32> {cleave.parameter = "x"}) -> tensor<4xf32> {
  %0, %1 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<4xf32>):
    %2 = cleave.tanh %a {cleave.name = "h", cleave.layer = #cleave.layer<"block", 0>} : (tensor<4xf32>) -> tensor<4xf32>
    %3 = cleave.relu %2 {cleave.name = "b", cleave.layer = #cleave.layer<"block", 1>} : (tensor<4xf32>) -> tensor<4xf32>
    %4 = cleave.add %2, %3 {cleave.name = "c", cleave.layer = #cleave.layer<"block", 1>}
        : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %5 = cleave.sum_squares %4 : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %5 : tensor<f32>
  } : (tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>)
  return %1 : tensor<4xf32>
}

// An input that does not matter has a gradient of zeros, and so has one that is reached through integers only.
// CHECK-LABEL: func @zero
// CHECK: %[[ZERO:.*]] = cleave.constant {{.*}}value = dense<0.000000e+00> : tensor<4xf32>
// CHECK: return %{{.*}}, %[[ZERO]], %[[ZERO]]
func.func @zero(%x: tensor<4xf32>, %y: tensor<4xf32>, %z: tensor<4xf32>)
    -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %0:4 = cleave.gradient (%x, %y, %z) wrt [0, 1, 2] {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xf32>, %c: tensor<4xf32>):
    %1 = cleave.convert %c : (tensor<4xf32>) -> tensor<4xi32>
    %2 = cleave.convert %1 : (tensor<4xi32>) -> tensor<4xf32>
    %3 = cleave.mul %a, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %4 = cleave.sum_squares %3 : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %4 : tensor<f32>
  } : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<f32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return %0#1, %0#2, %0#3 : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// An op without a gradient of its own is replaced by its generic form, which has its marks.
// CHECK-LABEL: func @generic
// CHECK-NOT: cleave.exp_sum
// CHECK: cleave.exp {{.*}}cleave.name = "e.exp", cleave.phase = "forward"
// CHECK: cleave.reduce {{.*}}cleave.name = "e", cleave.phase = "forward"
// CHECK: cleave.mul {{.*}}cleave.phase = "backward"
func.func @generic(%x: tensor<4x8xf32>, %shift: tensor<4xf32>) -> tensor<4x8xf32> {
  %0, %1 = cleave.gradient (%x, %shift) wrt [0] {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<4xf32>):
    %2 = cleave.exp_sum %a, %b {cleave.name = "e"} : (tensor<4x8xf32>, tensor<4xf32>) -> tensor<4xf32>
    %3 = cleave.sum_squares %2 : (tensor<4xf32>) -> tensor<f32>
    cleave.yield %3 : tensor<f32>
  } : (tensor<4x8xf32>, tensor<4xf32>) -> (tensor<f32>, tensor<4x8xf32>)
  return %1 : tensor<4x8xf32>
}

// Labels that don't count are told by the same number in the generic form.
// CHECK-LABEL: func @ignored
// CHECK: %[[IGNORED:.*]] = cleave.constant {{.*}}value = dense<-100> : tensor<4xi32>
// CHECK: cleave.compare %{{.*}}, %[[IGNORED]] {{.*}}direction = "ne"
func.func @ignored(%x: tensor<4x8xf32>, %labels: tensor<4xi32>) -> tensor<4x8xf32> {
  %0, %1 = cleave.gradient (%x, %labels) wrt [0] {
  ^bb0(%a: tensor<4x8xf32>, %b: tensor<4xi32>):
    %2, %count, %lse = cleave.cross_entropy %a, %b : (tensor<4x8xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    %3 = cleave.sum_squares %lse : (tensor<4xf32>) -> tensor<f32>
    %4 = cleave.add %2, %3 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    cleave.yield %4 : tensor<f32>
  } : (tensor<4x8xf32>, tensor<4xi32>) -> (tensor<f32>, tensor<4x8xf32>)
  return %1 : tensor<4x8xf32>
}

// In the second derivative of a look-up a table without padding loses no row.
// CHECK-LABEL: func @look_up
// CHECK: cleave.embedding_gradient
// CHECK-NOT: cleave.select
// CHECK: return
func.func @look_up(%t: tensor<8x4xf32>, %ids: tensor<3xi32>) -> tensor<8x4xf32> {
  %0, %1 = cleave.gradient (%t, %ids) wrt [0] {
  ^bb0(%a: tensor<8x4xf32>, %b: tensor<3xi32>):
    %2, %3 = cleave.gradient (%a, %b) wrt [0] {
    ^bb0(%c: tensor<8x4xf32>, %d: tensor<3xi32>):
      %4 = cleave.embedding %c, %d : (tensor<8x4xf32>, tensor<3xi32>) -> tensor<3x4xf32>
      %5 = cleave.sum_squares %4 : (tensor<3x4xf32>) -> tensor<f32>
      cleave.yield %5 : tensor<f32>
    } : (tensor<8x4xf32>, tensor<3xi32>) -> (tensor<f32>, tensor<8x4xf32>)
    %6 = cleave.sum_squares %3 : (tensor<8x4xf32>) -> tensor<f32>
    cleave.yield %6 : tensor<f32>
  } : (tensor<8x4xf32>, tensor<3xi32>) -> (tensor<f32>, tensor<8x4xf32>)
  return %1 : tensor<8x4xf32>
}

// The second derivative of x^3: 6x comes as a sum of products of x and ones.
// CHECK-LABEL: func @cube
// CHECK-SAME: %[[X:.*]]: tensor<f32>
// CHECK: %[[SQUARE:.*]] = cleave.mul %[[X]], %[[X]] {cleave.name = "square"
// CHECK: %[[DSQUARE:.*]] = cleave.mul %[[ONE:.*]], %[[X]] {cleave.name = "grad(square)"
// CHECK: %[[A:.*]] = cleave.mul %[[ONE]], %[[SQUARE]] {cleave.name = "grad(x)/cube"
// CHECK: %[[B:.*]] = cleave.mul %[[DSQUARE]], %[[X]] {cleave.name = "grad(x)/square"
// CHECK: %[[SUM:.*]] = cleave.add %[[A]], %[[B]] {cleave.name = "grad(x)/sum"
// CHECK: %[[D:.*]] = cleave.add %[[SUM]], {{.*}} {cleave.name = "grad(x)"
// CHECK: %[[DD:.*]] = cleave.add {{.*}} {cleave.name = "grad(x)_2"
// CHECK-NEXT: return %[[D]], %[[DD]]
func.func @cube(%x: tensor<f32> {cleave.input = "x"}) -> (tensor<f32>, tensor<f32>) {
  %d, %dd = cleave.gradient (%x) wrt [0] {
  ^bb0(%b: tensor<f32>):
    %y, %dx = cleave.gradient (%b) wrt [0] {
    ^bb0(%a: tensor<f32>):
      %2 = cleave.mul %a, %a {cleave.name = "square"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
      %3 = cleave.mul %2, %a {cleave.name = "cube"} : (tensor<f32>, tensor<f32>) -> tensor<f32>
      cleave.yield %3 : tensor<f32>
    } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
    cleave.yield %dx : tensor<f32>
  } : (tensor<f32>) -> (tensor<f32>, tensor<f32>)
  return %d, %dd : tensor<f32>, tensor<f32>
}

// A step of meta-learning: the loss after a step of descent, with the gradient through that step. Fused ops whose
// gradients have none themselves are generic ops there.
// CHECK-LABEL: func @meta
// CHECK-NOT: cleave.gradient
// CHECK-NOT: cleave.layer_norm
// CHECK-NOT: cleave.cross_entropy_gradient
// CHECK: %[[STEP:.*]] = cleave.scale %{{.*}} {cleave.name = "step"
// CHECK: %[[ADAPTED:.*]] = cleave.sub %{{.*}}, %[[STEP]] {cleave.name = "adapted"
// CHECK: cleave.name = "grad(adapted)"
// CHECK: cleave.name = "grad(step)"
// CHECK: %[[DW:.*]] = cleave.add {{.*}} {cleave.name = "grad(w)
// CHECK: return %{{.*}}, %[[DW]]
func.func @meta(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %g: tensor<8xf32>
    {cleave.parameter = "gamma"}, %x: tensor<4x8xf32> {cleave.input = "x"},
                %labels: tensor<4xi32> {cleave.input = "labels"}) -> (tensor<f32>, tensor<8x8xf32>) {
  %0, %1 = cleave.gradient (%w, %g, %x, %labels) wrt [0] {
  ^bb0(%a: tensor<8x8xf32>, %b: tensor<8xf32>, %c: tensor<4x8xf32>, %d: tensor<4xi32>):
    %2, %3 = cleave.gradient (%a, %b, %c, %d) wrt [0] {
    ^bb0(%e: tensor<8x8xf32>, %f: tensor<8xf32>, %h: tensor<4x8xf32>, %i: tensor<4xi32>):
      %4 = cleave.matmul %h, %e {cleave.name = "inner"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
      %5 = cleave.tanh %4 {cleave.name = "act"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %6, %mean, %rstd = cleave.layer_norm %5, %f, %f {cleave.name = "norm", epsilon = 1.0e-5 : f64}
          : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>)
      %7, %count, %lse = cleave.cross_entropy %6, %i {cleave.name = "inner_loss"} : (tensor<4x8xf32>, tensor<4xi32>)
          -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
      cleave.yield %7 : tensor<f32>
    } : (tensor<8x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4xi32>) -> (tensor<f32>, tensor<8x8xf32>)
    %8 = cleave.scale %3 {cleave.name = "step", factor = 0.1 : f64} : (tensor<8x8xf32>) -> tensor<8x8xf32>
    %9 = cleave.sub %a, %8 {cleave.name = "adapted"} : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
    %10 = cleave.matmul %c, %9 {cleave.name = "outer"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %11 = cleave.sum_squares %10 {cleave.name = "outer_loss"} : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %11 : tensor<f32>
  } : (tensor<8x8xf32>, tensor<8xf32>, tensor<4x8xf32>, tensor<4xi32>) -> (tensor<f32>, tensor<8x8xf32>)
  return %0, %1 : tensor<f32>, tensor<8x8xf32>
}

// Attention in a gradient inside another one is made of generic ops from the start, whose weights serve both orders. A query
// sees the keys up to its own position.
// CHECK-LABEL: func @attend
// CHECK-NOT: cleave.attention
// CHECK: cleave.matmul {{.*}}cleave.name = "y.matmul"{{.*}}transpose_rhs = true
// CHECK: %[[KEYS:.*]] = cleave.iota {{.*}}dimension = 1 : i64{{.*}} -> tensor<6x8xi32>
// CHECK: cleave.compare %[[KEYS]], %{{.*}} {{.*}}direction = "le"
// CHECK: cleave.exp {{.*}}cleave.name = "y.exp", cleave.phase = "forward"
// CHECK-NOT: cleave.attention
// CHECK: return
func.func @attend(%q: tensor<2x6x4x8xf32>, %k: tensor<2x8x2x8xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x8x2x8xf32>) {
  %0:3 = cleave.gradient (%q, %k) wrt [0, 1] {
  ^bb0(%a: tensor<2x6x4x8xf32>, %b: tensor<2x8x2x8xf32>):
    %1, %2 = cleave.gradient (%a) wrt [0] {
    ^bb0(%c: tensor<2x6x4x8xf32>):
      %y, %lse = cleave.attention %c, %b, %b {cleave.name = "y", causal = true, scale = 0.5 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
          : (tensor<2x6x4x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>) -> (tensor<2x6x4x8xf32>, tensor<2x4x6xf32>)
      %3 = cleave.sum_squares %y : (tensor<2x6x4x8xf32>) -> tensor<f32>
      cleave.yield %3 : tensor<f32>
    } : (tensor<2x6x4x8xf32>) -> (tensor<f32>, tensor<2x6x4x8xf32>)
    %4 = cleave.sum_squares %2 : (tensor<2x6x4x8xf32>) -> tensor<f32>
    cleave.yield %4 : tensor<f32>
  } : (tensor<2x6x4x8xf32>, tensor<2x8x2x8xf32>) -> (tensor<f32>, tensor<2x6x4x8xf32>, tensor<2x8x2x8xf32>)
  return %0#1, %0#2 : tensor<2x6x4x8xf32>, tensor<2x8x2x8xf32>
}

// What stands in the outer region alone is differentiated once, and stays fused.
// CHECK-LABEL: func @outside
// CHECK: %[[Y:.*]], %[[MEAN:.*]], %[[RSTD:.*]] = cleave.layer_norm
// CHECK: cleave.tanh
// CHECK: cleave.layer_norm_gradient %{{.*}}, %{{.*}}, %{{.*}}, %[[MEAN]], %[[RSTD]]
func.func @outside(%x: tensor<4x8xf32>, %g: tensor<8xf32>) -> tensor<4x8xf32> {
  %0, %1 = cleave.gradient (%x) wrt [0] {
  ^bb0(%a: tensor<4x8xf32>):
    %y, %mean, %rstd = cleave.layer_norm %a, %g, %g {epsilon = 1.0e-5 : f64} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4xf32>, tensor<4xf32>)
    %2, %3 = cleave.gradient (%y) wrt [0] {
    ^bb0(%b: tensor<4x8xf32>):
      %4 = cleave.tanh %b : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %5 = cleave.sum_squares %4 : (tensor<4x8xf32>) -> tensor<f32>
      cleave.yield %5 : tensor<f32>
    } : (tensor<4x8xf32>) -> (tensor<f32>, tensor<4x8xf32>)
    %6 = cleave.sum_squares %3 : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %6 : tensor<f32>
  } : (tensor<4x8xf32>) -> (tensor<f32>, tensor<4x8xf32>)
  return %1 : tensor<4x8xf32>
}

// A gradient op that a program holds by itself is differentiated through its generic form.
// CHECK-LABEL: func @by_hand
// CHECK-NOT: cleave.rms_norm_gradient
// CHECK-NOT: cleave.cross_entropy_gradient
// CHECK: cleave.gather_gradient {{.*}}cleave.phase = "forward"
// CHECK: cleave.gather {{.*}}cleave.phase = "backward"
// CHECK: return
func.func @by_hand(%x: tensor<4x8xf32>, %g: tensor<8xf32>, %r: tensor<4xf32>, %labels: tensor<4xi32>, %s: tensor<f32>) -> (tensor<8xf32>, tensor<f32>) {
  %0:3 = cleave.gradient (%g, %s) wrt [0, 1] {
  ^bb0(%a: tensor<8xf32>, %b: tensor<f32>):
    %1 = cleave.cross_entropy_gradient %x, %labels, %r, %b : (tensor<4x8xf32>, tensor<4xi32>, tensor<4xf32>, tensor<f32>) -> tensor<4x8xf32>
    %2, %3 = cleave.rms_norm_gradient %1, %x, %a, %r : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>, tensor<4xf32>) -> (tensor<4x8xf32>, tensor<8xf32>)
    %4 = cleave.sum_squares %2 : (tensor<4x8xf32>) -> tensor<f32>
    cleave.yield %4 : tensor<f32>
  } : (tensor<8xf32>, tensor<f32>) -> (tensor<f32>, tensor<8xf32>, tensor<f32>)
  return %0#1, %0#2 : tensor<8xf32>, tensor<f32>
}

// An update inside a loss is differentiated through its generic form; without decay and momentum there is none of it.
// CHECK-LABEL: func @update
// CHECK: %[[RATIO:.*]] = cleave.div
// CHECK: %[[CLIP:.*]] = cleave.minimum %{{.*}}, %[[RATIO]] {cleave.name = "clip"
// CHECK: %[[SPREAD:.*]] = cleave.broadcast %[[CLIP]]
// CHECK: %[[STEP:.*]] = cleave.mul %{{.*}}, %[[SPREAD]]
// CHECK: %[[MOVE:.*]] = cleave.mul %{{.*}}, %[[STEP]]
// CHECK: %[[NEW:.*]] = cleave.sub %{{.*}}, %[[MOVE]]
// CHECK: cleave.select %{{.*}}, %[[NEW]], %{{.*}} {cleave.name = "moved"
// CHECK-NOT: cleave.sgd
func.func @update(%w: tensor<8xf32> {cleave.parameter = "w"}, %g: tensor<8xf32> {cleave.input = "g"},
                  %norm: tensor<f32> {cleave.input = "norm"}, %rate: tensor<f32> {cleave.input = "rate"},
                  %active: tensor<i1> {cleave.input = "active"}) -> (tensor<8xf32>, tensor<f32>) {
  %y, %dg, %dn = cleave.gradient (%g, %norm) wrt [0, 1] {
  ^bb0(%a: tensor<8xf32>, %n: tensor<f32>):
    %clip = cleave.clip_scale %n {cleave.name = "clip", max_norm = 1.0 : f64} : (tensor<f32>) -> tensor<f32>
    %moved = cleave.sgd %w, %a, %rate, %clip, %active
        {cleave.name = "moved", momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
        : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
    %s = cleave.sum_squares %moved : (tensor<8xf32>) -> tensor<f32>
    cleave.yield %s : tensor<f32>
  } : (tensor<8xf32>, tensor<f32>) -> (tensor<f32>, tensor<8xf32>, tensor<f32>)
  return %dg, %dn : tensor<8xf32>, tensor<f32>
}
