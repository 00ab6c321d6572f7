// A step of meta-learning: the loss behind one step on the same batch, differentiated through that step: descent, clipped
// descent, descent with momentum and AdamW, for a weight each.
// Attention has all that it can have: grouped heads, a window, a bias, a mask, segments and dropout.
#normal = #cleave.init<"normal", mean = 0.0, deviation = 0.2, zero_row = -1>
#one = #cleave.init<"constant", mean = 1.0, deviation = 0.0, zero_row = -1>

func.func @loss(
    %ids: tensor<6x8xi32> {cleave.input = "input_ids"},
    %mask: tensor<6x8xi32> {cleave.input = "attention_mask"},
    %segments: tensor<6x8xi32> {cleave.input = "token_type_ids"},
    %labels: tensor<6x8xi32> {cleave.input = "labels"},
    %key: tensor<4xi32> {cleave.input = "rng"},
    %table: tensor<29x16xf32> {cleave.parameter = "table", cleave.init = #normal},
    %g1: tensor<16xf32> {cleave.parameter = "norm_1.weight", cleave.init = #one},
    %wq: tensor<16x16xf32> {cleave.parameter = "q.weight", cleave.init = #normal},
    %wk: tensor<16x8xf32> {cleave.parameter = "k.weight", cleave.init = #normal},
    %wv: tensor<16x8xf32> {cleave.parameter = "v.weight", cleave.init = #normal},
    %bias: tensor<4x8x8xf32> {cleave.parameter = "scores.bias", cleave.init = #normal},
    %wo: tensor<16x16xf32> {cleave.parameter = "o.weight", cleave.init = #normal},
    %g2: tensor<16xf32> {cleave.parameter = "norm_2.weight", cleave.init = #one},
    %wu: tensor<16x24xf32> {cleave.parameter = "up.weight", cleave.init = #normal},
    %wg: tensor<16x24xf32> {cleave.parameter = "gate.weight", cleave.init = #normal},
    %wd: tensor<24x16xf32> {cleave.parameter = "down.weight", cleave.init = #normal})
    -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %table, %ids : (tensor<29x16xf32>, tensor<6x8xi32>) -> tensor<6x8x16xf32>
  %positions = cleave.iota {dimension = 1 : i64} : () -> tensor<6x8xi32>
  %total, %tokens, %slope_wq, %slope_wk, %slope_wo, %slope_wu = cleave.gradient (%wq, %wk, %wo, %wu) wrt [0, 1, 2, 3] {
  ^bb0(%inner_wq: tensor<16x16xf32>, %inner_wk: tensor<16x8xf32>, %inner_wo: tensor<16x16xf32>, %inner_wu: tensor<16x24xf32>):
    %n1_0, %r1_0 = cleave.rms_norm %x, %g1 {epsilon = 1.0e-5 : f64} : (tensor<6x8x16xf32>, tensor<16xf32>) -> (tensor<6x8x16xf32>, tensor<6x8xf32>)
    %q_0 = cleave.matmul %n1_0, %inner_wq : (tensor<6x8x16xf32>, tensor<16x16xf32>) -> tensor<6x8x16xf32>
    %qh_0 = cleave.reshape %q_0 : (tensor<6x8x16xf32>) -> tensor<6x8x4x4xf32>
    %qr_0 = cleave.rotary %qh_0, %positions {layout = "halves", frequencies = array<f64: 1.0, 0.1>}
        : (tensor<6x8x4x4xf32>, tensor<6x8xi32>) -> tensor<6x8x4x4xf32>
    %k_0 = cleave.matmul %n1_0, %inner_wk : (tensor<6x8x16xf32>, tensor<16x8xf32>) -> tensor<6x8x8xf32>
    %kh_0 = cleave.reshape %k_0 : (tensor<6x8x8xf32>) -> tensor<6x8x2x4xf32>
    %kr_0 = cleave.rotary %kh_0, %positions {layout = "halves", frequencies = array<f64: 1.0, 0.1>}
        : (tensor<6x8x2x4xf32>, tensor<6x8xi32>) -> tensor<6x8x2x4xf32>
    %v_0 = cleave.matmul %n1_0, %wv : (tensor<6x8x16xf32>, tensor<16x8xf32>) -> tensor<6x8x8xf32>
    %vh_0 = cleave.reshape %v_0 : (tensor<6x8x8xf32>) -> tensor<6x8x2x4xf32>
    %mixed_0, %alse_0 = cleave.attention %qr_0, %kr_0, %vh_0, %bias, %mask, %segments, %segments, %key
        {causal = true, window = 5 : i64, scale = 0.5 : f64, dropout_rate = 0.1 : f64, id = 3 : i64,
         operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>}
        : (tensor<6x8x4x4xf32>, tensor<6x8x2x4xf32>, tensor<6x8x2x4xf32>, tensor<4x8x8xf32>, tensor<6x8xi32>, tensor<6x8xi32>, tensor<6x8xi32>, tensor<4xi32>)
        -> (tensor<6x8x4x4xf32>, tensor<6x4x8xf32>)
    %joined_0 = cleave.reshape %mixed_0 : (tensor<6x8x4x4xf32>) -> tensor<6x8x16xf32>
    %o_0 = cleave.matmul %joined_0, %inner_wo : (tensor<6x8x16xf32>, tensor<16x16xf32>) -> tensor<6x8x16xf32>
    %drop_0 = cleave.dropout %o_0, %key {rate = 0.1 : f64, id = 4 : i64} : (tensor<6x8x16xf32>, tensor<4xi32>) -> tensor<6x8x16xf32>
    %h_0 = cleave.add %x, %drop_0 : (tensor<6x8x16xf32>, tensor<6x8x16xf32>) -> tensor<6x8x16xf32>
    %n2_0, %r2_0 = cleave.rms_norm %h_0, %g2 {epsilon = 1.0e-5 : f64} : (tensor<6x8x16xf32>, tensor<16xf32>) -> (tensor<6x8x16xf32>, tensor<6x8xf32>)
    %up_0 = cleave.matmul %n2_0, %inner_wu : (tensor<6x8x16xf32>, tensor<16x24xf32>) -> tensor<6x8x24xf32>
    %gate_0 = cleave.matmul %n2_0, %wg : (tensor<6x8x16xf32>, tensor<16x24xf32>) -> tensor<6x8x24xf32>
    %open_0 = cleave.silu %gate_0 : (tensor<6x8x24xf32>) -> tensor<6x8x24xf32>
    %act_0 = cleave.mul %up_0, %open_0 : (tensor<6x8x24xf32>, tensor<6x8x24xf32>) -> tensor<6x8x24xf32>
    %down_0 = cleave.matmul %act_0, %wd : (tensor<6x8x24xf32>, tensor<24x16xf32>) -> tensor<6x8x16xf32>
    %z_0 = cleave.add %h_0, %down_0 : (tensor<6x8x16xf32>, tensor<6x8x16xf32>) -> tensor<6x8x16xf32>
    %logits_0 = cleave.matmul %z_0, %table {transpose_rhs = true} : (tensor<6x8x16xf32>, tensor<29x16xf32>) -> tensor<6x8x29xf32>
    %sum_0, %count_0, %lse_0 = cleave.cross_entropy %logits_0, %labels
        : (tensor<6x8x29xf32>, tensor<6x8xi32>) -> (tensor<f32>, tensor<f32>, tensor<6x8xf32>)
    cleave.yield %sum_0, %count_0 : tensor<f32>, tensor<f32>
  } : (tensor<16x16xf32>, tensor<16x8xf32>, tensor<16x16xf32>, tensor<16x24xf32>)
      -> (tensor<f32>, tensor<f32>, tensor<16x16xf32>, tensor<16x8xf32>, tensor<16x16xf32>, tensor<16x24xf32>)
  %yes = cleave.constant {value = dense<true> : tensor<i1>} : () -> tensor<i1>
  %one_step = cleave.constant {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %rate = cleave.constant {value = dense<0.01> : tensor<f32>} : () -> tensor<f32>
  %size_wq = cleave.sum_squares %slope_wq : (tensor<16x16xf32>) -> tensor<f32>
  %norm_wq = cleave.sqrt %size_wq : (tensor<f32>) -> tensor<f32>
  %clip_wq = cleave.clip_scale %norm_wq {max_norm = 1.0 : f64} : (tensor<f32>) -> tensor<f32>
  %moved_wq = cleave.sgd %wq, %slope_wq, %rate, %clip_wq, %yes
      {momentum = 0.0 : f64, weight_decay = 0.1 : f64, lr_factor = 1.0 : f64}
      : (tensor<16x16xf32>, tensor<16x16xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<16x16xf32>
  %still_wk = cleave.constant {value = dense<0.5> : tensor<16x8xf32>} : () -> tensor<16x8xf32>
  %moved_wk, %buffer_wk = cleave.sgd %wk, %slope_wk, %still_wk, %rate, %one_step, %yes
      {momentum = 0.9 : f64, weight_decay = 0.0 : f64, lr_factor = 0.5 : f64}
      : (tensor<16x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
      -> (tensor<16x8xf32>, tensor<16x8xf32>)
  %m_wo = cleave.constant {value = dense<0.01> : tensor<16x16xf32>} : () -> tensor<16x16xf32>
  %v_wo = cleave.constant {value = dense<0.1> : tensor<16x16xf32>} : () -> tensor<16x16xf32>
  %moved_wo, %m1_wo, %v1_wo = cleave.adamw %wo, %slope_wo, %m_wo, %v_wo, %rate, %one_step, %one_step, %yes
      {beta1 = 0.9 : f64, beta2 = 0.99 : f64, epsilon = 1.0e-8 : f64, weight_decay = 0.1 : f64, lr_factor = 1.0 : f64}
      : (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<f32>, tensor<f32>,
         tensor<f32>, tensor<i1>) -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>)
  %step_wu = cleave.scale %slope_wu {factor = 0.01 : f64} : (tensor<16x24xf32>) -> tensor<16x24xf32>
  %moved_wu = cleave.sub %wu, %step_wu : (tensor<16x24xf32>, tensor<16x24xf32>) -> tensor<16x24xf32>
  %n1_1, %r1_1 = cleave.rms_norm %x, %g1 {epsilon = 1.0e-5 : f64} : (tensor<6x8x16xf32>, tensor<16xf32>) -> (tensor<6x8x16xf32>, tensor<6x8xf32>)
  %q_1 = cleave.matmul %n1_1, %moved_wq : (tensor<6x8x16xf32>, tensor<16x16xf32>) -> tensor<6x8x16xf32>
  %qh_1 = cleave.reshape %q_1 : (tensor<6x8x16xf32>) -> tensor<6x8x4x4xf32>
  %qr_1 = cleave.rotary %qh_1, %positions {layout = "halves", frequencies = array<f64: 1.0, 0.1>}
      : (tensor<6x8x4x4xf32>, tensor<6x8xi32>) -> tensor<6x8x4x4xf32>
  %k_1 = cleave.matmul %n1_1, %moved_wk : (tensor<6x8x16xf32>, tensor<16x8xf32>) -> tensor<6x8x8xf32>
  %kh_1 = cleave.reshape %k_1 : (tensor<6x8x8xf32>) -> tensor<6x8x2x4xf32>
  %kr_1 = cleave.rotary %kh_1, %positions {layout = "halves", frequencies = array<f64: 1.0, 0.1>}
      : (tensor<6x8x2x4xf32>, tensor<6x8xi32>) -> tensor<6x8x2x4xf32>
  %v_1 = cleave.matmul %n1_1, %wv : (tensor<6x8x16xf32>, tensor<16x8xf32>) -> tensor<6x8x8xf32>
  %vh_1 = cleave.reshape %v_1 : (tensor<6x8x8xf32>) -> tensor<6x8x2x4xf32>
  %mixed_1, %alse_1 = cleave.attention %qr_1, %kr_1, %vh_1, %bias, %mask, %segments, %segments, %key
      {causal = true, window = 5 : i64, scale = 0.5 : f64, dropout_rate = 0.1 : f64, id = 3 : i64,
       operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 1, 1>}
      : (tensor<6x8x4x4xf32>, tensor<6x8x2x4xf32>, tensor<6x8x2x4xf32>, tensor<4x8x8xf32>, tensor<6x8xi32>, tensor<6x8xi32>, tensor<6x8xi32>, tensor<4xi32>)
      -> (tensor<6x8x4x4xf32>, tensor<6x4x8xf32>)
  %joined_1 = cleave.reshape %mixed_1 : (tensor<6x8x4x4xf32>) -> tensor<6x8x16xf32>
  %o_1 = cleave.matmul %joined_1, %moved_wo : (tensor<6x8x16xf32>, tensor<16x16xf32>) -> tensor<6x8x16xf32>
  %drop_1 = cleave.dropout %o_1, %key {rate = 0.1 : f64, id = 4 : i64} : (tensor<6x8x16xf32>, tensor<4xi32>) -> tensor<6x8x16xf32>
  %h_1 = cleave.add %x, %drop_1 : (tensor<6x8x16xf32>, tensor<6x8x16xf32>) -> tensor<6x8x16xf32>
  %n2_1, %r2_1 = cleave.rms_norm %h_1, %g2 {epsilon = 1.0e-5 : f64} : (tensor<6x8x16xf32>, tensor<16xf32>) -> (tensor<6x8x16xf32>, tensor<6x8xf32>)
  %up_1 = cleave.matmul %n2_1, %moved_wu : (tensor<6x8x16xf32>, tensor<16x24xf32>) -> tensor<6x8x24xf32>
  %gate_1 = cleave.matmul %n2_1, %wg : (tensor<6x8x16xf32>, tensor<16x24xf32>) -> tensor<6x8x24xf32>
  %open_1 = cleave.silu %gate_1 : (tensor<6x8x24xf32>) -> tensor<6x8x24xf32>
  %act_1 = cleave.mul %up_1, %open_1 : (tensor<6x8x24xf32>, tensor<6x8x24xf32>) -> tensor<6x8x24xf32>
  %down_1 = cleave.matmul %act_1, %wd : (tensor<6x8x24xf32>, tensor<24x16xf32>) -> tensor<6x8x16xf32>
  %z_1 = cleave.add %h_1, %down_1 : (tensor<6x8x16xf32>, tensor<6x8x16xf32>) -> tensor<6x8x16xf32>
  %logits_1 = cleave.matmul %z_1, %table {transpose_rhs = true} : (tensor<6x8x16xf32>, tensor<29x16xf32>) -> tensor<6x8x29xf32>
  %sum_1, %count_1, %lse_1 = cleave.cross_entropy %logits_1, %labels
      : (tensor<6x8x29xf32>, tensor<6x8xi32>) -> (tensor<f32>, tensor<f32>, tensor<6x8xf32>)
  return %sum_1, %count_1 : tensor<f32>, tensor<f32>
}
