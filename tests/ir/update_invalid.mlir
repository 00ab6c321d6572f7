// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @new_buffer(%p: tensor<8xf32>, %s: tensor<f32>, %a: tensor<i1>) {
  // expected-error @+1 {{requires a new buffer where there is a buffer, and only there}}
  %0:2 = cleave.sgd %p, %p, %s, %s, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> (tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @two_new_buffers(%p: tensor<8xf32>, %s: tensor<f32>, %a: tensor<i1>) {
  // expected-error @+1 {{requires a new buffer where there is a buffer, and only there}}
  %0:3 = cleave.sgd %p, %p, %s, %s, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>)
          -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @gradient_shape(%p: tensor<8xf32>, %g: tensor<7xf32>, %s: tensor<f32>, %a: tensor<i1>) {
  // expected-error @+1 {{requires one size for '...0' in '..., ..., ..., , ,  -> ..., ...', got 8 and 7}}
  %0 = cleave.sgd %p, %g, %s, %s, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<7xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
  return
}

// -----

func.func @rate_of_each(%p: tensor<8xf32>, %a: tensor<i1>) {
  // expected-error @+1 {{requires rank 0 by its rule}}
  %0 = cleave.sgd %p, %p, %p, %p, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<i1>) -> tensor<8xf32>
  return
}

// -----

func.func @moments(%p: tensor<8xf32>, %m: tensor<8xf64>, %s: tensor<f32>, %a: tensor<i1>) {
  // expected-error @+1 {{requires one element type for all of its floats, got 'tensor<8xf32>' and 'tensor<8xf64>'}}
  %0:3 = cleave.adamw %p, %p, %m, %p, %s, %s, %s, %a
      {beta1 = 0.9 : f64, beta2 = 0.99 : f64, epsilon = 1.0e-8 : f64, weight_decay = 0.1 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32>, tensor<8xf32>, tensor<8xf64>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i1>)
      -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
  return
}

// -----

func.func @norm(%n: tensor<8xf32>) {
  // expected-error @+1 {{requires rank 0 by its rule ' -> ', got 'tensor<8xf32>'}}
  %0 = cleave.clip_scale %n {max_norm = 1.0 : f64} : (tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

// A gradient that nobody has added up yet must not reach an update.
func.func @partial_gradient(%p: tensor<8xf32, #whole>, %g: tensor<8xf32, #terms>, %s: tensor<f32, #whole>,
    %a: tensor<i1, #whole>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got B, P(sum), B, B, B -> B on axis 0 of @pod}}
  %0 = cleave.sgd %p, %g, %s, %s, %a {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
      : (tensor<8xf32, #whole>, tensor<8xf32, #terms>, tensor<f32, #whole>, tensor<f32, #whole>, tensor<i1, #whole>)
          -> tensor<8xf32, #whole>
  return
}
