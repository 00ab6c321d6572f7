// RUN: cleave-opt %s --split-input-file --cleave-propagate-placements | FileCheck %s

cleave.mesh @mesh <"model" = 2>

// The pair of matmuls leaves one partial sum, which is resolved before the first op that is not linear in it.
// CHECK-LABEL: func @pair
// CHECK: %[[H:.*]] = cleave.matmul {{.*}} -> tensor<4x32xf32, #cleave.placement<@mesh, [S(1)]>>
// CHECK: %[[G:.*]] = cleave.relu %[[H]] {{.*}} -> tensor<4x32xf32, #cleave.placement<@mesh, [S(1)]>>
// CHECK: %[[Y:.*]] = cleave.matmul %[[G]], {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [P(sum)]>>
// CHECK: %[[W:.*]] = cleave.reshard %[[Y]] {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [B]>>
// CHECK: cleave.relu %[[W]]
func.func @pair(%x: tensor<4x8xf32> {cleave.input = "x"}, %w1: tensor<8x32xf32>
    {cleave.parameter = "w1", cleave.axes = #cleave.axes<[S(1)]>},
                %w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[S(0)]>}) -> tensor<4x8xf32>
                    {
  %0 = cleave.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x32xf32>) -> tensor<4x32xf32>
  %1 = cleave.relu %0 : (tensor<4x32xf32>) -> tensor<4x32xf32>
  %2 = cleave.matmul %1, %w2 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.relu %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// Two partial sums that meet in an add are resolved once, behind it.
// CHECK-LABEL: func @joint
// CHECK: cleave.add {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [P(sum)]>>
// CHECK-COUNT-1: cleave.reshard
// CHECK-NOT: cleave.reshard
func.func @joint(%x: tensor<4x32xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>}, %w1: tensor<32x8xf32>
    {cleave.parameter = "w1", cleave.axes = #cleave.axes<[S(0)]>},
                 %w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[S(0)]>})
                     -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w1 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.matmul %x, %w2 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.add %0, %1 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.tanh %2 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// A partial sum with two readers is resolved once, for both.
// CHECK-LABEL: func @shared
// CHECK: %[[Y:.*]] = cleave.matmul {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [P(sum)]>>
// CHECK: %[[W:.*]] = cleave.reshard %[[Y]]
// CHECK: cleave.add %{{.*}}, %[[W]]
// CHECK: cleave.tanh %[[W]]
// CHECK-NOT: cleave.reshard
func.func @shared(%r: tensor<4x8xf32> {cleave.input = "r"}, %x: tensor<4x32xf32>
    {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>},
                  %w: tensor<32x8xf32> {cleave.parameter = "w", cleave.axes = #cleave.axes<[S(0)]>})
                      -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = cleave.matmul %x, %w : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.add %r, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.tanh %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// An op without work is made again where its result is wanted split.
// CHECK-LABEL: func @again
// CHECK: cleave.broadcast {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [S(0)]>>
// CHECK-NOT: cleave.reshard
func.func @again(%x: tensor<4x8xf32> {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}, %b: tensor<8xf32>
    {cleave.parameter = "b"}) -> tensor<4x8xf32> {
  %0 = cleave.broadcast %b {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
  %1 = cleave.mul %x, %0 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %1 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// A pin is kept behind its reshard.
// CHECK-LABEL: func @pinned
// CHECK: %[[S:.*]] = cleave.reshard {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [S(1)]>>
// CHECK: cleave.pin %[[S]] {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [S(1)]>>
func.func @pinned(%x: tensor<4x8xf32> {cleave.input = "x"}) -> tensor<4x8xf32> {
  %0 = cleave.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.pin %0 {axes = ["model"], placements = #cleave.axes<[S(1)]>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.tanh %1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
  return %2 : tensor<4x8xf32>
}

// -----

cleave.mesh @mesh <"data" = 2>

// An updated parameter lies as it did.
// CHECK-LABEL: func @update
// CHECK: %[[G:.*]] = cleave.outer {{.*}} -> tensor<8x8xf32, #cleave.placement<@mesh, [P(sum)]>>
// CHECK: cleave.reshard %[[G]] {{.*}} -> tensor<8x8xf32, #cleave.placement<@mesh, [B]>>
// CHECK: return {{.*}} : tensor<8x8xf32, #cleave.placement<@mesh, [B]>>
func.func @update(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32>
    {cleave.input = "x", cleave.axes = #cleave.axes<[S(0)]>}) -> (tensor<8x8xf32> {cleave.updates = "w"}) {
  %0 = cleave.outer %x, %x : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
  %1 = cleave.mul %0, %w : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  return %1 : tensor<8x8xf32>
}

// -----

cleave.mesh @mesh <"model" = 2>

// Partial terms of a longer sum are added to each other first, and resolved together.
// CHECK-LABEL: func @sums
// CHECK: %[[A:.*]] = cleave.matmul
// CHECK: %[[B:.*]] = cleave.matmul
// CHECK: %[[S:.*]] = cleave.add %[[A]], %[[B]] {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [P(sum)]>>
// CHECK: %[[W:.*]] = cleave.reshard %[[S]]
// CHECK: cleave.add %{{.*}}, %{{.*}} {{.*}} -> tensor<4x8xf32, #cleave.placement<@mesh, [B]>>
// CHECK-NOT: cleave.reshard
func.func @sums(%r: tensor<4x8xf32> {cleave.input = "r"}, %x: tensor<4x32xf32>
    {cleave.input = "x", cleave.axes = #cleave.axes<[S(1)]>},
                %w1: tensor<32x8xf32> {cleave.parameter = "w1", cleave.axes = #cleave.axes<[S(0)]>},
                    %w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[S(0)]>})
                    -> tensor<4x8xf32> {
  %0 = cleave.matmul %x, %w1 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %1 = cleave.add %0, %r : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  %2 = cleave.matmul %x, %w2 : (tensor<4x32xf32>, tensor<32x8xf32>) -> tensor<4x8xf32>
  %3 = cleave.add %1, %2 : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return %3 : tensor<4x8xf32>
}
