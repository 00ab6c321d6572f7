// RUN: cleave-opt %s --split-input-file --verify-diagnostics --cleave-overlap-ops | FileCheck %s

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// What waits for a transfer gets out of the way of what does not.
// CHECK-LABEL: func @step
// CHECK: cleave.all_reduce {{.*}} {cleave.name = "sum"}
// CHECK-NEXT: cleave.matmul {{.*}} {cleave.name = "free"}
// CHECK-NEXT: cleave.relu {{.*}} {cleave.name = "waits"}
module attributes {cleave.links = {model = "1GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms}}
  func.func @step(%x: tensor<512x512xf32, #p> {cleave.input = "x"}, %y: tensor<512x512xf32, #b> {cleave.input = "y"})
      -> (tensor<512x512xf32, #b> {cleave.output = "w"}, tensor<512x512xf32, #b> {cleave.output = "f"}) attributes
          {cleave.entry = "step"} {
    %0 = cleave.all_reduce %x along [0] {cleave.name = "sum"} : tensor<512x512xf32, #p> -> tensor<512x512xf32, #b>
    %1 = cleave.relu %0 {cleave.name = "waits"} : (tensor<512x512xf32, #b>) -> tensor<512x512xf32, #b>
    %2 = cleave.matmul %y, %y {cleave.name = "free"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    return %1, %2 : tensor<512x512xf32, #b>, tensor<512x512xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Where all that there is to compute waits for the transfer, the order stays.
// CHECK-LABEL: func @step
// CHECK: cleave.all_reduce
// CHECK-NEXT: cleave.relu
// CHECK-NEXT: return
module attributes {cleave.links = {model = "1GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms: too little, left as it is}}
  func.func @step(%x: tensor<512x512xf32, #p> {cleave.input = "x"})
      -> (tensor<512x512xf32, #b> {cleave.output = "w"}) attributes {cleave.entry = "step"} {
    %0 = cleave.all_reduce %x along [0] {cleave.name = "sum"} : tensor<512x512xf32, #p> -> tensor<512x512xf32, #b>
    %1 = cleave.relu %0 {cleave.name = "waits"} : (tensor<512x512xf32, #b>) -> tensor<512x512xf32, #b>
    return %1 : tensor<512x512xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>

// Gathers of parameters run while the products before them are computed.
// CHECK-LABEL: func @step
// CHECK: cleave.all_gather {{.*}} {cleave.name = "w0.whole"}
// CHECK-NEXT: cleave.matmul {{.*}} {cleave.name = "y0"}
// CHECK-NEXT: cleave.all_gather {{.*}} {cleave.name = "w1.whole"}
// CHECK-NEXT: cleave.matmul {{.*}} {cleave.name = "y1"}
module attributes {cleave.links = {data = "0.2GB/s,50us"}} {
  cleave.mesh @mesh <"data" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms}}
  func.func @step(%w0: tensor<1024x1024xf32, #s> {cleave.parameter = "w0"}, %w1: tensor<1024x1024xf32, #s>
      {cleave.parameter = "w1"}, %w2: tensor<1024x1024xf32, #s> {cleave.parameter = "w2"},
      %x: tensor<1024x1024xf32, #b> {cleave.input = "x"})
          -> (tensor<1024x1024xf32, #b> {cleave.output = "y"}) attributes {cleave.entry = "step"} {
    %0 = cleave.all_gather %w0 along [0] {cleave.name = "w0.whole"} : tensor<1024x1024xf32, #s>
        -> tensor<1024x1024xf32, #b>
    %y0 = cleave.matmul %x, %0 {cleave.name = "y0"} : (tensor<1024x1024xf32, #b>, tensor<1024x1024xf32, #b>)
        -> tensor<1024x1024xf32, #b>
    %1 = cleave.all_gather %w1 along [0] {cleave.name = "w1.whole"} : tensor<1024x1024xf32, #s>
        -> tensor<1024x1024xf32, #b>
    %y1 = cleave.matmul %y0, %1 {cleave.name = "y1"} : (tensor<1024x1024xf32, #b>, tensor<1024x1024xf32, #b>)
        -> tensor<1024x1024xf32, #b>
    %2 = cleave.all_gather %w2 along [0] {cleave.name = "w2.whole"} : tensor<1024x1024xf32, #s>
        -> tensor<1024x1024xf32, #b>
    %y2 = cleave.matmul %y1, %2 {cleave.name = "y2"} : (tensor<1024x1024xf32, #b>, tensor<1024x1024xf32, #b>)
        -> tensor<1024x1024xf32, #b>
    return %y2 : tensor<1024x1024xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Without a word where it is forbidden.
// CHECK-LABEL: func @step
// CHECK: cleave.all_reduce
// CHECK-NEXT: cleave.relu
// CHECK-NEXT: cleave.matmul
module attributes {cleave.overlap = [], cleave.links = {model = "1GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  func.func @step(%x: tensor<512x512xf32, #p> {cleave.input = "x"}, %y: tensor<512x512xf32, #b> {cleave.input = "y"})
      -> (tensor<512x512xf32, #b> {cleave.output = "w"}, tensor<512x512xf32, #b> {cleave.output = "f"}) attributes
          {cleave.entry = "step"} {
    %0 = cleave.all_reduce %x along [0] {cleave.name = "sum"} : tensor<512x512xf32, #p> -> tensor<512x512xf32, #b>
    %1 = cleave.relu %0 {cleave.name = "waits"} : (tensor<512x512xf32, #b>) -> tensor<512x512xf32, #b>
    %2 = cleave.matmul %y, %y {cleave.name = "free"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    return %1, %2 : tensor<512x512xf32, #b>, tensor<512x512xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#s1 = #cleave.placement<@mesh, [S(1)]>
#s0 = #cleave.placement<@mesh, [S(0)]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Of two slices that stand side by side, one goes on until its transfer can start, which then hides behind the other.
// CHECK-LABEL: func @step
// CHECK: {cleave.name = "up/0"}
// CHECK-NEXT: {cleave.name = "down/0"}
// CHECK-NEXT: cleave.all_reduce {{.*}} {cleave.name = "sum/0"}
// CHECK-NEXT: {cleave.name = "up/1"}
// CHECK-NEXT: {cleave.name = "down/1"}
// CHECK-NEXT: cleave.all_reduce {{.*}} {cleave.name = "sum/1"}
// CHECK-NEXT: {cleave.name = "next/0"}
// CHECK-NEXT: {cleave.name = "next/1"}
module attributes {cleave.links = {model = "0.2GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms}}
  func.func @step(%x: tensor<512x512xf32, #b> {cleave.input = "x"}, %y: tensor<512x512xf32, #b> {cleave.input = "y"},
      %u: tensor<512x2048xf32, #s1> {cleave.parameter = "u"}, %d: tensor<2048x512xf32, #s0> {cleave.parameter = "d"})
      -> (tensor<512x512xf32, #b> {cleave.output = "w"}, tensor<512x512xf32, #b> {cleave.output = "f"}) attributes
          {cleave.entry = "step"} {
    %0 = cleave.matmul %x, %u {cleave.name = "up/0"} : (tensor<512x512xf32, #b>, tensor<512x2048xf32, #s1>)
        -> tensor<512x2048xf32, #s1>
    %1 = cleave.matmul %y, %u {cleave.name = "up/1"} : (tensor<512x512xf32, #b>, tensor<512x2048xf32, #s1>)
        -> tensor<512x2048xf32, #s1>
    %2 = cleave.matmul %0, %d {cleave.name = "down/0"} : (tensor<512x2048xf32, #s1>, tensor<2048x512xf32, #s0>)
        -> tensor<512x512xf32, #p>
    %3 = cleave.matmul %1, %d {cleave.name = "down/1"} : (tensor<512x2048xf32, #s1>, tensor<2048x512xf32, #s0>)
        -> tensor<512x512xf32, #p>
    %4 = cleave.all_reduce %2 along [0] {cleave.name = "sum/0"} : tensor<512x512xf32, #p> -> tensor<512x512xf32, #b>
    %5 = cleave.all_reduce %3 along [0] {cleave.name = "sum/1"} : tensor<512x512xf32, #p> -> tensor<512x512xf32, #b>
    %6 = cleave.matmul %4, %4 {cleave.name = "next/0"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    %7 = cleave.matmul %5, %5 {cleave.name = "next/1"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    return %6, %7 : tensor<512x512xf32, #b>, tensor<512x512xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#p = #cleave.placement<@mesh, [P(sum)]>

// Of two transfers that could begin, the one that most work waits for takes the link first.
// CHECK-LABEL: func @step
// CHECK: cleave.all_reduce {{.*}} {cleave.name = "feeds_products"}
// CHECK-NEXT: cleave.all_reduce {{.*}} {cleave.name = "feeds_little"}
// CHECK-NEXT: cleave.matmul
module attributes {cleave.links = {model = "1GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms}}
  func.func @step(%x: tensor<512x512xf32, #p> {cleave.input = "x"}, %y: tensor<1024x1024xf32, #p> {cleave.input = "y"})
      -> (tensor<512x512xf32, #b> {cleave.output = "w"}, tensor<1024x1024xf32, #b> {cleave.output = "f"}) attributes
          {cleave.entry = "step"} {
    %0 = cleave.all_reduce %x along [0] {cleave.name = "feeds_little"} : tensor<512x512xf32, #p>
        -> tensor<512x512xf32, #b>
    %1 = cleave.relu %0 {cleave.name = "little"} : (tensor<512x512xf32, #b>) -> tensor<512x512xf32, #b>
    %2 = cleave.all_reduce %y along [0] {cleave.name = "feeds_products"} : tensor<1024x1024xf32, #p>
        -> tensor<1024x1024xf32, #b>
    %3 = cleave.matmul %2, %2 {cleave.name = "product"} : (tensor<1024x1024xf32, #b>, tensor<1024x1024xf32, #b>)
        -> tensor<1024x1024xf32, #b>
    %4 = cleave.matmul %3, %3 {cleave.name = "product_2"} : (tensor<1024x1024xf32, #b>, tensor<1024x1024xf32, #b>)
        -> tensor<1024x1024xf32, #b>
    return %1, %4 : tensor<512x512xf32, #b>, tensor<1024x1024xf32, #b>
  }
}

// -----

#b = #cleave.placement<@mesh, [B]>
#s = #cleave.placement<@mesh, [S(0)]>

// Seen from its end, the step shows that the chain of two gathers goes first, although a longer chain of work waits for
// the other one.
// CHECK-LABEL: func @step
// CHECK: cleave.all_gather {{.*}} {cleave.name = "first"}
// CHECK: cleave.all_gather {{.*}} {cleave.name = "y.again"}
// CHECK: cleave.all_gather {{.*}} {cleave.name = "second"}
// CHECK: cleave.all_gather {{.*}} {cleave.name = "late"}
module attributes {cleave.links = {model = "0.2GB/s,50us"}} {
  cleave.mesh @mesh <"model" = 2>
  // expected-remark-re@+1 {{overlap of 'step': {{[0-9.]+}} ms instead of {{[0-9.]+}} ms}}
  func.func @step(%x: tensor<512x512xf32, #b> {cleave.input = "x"}, %y: tensor<512x512xf32, #b> {cleave.input = "y"})
      -> (tensor<512x512xf32, #b> {cleave.output = "o0"}, tensor<512x512xf32, #b> {cleave.output = "o1"},
          tensor<512x512xf32, #b> {cleave.output = "o2"}, tensor<512x512xf32, #b> {cleave.output = "o3"}) attributes
          {cleave.entry = "step"} {
    %s0 = cleave.local_slice %y along [0] {cleave.name = "y.half"} : tensor<512x512xf32, #b> -> tensor<512x512xf32, #s>
    %v0 = cleave.all_gather %s0 along [0] {cleave.name = "y.again"} : tensor<512x512xf32, #s> -> tensor<512x512xf32, #b>
    %v1 = cleave.matmul %v0, %y {cleave.name = "both"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    %s2 = cleave.local_slice %v1 along [0] {cleave.name = "both.half"} : tensor<512x512xf32, #b>
        -> tensor<512x512xf32, #s>
    %v2 = cleave.all_gather %s2 along [0] {cleave.name = "late"} : tensor<512x512xf32, #s> -> tensor<512x512xf32, #b>
    %s3 = cleave.local_slice %x along [0] {cleave.name = "x.half"} : tensor<512x512xf32, #b> -> tensor<512x512xf32, #s>
    %v3 = cleave.all_gather %s3 along [0] {cleave.name = "first"} : tensor<512x512xf32, #s> -> tensor<512x512xf32, #b>
    %v4 = cleave.matmul %y, %y {cleave.name = "free"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    %s5 = cleave.local_slice %v3 along [0] {cleave.name = "first.half"} : tensor<512x512xf32, #b>
        -> tensor<512x512xf32, #s>
    %v5 = cleave.all_gather %s5 along [0] {cleave.name = "second"} : tensor<512x512xf32, #s> -> tensor<512x512xf32, #b>
    %v6 = cleave.matmul %v1, %v3 {cleave.name = "p"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    %v7 = cleave.matmul %v3, %v3 {cleave.name = "filler"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    %v8 = cleave.matmul %v5, %v6 {cleave.name = "last"} : (tensor<512x512xf32, #b>, tensor<512x512xf32, #b>)
        -> tensor<512x512xf32, #b>
    return %v2, %v4, %v7, %v8 : tensor<512x512xf32, #b>, tensor<512x512xf32, #b>, tensor<512x512xf32, #b>,
        tensor<512x512xf32, #b>
  }
}
