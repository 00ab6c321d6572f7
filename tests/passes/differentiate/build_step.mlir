// RUN: cleave-opt %s --split-input-file --cleave-build-step | FileCheck %s

// A step takes parameters, states, data, the learning rate and the random key, in that order; its gradients stand in a
// gradient op over the loss. Updates follow in the order of the parameters, then what the host reads.
// CHECK-LABEL: func @step
// CHECK-SAME: cleave.parameter = "w"
// CHECK-SAME: cleave.parameter = "b"
// CHECK-SAME: tensor<8x16xf32> {cleave.state = "adamw.m(w)", cleave.state_of = "w"}
// CHECK-SAME: tensor<8x16xf32> {cleave.state = "adamw.v(w)", cleave.state_of = "w"}
// CHECK-SAME: tensor<16xf32> {cleave.state = "adamw.m(b)", cleave.state_of = "b"}
// CHECK-SAME: tensor<16xf32> {cleave.state = "adamw.v(b)", cleave.state_of = "b"}
// CHECK-SAME: %[[T:[a-z0-9]+]]: tensor<f32> {cleave.state = "adamw.count"}
// CHECK-SAME: tensor<4x8xf32> {cleave.batch_dim = 0 : i64, cleave.input = "x"}
// CHECK-SAME: tensor<4xi32> {cleave.batch_dim = 0 : i64, cleave.input = "labels"}
// CHECK-SAME: %[[LR:[a-z0-9]+]]: tensor<f32> {cleave.input = "lr"}
// CHECK-SAME: tensor<4xi32> {cleave.input = "rng"}
// CHECK-SAME: {cleave.updates = "w"}
// CHECK-SAME: {cleave.updates = "adamw.m(w)"}
// CHECK-SAME: {cleave.updates = "adamw.v(w)"}
// CHECK-SAME: {cleave.updates = "b"}
// CHECK-SAME: {cleave.updates = "adamw.count"}
// CHECK-SAME: {cleave.output = "loss"}
// CHECK-SAME: {cleave.output = "tokens"}
// CHECK-SAME: {cleave.output = "grad_norm"}
// CHECK-SAME: attributes {cleave.entry = "step"}
// CHECK: %[[G:.*]]:4 = cleave.gradient(%{{.*}}) wrt [0, 1]
// CHECK: cleave.matmul {{.*}}cleave.phase = "forward"
// CHECK: cleave.yield
// CHECK: %[[ONE:.*]] = cleave.constant {{.*}}dense<1.0
// CHECK: %[[N:.*]] = cleave.maximum %[[G]]#1, %[[ONE]]
// CHECK: %[[LOSS:.*]] = cleave.div %[[G]]#0, %[[N]]
// CHECK: %[[ACTIVE:.*]] = cleave.compare %[[G]]#1, {{.*}}direction = "gt"
// CHECK: %[[SCALE:.*]] = cleave.div {{.*}}, %[[N]]
// CHECK: %[[SQUARES_W:.*]] = cleave.sum_squares %[[G]]#2
// CHECK: %[[SQUARES_B:.*]] = cleave.sum_squares %[[G]]#3
// CHECK: %[[SQUARES:.*]] = cleave.add_n %[[SQUARES_W]], %[[SQUARES_B]]
// CHECK: %[[ROOT:.*]] = cleave.sqrt %[[SQUARES]]
// CHECK: %[[NORM:.*]] = cleave.mul %[[ROOT]], %[[SCALE]]
// CHECK-NOT: cleave.clip_scale
// CHECK: %[[COUNTED:.*]] = cleave.convert %[[ACTIVE]]
// CHECK: %[[NEXT:.*]] = cleave.add %[[T]], %[[COUNTED]]
// CHECK: cleave.adamw %{{.*}}, %[[G]]#2, {{.*}}, %[[LR]], %[[SCALE]], %[[NEXT]], %[[ACTIVE]] {beta1 = 9.000000e-01 : f64, beta2 = 0.99
// CHECK-SAME: cleave.name = "adamw(w)"
// CHECK-SAME: cleave.phase = "update"
// CHECK-SAME: lr_factor = 1.000000e+00
// CHECK-SAME: weight_decay = 1.000000e-01
// CHECK: cleave.adamw %{{.*}}, %[[G]]#3
// CHECK-SAME: weight_decay = 0.000000e+00
// CHECK: return {{.*}}%[[NEXT]], %[[LOSS]], %[[G]]#1, %[[NORM]]

// Evaluation is the loss without gradients; nothing is dropped, and no random key comes in.
// CHECK-LABEL: func @evaluate
// CHECK-NOT: "rng"
// CHECK-SAME: tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"}
// CHECK-NOT: cleave.dropout
// CHECK: %[[SUM:.*]], %[[COUNT:.*]], %{{.*}} = cleave.cross_entropy
// CHECK: return %[[SUM]], %[[COUNT]]

// Parameters are drawn by their initializers; a constant is drawn without deviation.
// CHECK-LABEL: func @initialize
// CHECK-SAME: %[[KEY:.*]]: tensor<4xi32> {cleave.input = "rng"}) -> (tensor<8x16xf32> {cleave.updates = "w"}, tensor<16xf32> {cleave.updates = "b"})
// CHECK: %[[W:.*]] = cleave.random %[[KEY]] {cleave.name = "initial(w)", cleave.phase = "update", deviation = 5.000000e-01 : f64, distribution = "normal", id = {{[0-9]+}} : i64, mean = 0.0{{.*}}, zero_row = 3
// CHECK: %[[B:.*]] = cleave.random %[[KEY]] {{.*}}deviation = 0.000000e+00 : f64, distribution = "uniform", {{.*}}mean = 2.000000e+00
// CHECK: return %[[W]], %[[B]]
// CHECK-NOT: func @loss
module attributes {cleave.training = {weight_decay = 0.1}} {
  func.func @loss(%w: tensor<8x16xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0,
      deviation = 0.5, zero_row = 3>},
                  %b: tensor<16xf32> {cleave.parameter = "b", cleave.init = #cleave.init<"constant", mean = 2.0,
                      deviation = 0.0, zero_row = -1>},
                  %x: tensor<4x8xf32> {cleave.input = "x"}, %labels: tensor<4xi32>
                      {cleave.input = "labels"}, %rng: tensor<4xi32> {cleave.input = "rng"})
      -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"}) attributes
          {cleave.entry = "loss"} {
    %0 = cleave.dropout %x, %rng {rate = 0.5 : f64, id = 1 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
    %1 = cleave.matmul %0, %w, %b : (tensor<4x8xf32>, tensor<8x16xf32>, tensor<16xf32>) -> tensor<4x16xf32>
    %2, %count, %lse = cleave.cross_entropy %1, %labels : (tensor<4x16xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %2, %count : tensor<f32>, tensor<f32>
  }
}

// -----

// Clipping scales all updates by one factor, which waits for the norm; the norm that is shown is the one before
// clipping.
// CHECK-LABEL: func @step
// CHECK: %[[SCALE:.*]] = cleave.div {{.*}}cleave.name = "one_over_tokens"
// CHECK: %[[NORM:.*]] = cleave.mul {{.*}}cleave.name = "grad_norm"
// CHECK: %[[FACTOR:.*]] = cleave.clip_scale %[[NORM]] {{.*}}max_norm = 2.0
// CHECK: %[[CLIPPED:.*]] = cleave.mul %[[SCALE]], %[[FACTOR]]
// CHECK: %[[P:.*]], %[[BUFFER:.*]] = cleave.sgd {{.*}}, %[[CLIPPED]], %{{.*}} {{.*}}momentum = 9.0
// CHECK: return %[[P]], %[[BUFFER]], %{{.*}}, %{{.*}}, %[[NORM]]
module attributes {cleave.training = {optimizer = "sgd", momentum = 0.9, clip_norm = 2.0}} {
  func.func @loss(%w: tensor<8x16xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32>
      {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
      -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
    %1 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
    %2, %count, %lse = cleave.cross_entropy %1, %labels : (tensor<4x16xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %2, %count : tensor<f32>, tensor<f32>
  }
}

// -----

// A frozen parameter has no gradient, no state and no update; of the groups that match, the first counts. Without
// momentum SGD has no state.
// CHECK-LABEL: func @step
// CHECK-SAME: {cleave.parameter = "head.weight"}
// CHECK-SAME: {cleave.parameter = "body.weight", cleave.trainable = false}
// CHECK-SAME: {cleave.parameter = "body.bias"}
// CHECK-NOT: cleave.state
// CHECK-SAME: -> (tensor<8x8xf32> {cleave.updates = "head.weight"}, tensor<8xf32> {cleave.updates = "body.bias"}, tensor<f32> {cleave.output = "loss"}
// CHECK: cleave.gradient({{.*}}) wrt [0, 2]
// CHECK: cleave.sgd {{.*}}cleave.name = "sgd(head.weight)", {{.*}}lr_factor = 1.0{{.*}}weight_decay = 1.0
// CHECK: cleave.sgd {{.*}}cleave.name = "sgd(body.bias)", {{.*}}lr_factor = 5.0{{.*}}weight_decay = 3.0
module attributes {cleave.training = {optimizer = "sgd", weight_decay = 1.0,
    groups = [{match = "*.bias", lr = 5.0, weight_decay = 3.0}, {match = "body.*", trainable = false}]}} {
  func.func @loss(%w: tensor<8x8xf32> {cleave.parameter = "head.weight"}, %v: tensor<8x8xf32>
      {cleave.parameter = "body.weight"},
                  %b: tensor<8xf32> {cleave.parameter = "body.bias"}, %x: tensor<4x8xf32>
                      {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
      -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
    %1 = cleave.matmul %x, %v, %b : (tensor<4x8xf32>, tensor<8x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
    %2 = cleave.matmul %1, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %3, %count, %lse = cleave.cross_entropy %2, %labels : (tensor<4x8xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %3, %count : tensor<f32>, tensor<f32>
  }
}

// -----

// Microbatches are only noted: the gradients are those of the whole batch.
// CHECK-LABEL: func @step
// CHECK-SAME: tensor<4x8xf32> {cleave.batch_dim = 0 : i64, cleave.input = "x"}
// CHECK-SAME: attributes {cleave.entry = "step", cleave.microbatches = 2 : i64}
// CHECK-NOT: cleave.chunked
// CHECK: cleave.gradient
// CHECK-LABEL: func @evaluate
// CHECK-NOT: cleave.microbatches
// CHECK: cleave.cross_entropy
module attributes {cleave.training = {optimizer = "sgd", microbatches = 2}} {
  func.func @loss(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32>
      {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
      -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
    %0 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %1, %count, %lse = cleave.cross_entropy %0, %labels : (tensor<4x8xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %1, %count : tensor<f32>, tensor<f32>
  }
}

// -----

// A single result is a mean loss: it counts as one, and each example is a token.
// CHECK-LABEL: func @step
// CHECK: %[[MEAN:.*]]:2 = cleave.gradient
// CHECK: %[[TOKENS:.*]] = cleave.constant {{.*}}dense<8.0
// CHECK: cleave.constant {{.*}}dense<true>
// CHECK: return {{.*}}, %[[MEAN]]#0, %[[TOKENS]], %{{.*}} :
// CHECK-LABEL: func @evaluate
// CHECK: cleave.scale {{.*}}factor = 8.0
module {
  func.func @loss(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %x: tensor<8x8xf32> {cleave.input = "x"})
      -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.matmul %x, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
    %1 = cleave.reduce %0 {kind = "mean", dimensions = array<i64: 0, 1>} : (tensor<8x8xf32>) -> tensor<f32>
    return %1 : tensor<f32>
  }
}

// -----

// Logits stay an entry and drop nothing; a parameter that only they have is drawn too.
// CHECK-LABEL: func @logits
// CHECK-NOT: cleave.dropout
// CHECK: cleave.attention %{{.*}}, %{{.*}}, %{{.*}} {causal = true, cleave.phase = "forward", operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>
// CHECK-LABEL: func @initialize
// CHECK: cleave.name = "initial(w)"
// CHECK: cleave.name = "initial(scale)"
module {
  func.func @logits(%s: tensor<1x4x2x8xf32> {cleave.parameter = "scale"}, %x: tensor<1x4x2x8xf32>
      {cleave.input = "x"}, %rng: tensor<4xi32> {cleave.input = "rng"})
      -> (tensor<1x4x2x8xf32> {cleave.output = "logits"}) attributes {cleave.entry = "logits"} {
    %0 = cleave.dropout %x, %rng {rate = 0.5 : f64, id = 1 : i64} : (tensor<1x4x2x8xf32>, tensor<4xi32>)
        -> tensor<1x4x2x8xf32>
    %1 = cleave.mul %0, %s : (tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32>
    %2, %lse = cleave.attention %1, %1, %1, %rng
        {causal = true, scale = 1.0 : f64, dropout_rate = 0.5 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0,
        0, 1>}
        : (tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<4xi32>)
            -> (tensor<1x4x2x8xf32>, tensor<1x2x4xf32>)
    return %2 : tensor<1x4x2x8xf32>
  }
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// An optimizer of the user's own: its ops are written for each parameter, at the scaled gradient, and nothing changes
// where no label counts. It has states of its own and counts its steps.
// CHECK-LABEL: func @step
// CHECK-SAME: %[[W:[a-z0-9]+]]: tensor<8x16xf32> {cleave.parameter = "w"}
// CHECK-SAME: %[[M:[a-z0-9]+]]: tensor<8x16xf32> {cleave.init = #cleave.init<"constant", mean = 0.5{{.*}}>, cleave.state = "own.m(w)", cleave.state_of = "w"}
// CHECK-SAME: %[[COUNT:[a-z0-9]+]]: tensor<f32> {cleave.state = "own.count"}
// CHECK-SAME: %[[LR:[a-z0-9]+]]: tensor<f32> {cleave.input = "lr"}
// CHECK-SAME: {cleave.updates = "w"}, tensor<8x16xf32> {cleave.updates = "own.m(w)"}, tensor<f32> {cleave.updates = "own.count"}
// CHECK: %[[NEXT:.*]] = cleave.add %[[COUNT]], {{.*}}cleave.name = "own.count.next"
// CHECK: %[[G:.*]] = cleave.mul {{.*}}cleave.name = "scaled_gradient(w)"
// CHECK: %[[STEPS:.*]] = cleave.broadcast %[[NEXT]] {{.*}}cleave.name = "own(w).steps"
// CHECK: %[[M1:.*]] = cleave.add %[[M]], %[[G]] {cleave.name = "own(w).m"
// CHECK: %[[W1:.*]] = cleave.sub %[[W]], %{{.*}} {cleave.name = "own(w).p"
// CHECK: %[[NEW_W:.*]] = cleave.select %{{.*}}, %[[W1]], %[[W]] {cleave.name = "new(w)"
// CHECK: %[[NEW_M:.*]] = cleave.select %{{.*}}, %[[M1]], %[[M]] {cleave.name = "new(own.m(w))"
// CHECK: return %[[NEW_W]], %[[NEW_M]], %[[NEXT]]
// CHECK-NOT: cleave.entry = "update"
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8x16xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32>
      {cleave.input = "x"}, %labels: tensor<4xi32> {cleave.input = "labels"})
      -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
    %1 = cleave.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
    %2, %count, %lse = cleave.cross_entropy %1, %labels : (tensor<4x16xf32>, tensor<4xi32>)
        -> (tensor<f32>, tensor<f32>, tensor<4xf32>)
    return %2, %count : tensor<f32>, tensor<f32>
  }
  func.func @update(%p: tensor<8x16xf32> {cleave.input = "parameter"}, %g: tensor<8x16xf32> {cleave.input = "gradient"},
      %m: tensor<8x16xf32> {cleave.state = "m",
                            cleave.init = #cleave.init<"constant", mean = 0.5, deviation = 0.0, zero_row = -1>},
      %t: tensor<f32> {cleave.input = "step"})
      -> (tensor<8x16xf32> {cleave.updates = "m"}, tensor<8x16xf32> {cleave.updates = "parameter"})
      attributes {cleave.entry = "update"} {
    %t1 = cleave.broadcast %t {cleave.name = "steps", dimensions = array<i64>} : (tensor<f32>) -> tensor<8x16xf32>
    %m1 = cleave.add %m, %g {cleave.name = "m"} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %d = cleave.div %m1, %t1 {cleave.name = "mean"} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    %p1 = cleave.sub %p, %d {cleave.name = "p"} : (tensor<8x16xf32>, tensor<8x16xf32>) -> tensor<8x16xf32>
    return %m1, %p1 : tensor<8x16xf32>, tensor<8x16xf32>
  }
}

// -----

// Metrics come behind: a sum with a count is divided in a step, and stays as it is in an evaluation.
// CHECK-LABEL: func @step
// CHECK-SAME: {cleave.output = "grad_norm"}, tensor<f32> {cleave.output = "metrics.size"}, tensor<f32> {cleave.output = "metrics.hits"}
// CHECK: %[[G:.*]]:5 = cleave.gradient
// CHECK: %[[IS_COUNTED:.*]] = cleave.compare %[[G]]#3, {{.*}}direction = "gt"
// CHECK: %[[DIVISOR:.*]] = cleave.select %[[IS_COUNTED]], %[[G]]#3
// CHECK: %[[HITS:.*]] = cleave.div %[[G]]#2, %[[DIVISOR]] {cleave.name = "metric(hits)"
// CHECK: return {{.*}}, %[[G]]#1, %[[HITS]]
// CHECK-LABEL: func @evaluate
// CHECK-SAME: {cleave.output = "tokens"}, tensor<f32> {cleave.output = "metrics.size"}, tensor<f32> {cleave.output = "metrics.hits"}, tensor<f32> {cleave.output = "metrics.hits.count"}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32> {cleave.input = "x"})
    -> (tensor<f32> {cleave.output = "loss"}, tensor<f32> {cleave.output = "metrics.size"},
        tensor<f32> {cleave.output = "metrics.hits"}, tensor<f32> {cleave.output = "metrics.hits.count"})
    attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  %1 = cleave.reduce %x {kind = "sum", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  %2 = cleave.reduce %x {kind = "max", dimensions = array<i64: 0, 1>} : (tensor<4x8xf32>) -> tensor<f32>
  return %0, %2, %1, %0 : tensor<f32>, tensor<f32>, tensor<f32>, tensor<f32>
}
