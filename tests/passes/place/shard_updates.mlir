// RUN: cleave-opt %s --split-input-file --cleave-shard-updates | FileCheck %s

cleave.mesh @mesh <"data" = 2, "model" = 2>

// A large parameter with state: the gradient gets a pin and the state a split, behind the split that is there.
// CHECK-LABEL: func @step
// CHECK-SAME: tensor<512x512xf32> {cleave.axes = #cleave.axes<[B, S(0)]>, cleave.parameter = "w"}
// CHECK-SAME: tensor<512x512xf32> {cleave.axes = #cleave.axes<[S(0, minor), S(0)]>, cleave.reason = "each device along data updates a share of w", cleave.state = "m"
// CHECK-SAME: tensor<512x512xf32> {cleave.axes = #cleave.axes<[S(0, minor), S(0)]>, {{.*}}cleave.state = "v"
// CHECK: %[[G:.*]] = cleave.outer
// CHECK: %[[PIN:.*]] = cleave.pin %[[G]] {axes = ["data"], {{.*}}placements = #cleave.axes<[S(0, minor)]>}
// CHECK: cleave.sum_squares %[[PIN]]
// CHECK: cleave.adamw %{{.*}}, %[[PIN]], %
func.func @step(%w: tensor<512x512xf32> {cleave.parameter = "w", cleave.axes = #cleave.axes<[B, S(0)]>},
    %m: tensor<512x512xf32> {cleave.state = "m", cleave.state_of = "w", cleave.axes = #cleave.axes<[B, S(0)]>},
    %v: tensor<512x512xf32> {cleave.state = "v", cleave.state_of = "w", cleave.axes = #cleave.axes<[B, S(0)]>},
    %x: tensor<4x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0), B]>}, %a: tensor<f32>
        {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
    -> (tensor<512x512xf32> {cleave.updates = "w"}, tensor<512x512xf32> {cleave.updates = "m"}, tensor<512x512xf32>
        {cleave.updates = "v"}, tensor<f32> {cleave.output = "norm"}) {
  %g = cleave.outer %x, %x {cleave.phase = "backward"} : (tensor<4x512xf32>, tensor<4x512xf32>) -> tensor<512x512xf32>
  %n = cleave.sum_squares %g {cleave.phase = "update"} : (tensor<512x512xf32>) -> tensor<f32>
  %w1, %m1, %v1 = cleave.adamw %w, %g, %m, %v, %a, %a, %a, %on
      {cleave.phase = "update", beta1 = 0.9 : f64, beta2 = 0.999 : f64, epsilon = 1.0e-8 : f64,
      weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>, tensor<f32>, tensor<f32>,
          tensor<f32>, tensor<i1>) -> (tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>)
  return %w1, %m1, %v1, %n : tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>, tensor<f32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// A small parameter is not worth a second collective.
// CHECK-LABEL: func @step
// CHECK-NOT: each device
// CHECK-NOT: cleave.pin
func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %m: tensor<8x8xf32>
    {cleave.state = "m", cleave.state_of = "w"},
    %x: tensor<4x8xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
        {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
    -> (tensor<8x8xf32> {cleave.updates = "w"}, tensor<8x8xf32> {cleave.updates = "m"}) {
  %g = cleave.outer %x, %x {cleave.phase = "backward"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
      {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
          -> (tensor<8x8xf32>, tensor<8x8xf32>)
  return %w1, %m1 : tensor<8x8xf32>, tensor<8x8xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// An optimizer of several ops: what has the parameter's sizes, masks too, is split together, with all states.
// CHECK-LABEL: func @step
// CHECK-SAME: tensor<512x512xf32> {cleave.axes = #cleave.axes<[S(0)]>, {{.*}}cleave.state = "m"
// CHECK: %[[PIN:.*]] = cleave.pin %{{.*}} {axes = ["data"], {{.*}}placements = #cleave.axes<[S(0)]>}
// CHECK: cleave.add %{{.*}}, %[[PIN]]
func.func @step(%w: tensor<512x512xf32> {cleave.parameter = "w"}, %m: tensor<512x512xf32>
    {cleave.state = "m", cleave.state_of = "w"},
    %x: tensor<4x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
        {cleave.input = "a"})
    -> (tensor<512x512xf32> {cleave.updates = "w"}, tensor<512x512xf32> {cleave.updates = "m"}) {
  %g = cleave.outer %x, %x {cleave.phase = "backward"} : (tensor<4x512xf32>, tensor<4x512xf32>) -> tensor<512x512xf32>
  %m1 = cleave.add %m, %g {cleave.phase = "update"} : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %r = cleave.broadcast %a {cleave.phase = "update", dimensions = array<i64>} : (tensor<f32>) -> tensor<512x512xf32>
  %above = cleave.compare %m1, %r {cleave.phase = "update", direction = "gt"}
      : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xi1>
  %d = cleave.convert %above {cleave.phase = "update"} : (tensor<512x512xi1>) -> tensor<512x512xf32>
  %w1 = cleave.sub %w, %d {cleave.phase = "update"} : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %w1, %m1 : tensor<512x512xf32>, tensor<512x512xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// One that needs the parameter whole is left as it is.
// CHECK-LABEL: func @step
// CHECK-NOT: each device
// CHECK-NOT: cleave.pin
func.func @step(%w: tensor<512x512xf32> {cleave.parameter = "w"}, %m: tensor<512x512xf32>
    {cleave.state = "m", cleave.state_of = "w"},
    %x: tensor<4x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>})
    -> (tensor<512x512xf32> {cleave.updates = "w"}, tensor<512x512xf32> {cleave.updates = "m"}) {
  %g = cleave.outer %x, %x {cleave.phase = "backward"} : (tensor<4x512xf32>, tensor<4x512xf32>) -> tensor<512x512xf32>
  %m1 = cleave.add %m, %g {cleave.phase = "update"} : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %d = cleave.matmul %m1, %m1 {cleave.phase = "update"}
      : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %w1 = cleave.sub %w, %d {cleave.phase = "update"} : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %w1, %m1 : tensor<512x512xf32>, tensor<512x512xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// Where the batch is whole, so are all gradients.
// CHECK-LABEL: func @step
// CHECK-NOT: each device
// CHECK-NOT: cleave.pin
func.func @step(%w: tensor<512x512xf32> {cleave.parameter = "w"}, %m: tensor<512x512xf32>
    {cleave.state = "m", cleave.state_of = "w"},
    %y: tensor<4x512xf32> {cleave.input = "y"}, %a: tensor<f32> {cleave.input = "a"}, %on: tensor<i1>
        {cleave.input = "on"})
    -> (tensor<512x512xf32> {cleave.updates = "w"}, tensor<512x512xf32> {cleave.updates = "m"}) {
  %g = cleave.outer %y, %y {cleave.phase = "backward"} : (tensor<4x512xf32>, tensor<4x512xf32>) -> tensor<512x512xf32>
  %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
      {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
          -> (tensor<512x512xf32>, tensor<512x512xf32>)
  return %w1, %m1 : tensor<512x512xf32>, tensor<512x512xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// A pin of the user on the state stays.
// CHECK-LABEL: func @step
// CHECK-SAME: tensor<512x512xf32> {cleave.pinned = array<i64: 0>, cleave.state = "m"
// CHECK-NOT: cleave.pin %
func.func @step(%w: tensor<512x512xf32> {cleave.parameter = "w"}, %m: tensor<512x512xf32>
    {cleave.state = "m", cleave.state_of = "w", cleave.pinned = array<i64: 0>},
    %x: tensor<4x512xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
        {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
    -> (tensor<512x512xf32> {cleave.updates = "w"}, tensor<512x512xf32> {cleave.updates = "m"}) {
  %g = cleave.outer %x, %x {cleave.phase = "backward"} : (tensor<4x512xf32>, tensor<4x512xf32>) -> tensor<512x512xf32>
  %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
      {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
          -> (tensor<512x512xf32>, tensor<512x512xf32>)
  return %w1, %m1 : tensor<512x512xf32>, tensor<512x512xf32>
}

// -----

// Stage 0 shares nothing out, however large.
// CHECK-LABEL: module attributes {cleave.zero = 0
// CHECK-NOT: each device
module attributes {cleave.zero = 0 : i64} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %m: tensor<8x8xf32>
      {cleave.state = "m", cleave.state_of = "w"},
      %x: tensor<4x8xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
          {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
      -> (tensor<8x8xf32> {cleave.updates = "w"}, tensor<8x8xf32> {cleave.updates = "m"}) {
    %y = cleave.matmul %x, %w {cleave.phase = "forward"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %g = cleave.outer %x, %y {cleave.phase = "backward"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
        {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
        : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
            -> (tensor<8x8xf32>, tensor<8x8xf32>)
    return %w1, %m1 : tensor<8x8xf32>, tensor<8x8xf32>
  }
}

// -----

// Stage 1 splits the state of all that the rule lets it, however small, and leaves the gradient whole.
// CHECK-LABEL: module attributes {cleave.zero = 1
// CHECK: func @step(%{{.*}}: tensor<8x8xf32> {cleave.parameter = "w"}, %{{.*}}: tensor<8x8xf32> {cleave.axes = #cleave.axes<[S(0)]>
// CHECK-NOT: cleave.pin
module attributes {cleave.zero = 1 : i64} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %m: tensor<8x8xf32>
      {cleave.state = "m", cleave.state_of = "w"},
      %x: tensor<4x8xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
          {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
      -> (tensor<8x8xf32> {cleave.updates = "w"}, tensor<8x8xf32> {cleave.updates = "m"}) {
    %y = cleave.matmul %x, %w {cleave.phase = "forward"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %g = cleave.outer %x, %y {cleave.phase = "backward"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
        {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
        : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
            -> (tensor<8x8xf32>, tensor<8x8xf32>)
    return %w1, %m1 : tensor<8x8xf32>, tensor<8x8xf32>
  }
}

// -----

// Stage 3 splits the parameter too, in all entries, and gathers it for those that read it, the update aside.
// CHECK-LABEL: module attributes {cleave.zero = 3
// CHECK: func @step(%[[W:.*]]: tensor<8x8xf32> {cleave.axes = #cleave.axes<[S(0)]>, cleave.parameter = "w"
// CHECK: %[[WHOLE:.*]] = cleave.pin %[[W]] {axes = ["data"], {{.*}}placements = #cleave.axes<[B]>}
// CHECK: cleave.matmul %{{.*}}, %[[WHOLE]]
// CHECK: cleave.sgd %[[W]]
// CHECK: func @evaluate(%[[V:.*]]: tensor<8x8xf32> {cleave.axes = #cleave.axes<[S(0)]>
// CHECK: cleave.pin %[[V]]
module attributes {cleave.zero = 3 : i64} {
  cleave.mesh @mesh <"data" = 2>
  func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %m: tensor<8x8xf32>
      {cleave.state = "m", cleave.state_of = "w"},
      %x: tensor<4x8xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %a: tensor<f32>
          {cleave.input = "a"}, %on: tensor<i1> {cleave.input = "on"})
      -> (tensor<8x8xf32> {cleave.updates = "w"}, tensor<8x8xf32> {cleave.updates = "m"}) {
    %y = cleave.matmul %x, %w {cleave.phase = "forward"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %g = cleave.outer %x, %y {cleave.phase = "backward"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %w1, %m1 = cleave.sgd %w, %g, %m, %a, %a, %on
        {cleave.phase = "update", momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
        : (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
            -> (tensor<8x8xf32>, tensor<8x8xf32>)
    return %w1, %m1 : tensor<8x8xf32>, tensor<8x8xf32>
  }
  func.func @evaluate(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32>
      {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}) -> (tensor<4x8xf32> {cleave.output = "y"}) {
    %y = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    return %y : tensor<4x8xf32>
  }
}
