// RUN: cleave-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{requires at least one axis}}
cleave.mesh @pod <>

// -----

// expected-error @+1 {{requires sizes of at least 1 and at most 1048576 devices, got 0 for axis 'x'}}
cleave.mesh @pod <"x" = 0>

// -----

// expected-error @+1 {{requires sizes of at least 1 and at most 1048576 devices, got 9223372036854775807 for axis 'y'}}
cleave.mesh @pod <"x" = 2, "y" = 9223372036854775807>

// -----

// expected-error @+1 {{requires kind data or model, got 'tensor' of axis 'x'}}
cleave.mesh @pod <"x" : "tensor" = 2>

// -----

// expected-error @+1 {{requires different axis names, got 'x' twice}}
cleave.mesh @pod <"x" = 2, "x" = 2>

// -----

// expected-error @+1 {{requires a name, a kind and a size for each axis}}
"cleave.mesh"() {sym_name = "pod", names = ["x"], kinds = [], sizes = array<i64: 1>} : () -> ()

// -----

// expected-error @+1 {{requires S(dim), B or P(sum|max|min), got Q}}
func.func private @kind(tensor<4xf32, #cleave.placement<@pod, [Q]>>)

// -----

// expected-error @+1 {{requires a combiner sum, max or min, got mean}}
func.func private @combiner(tensor<4xf32, #cleave.placement<@pod, [P(mean)]>>)

// -----

// expected-error @+1 {{requires a unit of at least 1, got 0}}
func.func private @unit(tensor<4xf32, #cleave.placement<@pod, [S(0, unit=0)]>>)

// -----

// expected-error @+1 {{integer value too large}}
func.func private @huge_unit(tensor<4xf32, #cleave.placement<@pod, [S(0, unit=99999999999999999999)]>>)

// -----

func.func private @distribution(tensor<4xf32>
    // expected-error @+1 {{requires a distribution normal, uniform or constant, got cauchy}}
    {cleave.init = #cleave.init<"cauchy", mean = 0.0, deviation = 1.0, zero_row = -1>})

// -----

func.func private @deviation(tensor<4xf32>
    // expected-error @+1 {{requires a finite deviation of at least 0, got -1}}
    {cleave.init = #cleave.init<"normal", mean = 0.0, deviation = -1.0, zero_row = -1>})

// -----

func.func private @zero_row(tensor<4xf32>
    // expected-error @+1 {{requires a zero_row of at least -1, got -2}}
    {cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 1.0, zero_row = -2>})

// -----

func.func @pin_axes(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires a placement for each axis, got 2 for 1}}
  %0 = cleave.pin %x {axes = ["model"], placements = #cleave.axes<[S(0), B]>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @pin_dimension(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires split dimension below 1, got 1}}
  %0 = cleave.pin %x {axes = ["model"], placements = #cleave.axes<[S(1)]>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

#whole = #cleave.placement<@pod, [B]>

func.func @reshard_shape(%x: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires one shape and element type, got 'tensor<4xf32, #cleave.placement<@pod, [B]>>' and 'tensor<5xf32, #cleave.placement<@pod, [B]>>'}}
  %0 = cleave.reshard %x : tensor<4xf32, #whole> -> tensor<5xf32, #whole>
  return
}

// -----

#whole = #cleave.placement<@pod, [B]>

func.func @reshard_unplaced(%x: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires placements on its operand and its result}}
  %0 = cleave.reshard %x : tensor<4xf32, #whole> -> tensor<4xf32>
  return
}

// -----

#whole = #cleave.placement<@pod, [B]>
#columns = #cleave.placement<@pod, [S(1)]>

func.func @reshard_dimension(%x: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires split dimension below 1, got 1}}
  %0 = cleave.reshard %x : tensor<4xf32, #whole> -> tensor<4xf32, #columns>
  return
}

// -----

#whole = #cleave.placement<@pod, [B]>
#threes = #cleave.placement<@pod, [S(0, unit=3)]>

func.func @reshard_unit(%x: tensor<4xf32, #whole>) {
  // expected-error @+1 {{requires a unit that divides the dimension, got 3}}
  %0 = cleave.reshard %x : tensor<4xf32, #whole> -> tensor<4xf32, #threes>
  return
}

// -----

#whole = #cleave.placement<@pod, [B]>

func.func @all_reduce_of_whole(%x: tensor<4xf32, #whole>) {
  // expected-error @+1 {{can't turn #cleave.placement<@pod, [B]> into #cleave.placement<@pod, [B]> along axis 0}}
  %0 = cleave.all_reduce %x along [0] : tensor<4xf32, #whole> -> tensor<4xf32, #whole>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>

func.func @gather_of_terms(%x: tensor<4xf32, #terms>) {
  // expected-error @+1 {{can't turn #cleave.placement<@pod, [P(sum)]> into #cleave.placement<@pod, [P(sum)]> along axis 0}}
  %0 = cleave.all_gather %x along [0] : tensor<4xf32, #terms> -> tensor<4xf32, #terms>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum), B]>
#whole = #cleave.placement<@pod, [B, B]>

func.func @no_such_axis(%x: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires growing axes below 2, got 2}}
  %0 = cleave.all_reduce %x along [2] : tensor<4xf32, #terms> -> tensor<4xf32, #whole>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum), P(sum)]>
#whole = #cleave.placement<@pod, [B, B]>

func.func @order_of_axes(%x: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires growing axes below 2, got 0}}
  %0 = cleave.all_reduce %x along [1, 0] : tensor<4xf32, #terms> -> tensor<4xf32, #whole>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

func.func @no_axis(%x: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires at least one axis, got 0}}
  %0 = cleave.all_reduce %x along [] : tensor<4xf32, #terms> -> tensor<4xf32, #whole>
  return
}

// -----

#both = #cleave.placement<@pod, [S(0), S(0)]>
#whole = #cleave.placement<@pod, [B, B]>

func.func @two_axes(%x: tensor<4xf32, #both>) {
  // expected-error @+1 {{requires one axis, got 2}}
  %0 = cleave.all_gather %x along [0, 1] : tensor<4xf32, #both> -> tensor<4xf32, #whole>
  return
}

// -----

#terms = #cleave.placement<@pod, [P(sum), P(sum)]>
#whole = #cleave.placement<@pod, [B, B]>

func.func @other_axis(%x: tensor<4xf32, #terms>) {
  // expected-error @+1 {{requires the placement along axis 1 to stay, since it does not run along it}}
  %0 = cleave.all_reduce %x along [0] : tensor<4xf32, #terms> -> tensor<4xf32, #whole>
  return
}

// -----

#both = #cleave.placement<@pod, [S(0), S(0)]>
#minor = #cleave.placement<@pod, [B, S(0)]>

// What a device lacks of the major axis' share lies strewn over the value.
func.func @major_axis(%x: tensor<4xf32, #both>) {
  // expected-error @+1 {{requires axis 0 to be the last of those that split its dimension}}
  %0 = cleave.all_gather %x along [0] : tensor<4xf32, #both> -> tensor<4xf32, #minor>
  return
}

// -----

func.func @unplaced(%x: tensor<4xf32>) {
  // expected-error @+1 {{requires placements on its operand and its result}}
  %0 = cleave.all_reduce %x along [0] : tensor<4xf32> -> tensor<4xf32>
  return
}

// -----

#before = #cleave.placement<@pod, [S(0), S(0), B]>
#after = #cleave.placement<@pod, [B, S(0), S(0)]>

// Axis 1 was the minor one and becomes the major one: what a device lacks lies across it.
func.func @third_axis(%x: tensor<8xf32, #before>) {
  // expected-error @+1 {{requires shares that lie on devices along its axes}}
  %0 = cleave.permute %x along [0, 2] : tensor<8xf32, #before> -> tensor<8xf32, #after>
  return
}

// -----

cleave.mesh @pod <"a" = 2, "b" = 3, "c" = 2>

#before = #cleave.placement<@pod, [S(0), B, S(0)]>
#after = #cleave.placement<@pod, [B, S(0), S(0)]>

// Halves are not thirds.
func.func @sizes(%x: tensor<8xf32, #before>) {
  // expected-error @+1 {{requires shares that lie on devices along its axes}}
  %0 = cleave.permute %x along [0, 1] : tensor<8xf32, #before> -> tensor<8xf32, #after>
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

func.func @bucket_kind(%x: tensor<8xf32, #part>) {
  // expected-error @+1 {{attribute 'kind' failed to satisfy constraint}}
  %0 = cleave.bucket "permute"(%x) along [0] : (tensor<8xf32, #part>) -> tensor<8xf32, #whole>
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#rows = #cleave.placement<@pod, [S(0)]>
#whole = #cleave.placement<@pod, [B]>

// Each value takes the step that the kind says.
func.func @bucket_step(%x: tensor<8xf32, #part>) {
  // expected-error @+1 {{can't turn #cleave.placement<@pod, [P(sum)]> into #cleave.placement<@pod, [S(0)]> along axis 0}}
  %0:2 = cleave.bucket "all_reduce"(%x, %x) along [0] : (tensor<8xf32, #part>, tensor<8xf32, #part>)
      -> (tensor<8xf32, #whole>, tensor<8xf32, #rows>)
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

func.func @bucket_results(%x: tensor<8xf32, #part>) {
  // expected-error @+1 {{requires a result for each operand, and at least one, got 1 for 2}}
  %0 = cleave.bucket "all_reduce"(%x, %x) along [0] : (tensor<8xf32, #part>, tensor<8xf32, #part>)
      -> tensor<8xf32, #whole>
  return
}

// -----

func.func @bucket_of_nothing() {
  // expected-error @+1 {{requires a result for each operand, and at least one, got 0 for 0}}
  cleave.bucket "all_reduce"() along [0] : () -> ()
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

func.func @bucket_elements(%x: tensor<8xf32, #part>, %y: tensor<8xf64, #part>) {
  // expected-error @+1 {{requires one element type for all of its values}}
  %0:2 = cleave.bucket "all_reduce"(%x, %y) along [0] : (tensor<8xf32, #part>, tensor<8xf64, #part>)
      -> (tensor<8xf32, #whole>, tensor<8xf64, #whole>)
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#most = #cleave.placement<@pod, [P(max)]>
#whole = #cleave.placement<@pod, [B]>

func.func @bucket_combiners(%x: tensor<8xf32, #part>, %y: tensor<8xf32, #most>) {
  // expected-error @+1 {{requires one combiner for all of its values}}
  %0:2 = cleave.bucket "all_reduce"(%x, %y) along [0] : (tensor<8xf32, #part>, tensor<8xf32, #most>)
      -> (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>

cleave.mesh @pod <"x" = 2>

func.func @wait_for_what_computes(%x: tensor<8xf32, #whole>) -> tensor<8xf32, #whole> {
  %0 = cleave.relu %x : (tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  // expected-error @+1 {{requires the results of a collective that moves bytes}}
  %1 = cleave.wait %0 : tensor<8xf32, #whole>
  return %1 : tensor<8xf32, #whole>
}

// -----

func.func @wait_for_nothing() {
  // expected-error @+1 {{requires a started collective, got none}}
  "cleave.wait"() : () -> ()
  return
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>
cleave.mesh @pod <"x" = 2>

func.func @two_waits(%x: tensor<8xf32, #part>) -> (tensor<8xf32, #whole>, tensor<8xf32, #whole>) {
  %0 = cleave.all_reduce %x along [0] : tensor<8xf32, #part> -> tensor<8xf32, #whole>
  // expected-error @+1 {{requires to be alone in reading what a started collective brings}}
  %1 = cleave.wait %0 : tensor<8xf32, #whole>
  %2 = cleave.wait %0 : tensor<8xf32, #whole>
  return %1, %2 : tensor<8xf32, #whole>, tensor<8xf32, #whole>
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>
cleave.mesh @pod <"x" = 2>

func.func @read_under_way(%x: tensor<8xf32, #part>) -> (tensor<8xf32, #whole>, tensor<8xf32, #whole>) {
  %0 = cleave.all_reduce %x along [0] : tensor<8xf32, #part> -> tensor<8xf32, #whole>
  %1 = cleave.relu %0 : (tensor<8xf32, #whole>) -> tensor<8xf32, #whole>
  // expected-error @+1 {{requires to be alone in reading what a started collective brings}}
  %2 = cleave.wait %0 : tensor<8xf32, #whole>
  return %1, %2 : tensor<8xf32, #whole>, tensor<8xf32, #whole>
}

// -----

#part = #cleave.placement<@pod, [P(sum)]>
#whole = #cleave.placement<@pod, [B]>
cleave.mesh @pod <"x" = 2>

func.func @wait_for_half_a_bucket(%x: tensor<8xf32, #part>) -> tensor<8xf32, #whole> {
  %0:2 = cleave.bucket "all_reduce"(%x, %x) along [0] : (tensor<8xf32, #part>, tensor<8xf32, #part>)
      -> (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
  // expected-error @+1 {{requires all results of one collective, in their order, got 1 operands for 2 results of cleave.bucket}}
  %1 = cleave.wait %0#1 : tensor<8xf32, #whole>
  return %1 : tensor<8xf32, #whole>
}
