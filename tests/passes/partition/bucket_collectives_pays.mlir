// RUN: cleave-opt %s --cleave-bucket-collectives --split-input-file --verify-diagnostics

#sum = #cleave.placement<@mesh, [P(sum)]>
#whole = #cleave.placement<@mesh, [B]>

// 40 KB take 40 us, and so 40 latencies: there is nothing to gain.
module attributes {cleave.links = {data = "1GB/s,1us"}} {
cleave.mesh @mesh <"data" = 2>
// expected-remark @+1 {{buckets of 'long': 2 collectives differ, or are too long for latency to matter, left as they are}}
func.func @long(%a: tensor<10000xf32, #sum> {cleave.input = "a"}, %b: tensor<10000xf32, #sum>
    {cleave.input = "b"}, %w: tensor<10000xf32, #whole> {cleave.parameter = "w"}, %v: tensor<10000xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<10000xf32, #whole> {cleave.updates = "w"}, tensor<10000xf32, #whole>
    {cleave.updates = "v"}) {
  %ra = cleave.all_reduce %a along [0] {cleave.phase = "backward"} : tensor<10000xf32, #sum>
      -> tensor<10000xf32, #whole>
  %rb = cleave.all_reduce %b along [0] {cleave.phase = "backward"} : tensor<10000xf32, #sum>
      -> tensor<10000xf32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<10000xf32, #whole>, tensor<10000xf32, #whole>)
      -> tensor<10000xf32, #whole>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<10000xf32, #whole>, tensor<10000xf32, #whole>)
      -> tensor<10000xf32, #whole>
  return %w1, %v1 : tensor<10000xf32, #whole>, tensor<10000xf32, #whole>
}
}

// -----

#sum = #cleave.placement<@mesh, [P(sum)]>
#whole = #cleave.placement<@mesh, [B]>

// The same where buckets are asked for.
module attributes {cleave.links = {data = "1GB/s,1us"}, cleave.overlap = ["buckets"]} {
cleave.mesh @mesh <"data" = 2>
// expected-remark @+1 {{buckets of 'forced': 2 collectives in 1, which saves 1.0 us of latency}}
func.func @forced(%a: tensor<10000xf32, #sum> {cleave.input = "a"}, %b: tensor<10000xf32, #sum>
    {cleave.input = "b"}, %w: tensor<10000xf32, #whole> {cleave.parameter = "w"}, %v: tensor<10000xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<10000xf32, #whole> {cleave.updates = "w"}, tensor<10000xf32, #whole>
    {cleave.updates = "v"}) {
  %ra = cleave.all_reduce %a along [0] {cleave.phase = "backward"} : tensor<10000xf32, #sum>
      -> tensor<10000xf32, #whole>
  %rb = cleave.all_reduce %b along [0] {cleave.phase = "backward"} : tensor<10000xf32, #sum>
      -> tensor<10000xf32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<10000xf32, #whole>, tensor<10000xf32, #whole>)
      -> tensor<10000xf32, #whole>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<10000xf32, #whole>, tensor<10000xf32, #whole>)
      -> tensor<10000xf32, #whole>
  return %w1, %v1 : tensor<10000xf32, #whole>, tensor<10000xf32, #whole>
}
}

// -----

#sum = #cleave.placement<@mesh, [P(sum)]>
#whole = #cleave.placement<@mesh, [B]>

// Not a word where other passes are asked for.
module attributes {cleave.links = {data = "1GB/s,1ms"}, cleave.overlap = ["split"]} {
cleave.mesh @mesh <"data" = 2>
func.func @off(%a: tensor<8xf32, #sum> {cleave.input = "a"}, %b: tensor<8xf32, #sum>
    {cleave.input = "b"}, %w: tensor<8xf32, #whole> {cleave.parameter = "w"}, %v: tensor<8xf32, #whole>
    {cleave.parameter = "v"}) -> (tensor<8xf32, #whole> {cleave.updates = "w"}, tensor<8xf32, #whole>
    {cleave.updates = "v"}) {
  %ra = cleave.all_reduce %a along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #whole>
  %rb = cleave.all_reduce %b along [0] {cleave.phase = "backward"} : tensor<8xf32, #sum> -> tensor<8xf32, #whole>
  %w1 = cleave.add %w, %ra {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  %v1 = cleave.add %v, %rb {cleave.phase = "update"} : (tensor<8xf32, #whole>, tensor<8xf32, #whole>)
      -> tensor<8xf32, #whole>
  return %w1, %v1 : tensor<8xf32, #whole>, tensor<8xf32, #whole>
}
}
