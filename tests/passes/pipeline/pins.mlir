// A pin stands, and the rules give way: where the pin counts a dimension in elements, the model axis can't count it in
// heads.
//
// RUN: echo '{"pins": {"w1": {"data": "S(1)"}}}' > %t.json
// RUN: cleave-compile compile %s -o %t.plan --mesh data=2,model=2 --optimizer sgd --pins %t.json
// RUN: cleave-run print-plan %t.plan | FileCheck %s --check-prefix=PINNED
// PINNED: parameter w1: 30x30xf32 [S(1), B]
//
// Without it the pair splits by heads; a pin that says no more than B along data changes nothing of that, in any entry.
//
// RUN: echo '{"pins": {"w1": {"data": "B"}}}' > %t.json
// RUN: cleave-compile compile %s -o %t.plan --mesh data=2,model=2 --optimizer sgd --pins %t.json
// RUN: cleave-run print-plan %t.plan | FileCheck %s --check-prefix=WHOLE
// WHOLE: parameter w1: 30x30xf32 [B, S(1, unit=10)]
// WHOLE: parameter w2: 30x30xf32 [B, S(0, unit=10)]

func.func @loss(%w1: tensor<30x30xf32> {cleave.parameter = "w1", cleave.init = #cleave.init<"normal", mean = 0.0,
    deviation = 0.1, zero_row = -1>},
                %w2: tensor<30x30xf32> {cleave.parameter = "w2", cleave.init = #cleave.init<"normal", mean = 0.0,
                    deviation = 0.1, zero_row = -1>},
                %x: tensor<4x30xf32> {cleave.input = "x"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.matmul %x, %w1 : (tensor<4x30xf32>, tensor<30x30xf32>) -> tensor<4x30xf32>
  %1 = cleave.reshape %0 : (tensor<4x30xf32>) -> tensor<4x3x10xf32>
  %2 = cleave.relu %1 : (tensor<4x3x10xf32>) -> tensor<4x3x10xf32>
  %3 = cleave.reshape %2 : (tensor<4x3x10xf32>) -> tensor<4x30xf32>
  %4 = cleave.matmul %3, %w2 : (tensor<4x30xf32>, tensor<30x30xf32>) -> tensor<4x30xf32>
  %5 = cleave.sum_squares %4 : (tensor<4x30xf32>) -> tensor<f32>
  return %5 : tensor<f32>
}
