// RUN: cleave-opt %s --split-input-file --verify-diagnostics

func.func @sizes(%a: tensor<4x8xf32>, %b: tensor<4x6xf32>) {
  // expected-error @+1 {{requires one size for '...1' in '..., ... -> ...', got 8 and 6}}
  %0 = cleave.add %a, %b : (tensor<4x8xf32>, tensor<4x6xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @ranks(%a: tensor<4x8xf32>, %b: tensor<8xf32>) {
  // expected-error @+1 {{requires one size for '...0' in '..., ... -> ...', got 4 and 8}}
  %0 = cleave.mul %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @float_and_integer(%a: tensor<4xf32>, %b: tensor<4xi32>) {
  // expected-error @+2 {{requires one element type, got 'tensor<4xf32>' and 'tensor<4xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.add %a, %b : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @two_floats(%a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @+1 {{requires one element type for all of its floats, got 'tensor<4xf32>' and 'tensor<4xf64>'}}
  %0 = cleave.div %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}

// -----

func.func @compared(%a: tensor<4xi32>, %b: tensor<4xi64>) {
  // expected-error @+2 {{requires one element type, got 'tensor<4xi32>' and 'tensor<4xi64>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.compare %a, %b {direction = "lt"} : (tensor<4xi32>, tensor<4xi64>) -> tensor<4xi1>
  return
}

// -----

func.func @chosen(%m: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<4xi32>) {
  // expected-error @+2 {{requires one element type, got 'tensor<4xf32>' and 'tensor<4xi32>'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = cleave.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @result(%a: tensor<4xf32>) {
  // expected-error @+1 {{requires one element type for all of its floats, got 'tensor<4xf32>' and 'tensor<4xf64>'}}
  %0 = cleave.relu %a : (tensor<4xf32>) -> tensor<4xf64>
  return
}

// -----

func.func @integer_result(%a: tensor<4xi32>) {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inferred type(s) 'tensor<4xi32>' are incompatible with return type(s) of operation 'tensor<4xi64>'}}
  %0 = cleave.add %a, %a : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi64>
  return
}

// -----

func.func @integers(%a: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be statically shaped tensor of 32-bit float or 64-bit float or bfloat16 type or 16-bit float values}}
  %0 = cleave.exp %a : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @dynamic(%a: tensor<?x4xf32>) {
  // expected-error @+1 {{operand #0 must be statically shaped tensor}}
  %0 = cleave.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @unranked(%a: tensor<*xf32>) {
  // expected-error @+1 {{operand #0 must be statically shaped tensor}}
  %0 = cleave.relu %a : (tensor<*xf32>) -> tensor<*xf32>
  return
}

// -----

func.func @missing(%a: tensor<4xf32>) {
  // expected-error @+1 {{expected 2 operands, but found 1}}
  %0 = "cleave.add"(%a) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @nothing_to_add() {
  // expected-error @+2 {{requires at least one term, got none}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = "cleave.add_n"() : () -> tensor<4xf32>
  return
}

// -----

func.func @direction(%a: tensor<4xf32>) {
  // expected-error @+1 {{attribute 'direction' failed to satisfy constraint: string attribute one of eq, ne, lt, le, gt, ge}}
  %0 = cleave.compare %a, %a {direction = "above"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return
}

// -----

func.func @approximate(%a: tensor<4xf32>) {
  // expected-error @+1 {{requires attribute 'approximate'}}
  %0 = cleave.gelu %a : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @rate(%a: tensor<4xf32>, %key: tensor<4xi32>) {
  // expected-error @+1 {{requires a dropout rate of at least 0 and below 1, got 1}}
  %0 = cleave.dropout %a, %key {rate = 1.0 : f64, id = 7 : i64} : (tensor<4xf32>, tensor<4xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @key(%a: tensor<4xf32>, %key: tensor<5xi32>) {
  // expected-error @+1 {{operand #1 must be random key of type tensor<4xi32>, but got 'tensor<5xi32>'}}
  %0 = cleave.dropout %a, %key {rate = 0.5 : f64, id = 7 : i64} : (tensor<4xf32>, tensor<5xi32>) -> tensor<4xf32>
  return
}

// -----

func.func @too_many_dimensions(%a: tensor<1x1x1x1x1x1x1x1x1xf32>) {
  // expected-error @+1 {{requires ranks of at most 8, got 'tensor<1x1x1x1x1x1x1x1x1xf32>'}}
  %0 = cleave.relu %a : (tensor<1x1x1x1x1x1x1x1x1xf32>) -> tensor<1x1x1x1x1x1x1x1x1xf32>
  return
}

// -----

func.func @too_many_elements(%a: tensor<4294967296x4294967296xf32>) {
  // expected-error @+1 {{requires fewer elements than 2^42, got 'tensor<4294967296x4294967296xf32>'}}
  %0 = cleave.relu %a : (tensor<4294967296x4294967296xf32>) -> tensor<4294967296x4294967296xf32>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

// The exponential of a sum is not the sum of exponentials.
func.func @partial_through_exp(%a: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum) -> P(sum) on axis 0 of @pod with rule '... -> ...'}}
  %0 = cleave.exp %a : (tensor<4xf32, #terms>) -> tensor<4xf32, #terms>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

// A product of two sums has more terms than devices.
func.func @partial_times_partial(%a: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum), P(sum) -> P(sum)}}
  %0 = cleave.mul %a, %a : (tensor<4xf32, #terms>, tensor<4xf32, #terms>) -> tensor<4xf32, #terms>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

// A whole value that is added to terms would be counted once for each device.
func.func @partial_plus_whole(%a: tensor<4xf32, #terms>, %b: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires partial operands only where it is linear in them, got P(sum), B -> P(sum)}}
  %0 = cleave.add %a, %b : (tensor<4xf32, #terms>, tensor<4xf32, #whole>) -> tensor<4xf32, #terms>
  return
}

// -----

#greatest = #cleave.placement<@pod, [P(max)]>

// Negation turns the greatest into the least.
func.func @negated_maximum(%a: tensor<4xf32, #greatest>) {
  // expected-error @+1 {{got P(max) -> P(max)}}
  %0 = cleave.neg %a : (tensor<4xf32, #greatest>) -> tensor<4xf32, #greatest>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

// Dropping the fractions of terms is not dropping the fraction of their sum.
func.func @truncated_terms(%a: tensor<4xf32, #terms>) {
  // expected-error @+1 {{got P(sum) -> P(sum)}}
  %0 = cleave.convert %a : (tensor<4xf32, #terms>) -> tensor<4xi32, #terms>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

func.func @partial_truth(%m: tensor<4xi1, #terms>) {
  // expected-error @+1 {{requires numbers where a value is partial, got 'tensor<4xi1, #cleave.placement<@pod, [P(sum)]>>'}}
  %0 = cleave.logical_not %m : (tensor<4xi1, #terms>) -> tensor<4xi1, #terms>
  return
}

// -----

#mixed = #cleave.placement<@pod, [P(sum), P(max)]>

func.func @two_combiners(%a: tensor<4xf32, #mixed>) {
  // expected-error @+1 {{requires one combiner for all axes along which a value is partial, got sum and max}}
  %0 = cleave.convert %a : (tensor<4xf32, #mixed>) -> tensor<4xf32, #mixed>
  return
}

// -----

#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

func.func @rows_plus_whole(%a: tensor<4xf32, #rows>, %b: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires placements that its rule '..., ... -> ...' allows, got S(0), B -> S(0) on axis 0 of @pod}}
  %0 = cleave.add %a, %b : (tensor<4xf32, #rows>, tensor<4xf32, #whole>) -> tensor<4xf32, #rows>
  return
}

// -----

#rows = #cleave.placement<@pod, [S(0)]>

func.func @half_placed(%a: tensor<4xf32, #rows>, %b: tensor<4xf32>) {
  // expected-error @+1 {{requires a placement on all of its values or on none}}
  %0 = cleave.add %a, %b : (tensor<4xf32, #rows>, tensor<4xf32>) -> tensor<4xf32, #rows>
  return
}

// -----

#here = #cleave.placement<@pod, [B]>
#there = #cleave.placement<@ring, [B]>

func.func @two_meshes(%a: tensor<4xf32, #here>) {
  // expected-error @+1 {{requires one mesh, got @pod and @ring}}
  %0 = cleave.relu %a : (tensor<4xf32, #here>) -> tensor<4xf32, #there>
  return
}

// -----

#one = #cleave.placement<@pod, [B]>
#two = #cleave.placement<@pod, [B, B]>

func.func @two_ranks_of_mesh(%a: tensor<4xf32, #one>) {
  // expected-error @+1 {{requires one placement for each mesh axis, got #cleave.placement<@pod, [B]> and #cleave.placement<@pod, [B, B]>}}
  %0 = cleave.relu %a : (tensor<4xf32, #one>) -> tensor<4xf32, #two>
  return
}

// -----

#columns = #cleave.placement<@pod, [S(1)]>

func.func @no_such_dimension(%a: tensor<4xf32, #columns>) {
  // expected-error @+1 {{requires split dimension below 1, got 1 in 'tensor<4xf32, #cleave.placement<@pod, [S(1)]>>'}}
  %0 = cleave.relu %a : (tensor<4xf32, #columns>) -> tensor<4xf32, #columns>
  return
}

// -----

#threes = #cleave.placement<@pod, [S(0, unit=3)]>

func.func @unit(%a: tensor<4xf32, #threes>) {
  // expected-error @+1 {{requires a unit that divides the dimension, got 3 in}}
  %0 = cleave.relu %a : (tensor<4xf32, #threes>) -> tensor<4xf32, #threes>
  return
}

// -----

#both = #cleave.placement<@pod, [S(0), S(0, unit=2)]>

func.func @units(%a: tensor<4xf32, #both>) {
  // expected-error @+1 {{requires one unit for all axes that split a dimension, got 1 and 2 in}}
  %0 = cleave.relu %a : (tensor<4xf32, #both>) -> tensor<4xf32, #both>
  return
}

// -----

#ones = #cleave.placement<@pod, [S(0)]>
#twos = #cleave.placement<@pod, [S(0, unit=2)]>

func.func @other_unit(%a: tensor<4xf32, #ones>) {
  // expected-error @+1 {{got S(0) -> S(0, unit=2) on axis 0 of @pod}}
  %0 = cleave.relu %a : (tensor<4xf32, #ones>) -> tensor<4xf32, #twos>
  return
}
