// RUN: cleave-opt %s | cleave-opt | FileCheck %s
// RUN: cleave-opt %s --mlir-print-op-generic | cleave-opt | FileCheck %s

// Arithmetic of floats and of integers.
// CHECK-LABEL: func.func @arithmetic
// CHECK: cleave.add {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.add {{%.+}}, {{%.+}} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
// CHECK: cleave.sub {{%.+}}, {{%.+}} : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
// CHECK: cleave.mul {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.div {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.pow {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.maximum {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
// CHECK: cleave.minimum {{%.+}}, {{%.+}} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
// CHECK: cleave.add_n {{%.+}}, {{%.+}}, {{%.+}} : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
func.func @arithmetic(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>, %i: tensor<4xi32>, %j: tensor<4xi64>) {
  %0 = cleave.add %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.add %i, %i : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %2 = cleave.sub %j, %j : (tensor<4xi64>, tensor<4xi64>) -> tensor<4xi64>
  %3 = cleave.mul %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %4 = cleave.div %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %5 = cleave.pow %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %6 = cleave.maximum %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %7 = cleave.minimum %i, %i : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  %8 = cleave.add_n %a, %b, %a : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// Functions of one value, in every float type.
// CHECK-LABEL: func.func @functions
// CHECK: cleave.neg {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.scale {{%.+}} {factor = 5.000000e-01 : f64} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.exp {{%.+}} : (tensor<4xf64>) -> tensor<4xf64>
// CHECK: cleave.log {{%.+}} : (tensor<4xbf16>) -> tensor<4xbf16>
// CHECK: cleave.sqrt {{%.+}} : (tensor<4xf16>) -> tensor<4xf16>
// CHECK: cleave.rsqrt {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.abs {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.sin {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.cos {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.tanh {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.sigmoid {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
func.func @functions(%x: tensor<4xf32>, %d: tensor<4xf64>, %h: tensor<4xbf16>, %g: tensor<4xf16>) {
  %0 = cleave.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = cleave.scale %x {factor = 5.000000e-01 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %2 = cleave.exp %d : (tensor<4xf64>) -> tensor<4xf64>
  %3 = cleave.log %h : (tensor<4xbf16>) -> tensor<4xbf16>
  %4 = cleave.sqrt %g : (tensor<4xf16>) -> tensor<4xf16>
  %5 = cleave.rsqrt %x : (tensor<4xf32>) -> tensor<4xf32>
  %6 = cleave.abs %x : (tensor<4xf32>) -> tensor<4xf32>
  %7 = cleave.sin %x : (tensor<4xf32>) -> tensor<4xf32>
  %8 = cleave.cos %x : (tensor<4xf32>) -> tensor<4xf32>
  %9 = cleave.tanh %x : (tensor<4xf32>) -> tensor<4xf32>
  %10 = cleave.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// Activations and their gradients.
// CHECK-LABEL: func.func @activations
// CHECK: cleave.relu {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.relu_gradient {{%.+}}, {{%.+}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.silu {{%.+}} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.silu_gradient {{%.+}}, {{%.+}} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.gelu {{%.+}} {approximate = "tanh"} : (tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.gelu_gradient {{%.+}}, {{%.+}} {approximate = "none"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @activations(%x: tensor<4xf32>, %dy: tensor<4xf32>) {
  %0 = cleave.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = cleave.relu_gradient %x, %dy : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = cleave.silu %x : (tensor<4xf32>) -> tensor<4xf32>
  %3 = cleave.silu_gradient %x, %dy : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = cleave.gelu %x {approximate = "tanh"} : (tensor<4xf32>) -> tensor<4xf32>
  %5 = cleave.gelu_gradient %x, %dy {approximate = "none"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// Comparisons, truth values and choices.
// CHECK-LABEL: func.func @choices
// CHECK: cleave.compare {{%.+}}, {{%.+}} {direction = "lt"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
// CHECK: cleave.compare {{%.+}}, {{%.+}} {direction = "ge"} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
// CHECK: cleave.logical_and {{%.+}}, {{%.+}} : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
// CHECK: cleave.logical_or {{%.+}}, {{%.+}} : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
// CHECK: cleave.logical_not {{%.+}} : (tensor<4xi1>) -> tensor<4xi1>
// CHECK: cleave.select {{%.+}}, {{%.+}}, {{%.+}} : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
// CHECK: cleave.convert {{%.+}} : (tensor<4xi32>) -> tensor<4xf32>
// CHECK: cleave.convert {{%.+}} : (tensor<4xf32>) -> tensor<4xi1>
func.func @choices(%a: tensor<4xf32>, %i: tensor<4xi32>, %m: tensor<4xi1>) {
  %0 = cleave.compare %a, %a {direction = "lt"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  %1 = cleave.compare %i, %i {direction = "ge"} : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi1>
  %2 = cleave.logical_and %m, %m : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %3 = cleave.logical_or %m, %m : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  %4 = cleave.logical_not %m : (tensor<4xi1>) -> tensor<4xi1>
  %5 = cleave.select %m, %a, %a : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %6 = cleave.convert %i : (tensor<4xi32>) -> tensor<4xf32>
  %7 = cleave.convert %a : (tensor<4xf32>) -> tensor<4xi1>
  return
}

// Random numbers, with and without the attributes that have defaults.
// CHECK-LABEL: func.func @randomness
// CHECK: cleave.dropout {{%.+}}, {{%.+}} {id = 7 : i64, rate = 1.000000e-01 : f64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
// CHECK: cleave.dropout {{%.+}}, {{%.+}} {element_offset = 32 : i64, id = 7 : i64, rate = 1.000000e-01 : f64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
// CHECK: cleave.random {{%.+}} {deviation = 2.000000e-02 : f64, distribution = "normal", id = 3 : i64, mean = 0.000000e+00 : f64} : (tensor<4xi32>) -> tensor<96x64xf32>
// CHECK: cleave.random {{%.+}} {deviation = 1.000000e+00 : f64, distribution = "uniform", id = 3 : i64, mean = 0.000000e+00 : f64, zero_row = 2 : i64} : (tensor<4xi32>) -> tensor<96x64xf32>
func.func @randomness(%x: tensor<4x8xf32>, %key: tensor<4xi32>) {
  %0 = cleave.dropout %x, %key {id = 7 : i64, rate = 1.000000e-01 : f64} : (tensor<4x8xf32>, tensor<4xi32>)
      -> tensor<4x8xf32>
  %1 = cleave.dropout %x, %key {element_offset = 32 : i64, id = 7 : i64, rate = 1.000000e-01 : f64}
      : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
  %2 = cleave.random %key {deviation = 2.000000e-02 : f64, distribution = "normal", id = 3 : i64,
      mean = 0.000000e+00 : f64} : (tensor<4xi32>) -> tensor<96x64xf32>
  %3 = cleave.random %key {deviation = 1.000000e+00 : f64, distribution = "uniform", id = 3 : i64,
      mean = 0.000000e+00 : f64, zero_row = 2 : i64} : (tensor<4xi32>) -> tensor<96x64xf32>
  return
}

#rows = #cleave.placement<@pod, [S(0), B]>
#terms = #cleave.placement<@pod, [S(0), P(sum)]>
#greatest = #cleave.placement<@pod, [B, P(max)]>
#least = #cleave.placement<@pod, [B, P(min)]>

// Sums of terms add, a term may be multiplied by a whole value, and negation makes the greatest the least.
// CHECK-LABEL: func.func @placed
// CHECK: cleave.add {{%.+}}, {{%.+}} : (tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>, tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>) -> tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>
// CHECK: cleave.mul {{%.+}}, {{%.+}} : (tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>, tensor<4x8xf32, #cleave.placement<@pod, [S(0), B]>>) -> tensor<4x8xf32, #cleave.placement<@pod, [S(0), P(sum)]>>
// CHECK: cleave.neg {{%.+}} : (tensor<4x8xf32, #cleave.placement<@pod, [B, P(max)]>>) -> tensor<4x8xf32, #cleave.placement<@pod, [B, P(min)]>>
func.func @placed(%a: tensor<4x8xf32, #terms>, %b: tensor<4x8xf32, #rows>, %c: tensor<4x8xf32, #greatest>) {
  %0 = cleave.add %a, %a : (tensor<4x8xf32, #terms>, tensor<4x8xf32, #terms>) -> tensor<4x8xf32, #terms>
  %1 = cleave.mul %a, %b : (tensor<4x8xf32, #terms>, tensor<4x8xf32, #rows>) -> tensor<4x8xf32, #terms>
  %2 = cleave.neg %c : (tensor<4x8xf32, #greatest>) -> tensor<4x8xf32, #least>
  return
}
