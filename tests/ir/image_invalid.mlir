// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @rank(%x: tensor<4x5x6xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+1 {{requires rank 4 by its rule 'n c [h] [w], o c [p] [q], o -> n o [y] [x]', got 'tensor<4x5x6xf32>'}}
  %0 = cleave.convolution %x, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<4x5x6xf32>, tensor<6x4x3x3xf32>) -> tensor<6x3x4xf32>
  return
}

// -----

func.func @steps(%x: tensor<2x4x5x6xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+2 {{requires two numbers from 1 to 1048576 as strides, got 0, 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.convolution %x, %w {strides = array<i64: 0, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x4x5x6xf32>, tensor<6x4x3x3xf32>) -> tensor<2x6x3x4xf32>
  return
}

// -----

func.func @groups(%x: tensor<2x4x5x6xf32>, %w: tensor<6x2x3x3xf32>) {
  // expected-error @+2 {{requires groups that divide 4 and 6 channels, got 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.convolution %x, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 4 : i64} : (tensor<2x4x5x6xf32>, tensor<6x2x3x3xf32>) -> tensor<2x6x3x4xf32>
  return
}

// -----

func.func @channels(%x: tensor<2x4x5x6xf32>, %w: tensor<6x3x3x3xf32>) {
  // expected-error @+1 {{requires one size for 'c' in 'n c [h] [w], o c [p] [q], o -> n o [y] [x]', got 4 and 3}}
  %0 = cleave.convolution %x, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 1 : i64} : (tensor<2x4x5x6xf32>, tensor<6x3x3x3xf32>) -> tensor<2x6x3x4xf32>
  return
}

// -----

func.func @window(%x: tensor<2x4x5x6xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+2 {{requires windows that fit 5 rows with their padding, got windows of 7}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.convolution %x, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 3, 1>, groups = 1 : i64} : (tensor<2x4x5x6xf32>, tensor<6x4x3x3xf32>) -> tensor<2x6x3x4xf32>
  return
}

// -----

func.func @image(%dy: tensor<2x6x3x4xf32>, %w: tensor<6x4x3x3xf32>) {
  // expected-error @+2 {{requires a gradient of type 'tensor<2x6x7x4xf32>', got 'tensor<2x6x3x4xf32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.convolution_input_gradient %dy, %w {strides = array<i64: 1, 1>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, groups = 1 : i64, image = array<i64: 9, 6>} : (tensor<2x6x3x4xf32>, tensor<6x4x3x3xf32>) -> tensor<2x4x9x6xf32>
  return
}

// -----

func.func @padding(%x: tensor<2x4x5x6xf32>) {
  // expected-error @+2 {{requires a padding of at most half the window 2, got 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.max_pool %x {strides = array<i64: 1, 1>, padding = array<i64: 2, 0>, dilation = array<i64: 1, 1>, window = array<i64: 2, 2>} : (tensor<2x4x5x6xf32>) -> tensor<2x4x8x5xf32>
  return
}

// -----

#rows = #cleave.placement<@pod, [S(2)]>
#whole = #cleave.placement<@pod, [B]>
cleave.mesh @pod <"data" = 2>

// Windows need their neighbours' rows.
func.func @space(%x: tensor<2x4x6x6xf32, #rows>) {
  // expected-error @+1 {{requires placements that its rule 'n c [h] [w] -> n c [y] [x]' allows, got S(2) -> S(2) on axis 0 of @pod}}
  %0 = cleave.average_pool %x {strides = array<i64: 2, 2>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, window = array<i64: 2, 2>} : (tensor<2x4x6x6xf32, #rows>) -> tensor<2x4x3x3xf32, #rows>
  return
}
