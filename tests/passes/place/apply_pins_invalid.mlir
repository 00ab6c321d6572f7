// RUN: cleave-opt %s --cleave-apply-pins --split-input-file --verify-diagnostics

// A pin that names nothing is a mistake.
// expected-error @+1 {{requires a pin to name a parameter, an input or a value, got 'nobody', which matches none}}
module attributes {cleave.pins = {nobody = {model = "S(0)"}}} {
cleave.mesh @mesh <"model" = 2>
func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) { return }
}

// -----

// An axis is one of the mesh's.
// expected-error @+1 {{requires an axis of the mesh in pin 'w', got 'modle'}}
module attributes {cleave.pins = {w = {modle = "S(0)"}}} {
cleave.mesh @mesh <"model" = 2>
func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) { return }
}

// -----

// A split dimension is one of the value's.
// expected-error @+1 {{requires a pin that fits the value, got S(1) for 'w'}}
module attributes {cleave.pins = {w = {model = "S(1)"}}} {
cleave.mesh @mesh <"model" = 2>
func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) { return }
}

// -----

// A placement is S, B or P.
// expected-error @+1 {{requires a pin like S(0), B or P(sum), got 'half'}}
module attributes {cleave.pins = {w = {model = "half"}}} {
cleave.mesh @mesh <"model" = 2>
func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) { return }
}

// -----

// A parameter is no sum of terms.
// expected-error @+1 {{requires S or B for a pinned argument, got P(sum) for 'w'}}
module attributes {cleave.pins = {w = {model = "P(sum)"}}} {
cleave.mesh @mesh <"model" = 2>
func.func @step(%w: tensor<8xf32> {cleave.parameter = "w"}) { return }
}
