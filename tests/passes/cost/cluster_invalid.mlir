// RUN: cleave-opt %s --cleave-propagate-placements --split-input-file --verify-diagnostics

// A cluster's text names line and field of what is wrong.
// expected-error @+1 {{cleave.cluster:1: device requires a value, got none}}
module attributes {cleave.cluster = "name: 'nothing'"} {
  cleave.mesh @mesh <"model" = 2>
}

// -----

// expected-error @+1 {{requires cleave.cluster to be a string, got 3}}
module attributes {cleave.cluster = 3} {
  cleave.mesh @mesh <"model" = 2>
}

// -----

// expected-error @+1 {{cleave.links: requires BANDWIDTH,LATENCY like 1GB/s,50us, got "fast"}}
module attributes {cleave.links = {model = "fast"}} {
  cleave.mesh @mesh <"model" = 2>
}

// -----

// A link is an axis's.
// expected-error @+1 {{cleave.links requires a link of an axis of the mesh (model), got "pipe"}}
module attributes {cleave.links = {pipe = "1GB/s,1us"}} {
  cleave.mesh @mesh <"model" = 2>
}

// -----

// expected-error @+1 {{requires cleave.links to be a dictionary, got "1GB/s,1us"}}
module attributes {cleave.links = "1GB/s,1us"} {
  cleave.mesh @mesh <"model" = 2>
}
