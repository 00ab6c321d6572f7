// The passes, in the order of the pipeline. pipeline.cc says how they follow each other.

include "mlir/Pass/PassBase.td"

//===- normalize --------------------------------------------------------------------------------===//

def NameValuesPass : Pass<"cleave-name-values", "::mlir::ModuleOp"> {
  let summary = "Gives every op a name that is unique in its function";
  let description = [{
    An op that has a name keeps it (a second one of the same name gets a number). The others are named after their kind.

    Before:
    ```mlir
    %0 = cleave.relu %x : (tensor<8xf32>) -> tensor<8xf32>
    ```
    After:
    ```mlir
    %0 = cleave.relu %x {cleave.name = "relu"} : (tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
}

def MarkLayersPass : Pass<"cleave-mark-layers", "::mlir::ModuleOp"> {
  let summary = "Finds repeated layers where nobody has marked them";
  let description = [{
    Runs of ops that repeat with other parameters, each fed by the one before, become instances of one layer class.
    Marks that are there stay.

    Before:
    ```mlir
    %1 = cleave.matmul %x, %w0 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %2 = cleave.relu %1 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %3 = cleave.matmul %2, %w1 : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %4 = cleave.relu %3 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
    After:
    ```mlir
    %1 = cleave.matmul %x, %w0 {cleave.layer = #cleave.layer<"layer", 0>} : ...
    %2 = cleave.relu %1 {cleave.layer = #cleave.layer<"layer", 0>} : ...
    %3 = cleave.matmul %2, %w1 {cleave.layer = #cleave.layer<"layer", 1>} : ...
    %4 = cleave.relu %3 {cleave.layer = #cleave.layer<"layer", 1>} : ...
    ```
  }];
}

//===- differentiate ----------------------------------------------------------------------------===//

def BuildStepPass : Pass<"cleave-build-step", "::mlir::ModuleOp"> {
  let summary = "Makes the entries of a training plan from the forward loss function";
  let description = [{
    `step` takes parameters, optimizer state, a batch, the learning rate and the random key, and gives updated
    parameters and state, and the metrics loss, tokens and grad_norm. Its gradients stand in a `cleave.gradient`, for
    the whole batch; the number of microbatches is noted as its `cleave.microbatches`. `evaluate` is the loss as it is
    when nothing is trained, `initialize` draws the parameters. Options come from the module's `cleave.training`.

    Results of the loss with `cleave.output = "metrics.NAME"` are figures that `step` and `evaluate` give too. Functions with
    `cleave.entry = "update"` are an optimizer of the user's own, one for each type of a parameter: the ops of each are
    written for every parameter of its type.

    Before:
    ```mlir
    func.func @loss(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %x: tensor<4x8xf32> {cleave.input = "x"})
        -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"})
        attributes {cleave.entry = "loss"}
    ```
    After:
    ```mlir
    func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"}, %m: tensor<8x8xf32> {cleave.state = "adamw.m(w)"},
                    ...)
        -> (tensor<8x8xf32> {cleave.updates = "w"}, ..., tensor<f32> {cleave.output = "loss"})
        attributes {cleave.entry = "step"}
    ```
  }];
}

def ExpandGradientsPass : Pass<"cleave-expand-gradients", "::mlir::ModuleOp"> {
  let summary = "Replaces each gradient op by its region and the ops that compute the gradients";
  let description = [{
    Reverse mode, from the inside out. Gradients of a value with several uses are added in the order in which they
    arise; adjoints are named `grad(name)` and have the layer of the op that they belong to. An op without a gradient of
    its own is replaced by its generic form first. In a gradient's region inside another one's, so is each op that has a
    generic form: every op that can be differentiated can be so any number of times.

    Before:
    ```mlir
    %y, %dx = cleave.gradient (%x) wrt [0] {
    ^bb0(%a: tensor<8xf32>):
      %s = cleave.sum_squares %a : (tensor<8xf32>) -> tensor<f32>
      cleave.yield %s : tensor<f32>
    } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
    ```
    After:
    ```mlir
    %y = cleave.sum_squares %x : (tensor<8xf32>) -> tensor<f32>
    %1 = cleave.scale %one {factor = 2.0 : f64} : (tensor<f32>) -> tensor<f32>
    %2 = cleave.broadcast %1 {dimensions = array<i64>} : (tensor<f32>) -> tensor<8xf32>
    %dx = cleave.mul %2, %x : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
}

//===- place ------------------------------------------------------------------------------------===//

def ChunkBatchPass : Pass<"cleave-chunk-batch", "::mlir::ModuleOp"> {
  let summary = "Runs forward and backward of an entry on microbatches, one after the other";
  let description = [{
    Where an entry has `cleave.microbatches`, a `cleave.chunked` takes the place of its ops of these phases. Each op in
    it works on a slice of the batch, as its rule allows; what the update reads is summed over the slices. What does not
    depend on the batch stays outside and runs once. Data inputs get a dimension of microbatches, so that each of them
    can split over devices. An op that can't work on slices (the division of one sum over the batch by another) is an
    error.

    Before:
    ```mlir
    func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"},
                    %x: tensor<4x8xf32> {cleave.input = "x", cleave.batch_dim = 0 : i64}, ...)
        -> (...) attributes {cleave.entry = "step", cleave.microbatches = 2 : i64} {
      %y = cleave.matmul %x, %w {cleave.phase = "forward"} : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
      %dy = cleave.scale %y {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
      %dw = cleave.outer %x, %dy {cleave.phase = "backward"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
      %w1 = cleave.sgd %w, %dw, ... {cleave.phase = "update"} : ...
    ```
    After:
    ```mlir
    func.func @step(%w: tensor<8x8xf32> {cleave.parameter = "w"},
                    %x: tensor<2x2x8xf32> {cleave.input = "x", cleave.batch_dim = 1 : i64}, ...)
        -> (...) attributes {cleave.entry = "step"} {
      %dw = cleave.chunked 2(%x, %w) [S(0), B] -> [P(sum)] {
      ^bb0(%x1: tensor<1x2x8xf32>, %same: tensor<8x8xf32>):
        %x2 = cleave.reshape %x1 {cleave.phase = "forward"} : (tensor<1x2x8xf32>) -> tensor<2x8xf32>
        %y = cleave.matmul %x2, %same {cleave.phase = "forward"} : (tensor<2x8xf32>, tensor<8x8xf32>) -> tensor<2x8xf32>
        %dy = cleave.scale %y {factor = 2.0 : f64, cleave.phase = "backward"} : (tensor<2x8xf32>) -> tensor<2x8xf32>
        %dw1 = cleave.outer %x2, %dy {cleave.phase = "backward"} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<8x8xf32>
        cleave.yield %dw1 : tensor<8x8xf32>
      } : (tensor<2x2x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
      %w1 = cleave.sgd %w, %dw, ... {cleave.phase = "update"} : ...
    ```
  }];
}

def UnrollChunksPass : Pass<"cleave-unroll-chunks", "::mlir::ModuleOp"> {
  let summary = "Writes a chunked region out, once for each slice";
  let description = [{
    Before:
    ```mlir
    %s = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {
    ^bb0(%a: tensor<4xf32>):
      %t = cleave.sum_squares %a : (tensor<4xf32>) -> tensor<f32>
      cleave.yield %t : tensor<f32>
    } : (tensor<8xf32>) -> tensor<f32>
    ```
    After:
    ```mlir
    %a0 = cleave.slice %x {starts = array<i64: 0>, limits = array<i64: 4>, steps = array<i64: 1>} : ...
    %t0 = cleave.sum_squares %a0 : (tensor<4xf32>) -> tensor<f32>
    %a1 = cleave.slice %x {starts = array<i64: 4>, limits = array<i64: 8>, steps = array<i64: 1>} : ...
    %t1 = cleave.sum_squares %a1 : (tensor<4xf32>) -> tensor<f32>
    %s = cleave.add %t0, %t1 : (tensor<f32>, tensor<f32>) -> tensor<f32>
    ```
  }];
}

def ApplyPinsPass : Pass<"cleave-apply-pins", "::mlir::ModuleOp"> {
  let summary = "Puts the user's pins on the values that they name";
  let description = [{
    The module's `cleave.pins` gives names or globs of parameters, inputs and values, and a placement along some axes
    for each. An argument gets it as `cleave.axes`, a value a `cleave.pin` behind it. A pinned split goes back along the
    def-use chain to parameters that nothing else has placed.

    Before:
    ```mlir
    module attributes {cleave.pins = {"fc*" = {model = "S(1)"}}} {
      func.func @f(%x: tensor<4x8xf32>) {
        %y = cleave.relu %x {cleave.name = "fc1"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
    After:
    ```mlir
        %y = cleave.relu %x {cleave.name = "fc1"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
        %z = cleave.pin %y {axes = ["model"], placements = #cleave.axes<[S(1)]>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def ApplyRulesPass : Pass<"cleave-apply-rules", "::mlir::ModuleOp"> {
  let summary = "Chooses how parameters and batches lie on the mesh, by two tensor-parallel rules and data parallelism";
  let description = [{
    Along each data axis the batch splits. Along each model axis: matmuls that read one input split their outputs,
    together with those that meet them (queries, keys and values at an attention); the split travels along def-use
    chains, as each op's own rule allows, until matmuls whose input it is split that input. A chain that meets an op
    which needs the whole features stays whole. A table of classes splits by class where its product goes into a
    cross-entropy.

    Before:
    ```mlir
    func.func @loss(%w1: tensor<8x32xf32> {cleave.parameter = "w1"}, %w2: tensor<32x8xf32> {cleave.parameter = "w2"},
                    ...)
    ```
    After:
    ```mlir
    func.func @loss(%w1: tensor<8x32xf32> {cleave.parameter = "w1", cleave.axes = #cleave.axes<[B, S(1)]>,
                                           cleave.reason = "..."},
                    %w2: tensor<32x8xf32> {cleave.parameter = "w2", cleave.axes = #cleave.axes<[B, S(0)]>,
                                           cleave.reason = "..."}, ...)
    ```
  }];
}

def ShardSequencePass : Pass<"cleave-shard-sequence", "::mlir::ModuleOp"> {
  let summary = "Lets activations between tensor-parallel chains lie split by tokens";
  let description = [{
    Where the module's `cleave.sequence` asks for it. The partial sum behind each chain gets a pin: it is reduced and
    scattered by tokens, norms and residual sums follow by propagation, and the next chain gathers what it needs whole.

    Before:
    ```mlir
    %y = cleave.matmul %h, %w2 : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %z = cleave.layer_norm %y, ...
    ```
    After:
    ```mlir
    %y = cleave.matmul %h, %w2 : (tensor<4x16x32xf32>, tensor<32x8xf32>) -> tensor<4x16x8xf32>
    %p = cleave.pin %y {axes = ["model"], placements = #cleave.axes<[S(1)]>}
        : (tensor<4x16x8xf32>) -> tensor<4x16x8xf32>
    %z = cleave.layer_norm %p, ...
    ```
  }];
}

def ShardUpdatesPass : Pass<"cleave-shard-updates", "::mlir::ModuleOp"> {
  let summary = "Shares the updates of parameters out among the devices that hold copies of them, where that pays";
  let description = [{
    Along data axes that split the batch. Optimizer state gets a split placement, the gradient a pin, and propagation
    does the rest: the gradient is reduced and scattered, each device updates its share, and the new parameter is
    gathered. That sends as much as the all-reduce of the gradient and repeats no work. It pays for large parameters.
    What a user has pinned stays. The module's `cleave.zero` forces what is split: 0 nothing, 1 state, 2 gradients too,
    3 parameters too, which are then gathered where they are read.

    Before:
    ```mlir
    func.func @step(%w: tensor<1024x1024xf32> {cleave.parameter = "w"},
                    %m: tensor<1024x1024xf32> {cleave.state = "adamw.m(w)"}, ...) {
      %w1, %m1, %v1 = cleave.adamw %w, %g, %m, ...
    ```
    After:
    ```mlir
    func.func @step(%w: tensor<1024x1024xf32> {cleave.parameter = "w"},
                    %m: tensor<1024x1024xf32> {cleave.state = "adamw.m(w)", cleave.axes = #cleave.axes<[S(0)]>}, ...) {
      %h = cleave.pin %g {axes = ["data"], placements = #cleave.axes<[S(0)]>} : ...
      %w1, %m1, %v1 = cleave.adamw %w, %h, %m, ...
    ```
  }];
}

def PropagatePlacementsPass : Pass<"cleave-propagate-placements", "::mlir::ModuleOp"> {
  let summary = "Gives every value a placement, and reshards where producer and consumer disagree";
  let description = [{
    Starts from what is known (arguments, pins) and walks the program: each op takes the strategy of its rule whose
    reshards cost least. A partial value sinks through joint adds and is resolved once, for all its users.

    Before:
    ```mlir
    %h = cleave.matmul %x, %w1 : (tensor<4x8xf32>, tensor<8x32xf32>) -> tensor<4x32xf32>
    ```
    After:
    ```mlir
    %h = cleave.matmul %x, %w1
        : (tensor<4x8xf32, #cleave.placement<@mesh, [B]>>, tensor<8x32xf32, #cleave.placement<@mesh, [S(1)]>>)
        -> tensor<4x32xf32, #cleave.placement<@mesh, [S(1)]>>
    ```
  }];
}

//===- partition --------------------------------------------------------------------------------===//

def FuseReshardsPass : Pass<"cleave-fuse-reshards", "::mlir::ModuleOp"> {
  let summary = "Joins a chain of reshards into one";
  let description = [{
    Before:
    ```mlir
    %1 = cleave.reshard %0 : tensor<8xf32, #a> -> tensor<8xf32, #b>
    %2 = cleave.reshard %1 : tensor<8xf32, #b> -> tensor<8xf32, #c>
    ```
    After:
    ```mlir
    %2 = cleave.reshard %0 : tensor<8xf32, #a> -> tensor<8xf32, #c>
    ```
  }];
}

def LowerReshardsPass : Pass<"cleave-lower-reshards", "::mlir::ModuleOp"> {
  let summary = "Turns each reshard into its cheapest sequence of collectives";
  let description = [{
    The shortest path over placements, each step one collective, weighed by the time that the cluster takes
    (`cleave.cluster`, `cleave.links`).

    Before:
    ```mlir
    %1 = cleave.reshard %0 : tensor<8xf32, #cleave.placement<@mesh, [P(sum)]>>
        -> tensor<8xf32, #cleave.placement<@mesh, [B]>>
    ```
    After:
    ```mlir
    %1 = cleave.all_reduce %0 along [0] : tensor<8xf32, #cleave.placement<@mesh, [P(sum)]>>
        -> tensor<8xf32, #cleave.placement<@mesh, [B]>>
    ```
  }];
}

def GatherAgainPass : Pass<"cleave-gather-again", "::mlir::ModuleOp"> {
  let summary = "Gathers a split parameter where it is read, anew for each layer and phase, "
                "instead of keeping the whole one";
  let description = [{
    Before:
    ```mlir
    %0 = cleave.all_gather %w along [0] : ...
    %y = cleave.matmul %x, %0 {cleave.phase = "forward"} : ...
    %dx = cleave.matmul %dy, %0 {cleave.phase = "backward"} : ...
    ```
    After:
    ```mlir
    %0 = cleave.all_gather %w along [0] : ...
    %y = cleave.matmul %x, %0 {cleave.phase = "forward"} : ...
    %1 = cleave.all_gather %w along [0] : ...
    %dx = cleave.matmul %dy, %1 {cleave.phase = "backward"} : ...
    ```
  }];
}

def ChunkCollectivesPass : Pass<"cleave-chunk-collectives", "::mlir::ModuleOp"> {
  let summary = "Cuts matrix products and the collectives beside them into chunks, so that one chunk moves "
                "while another is computed";
  let description = [{
    Where the module's `cleave.chunks` asks for it. A gather goes with the products that read it, a reduction with the
    product that it reads, and what follows goes with them up to the next reduction, where all of it works on chunks.
    Chunks are of rows or of output columns: of any dimension that the collective leaves alone, that no axis splits, and
    that the rule of each op carries into its results. What reads a whole value gets the chunks joined. The number of
    chunks and the dimension are those that the machine is predicted to take least time for, copies and other work that
    hides the transfer anyway included; a remark says what it saves, or why all stays as it is. The module's
    `cleave.overlap` with "chunked-matmul" takes chunks wherever rules allow some.

    Before:
    ```mlir
    %1 = cleave.matmul %x, %w : ...
    %2 = cleave.all_reduce %1 along [0] : ...
    ```
    After:
    ```mlir
    %x0 = cleave.slice %x {starts = array<i64: 0, 0>, limits = array<i64: 512, 256>, steps = array<i64: 1, 1>} : ...
    %10 = cleave.matmul %x0, %w : ...
    %20 = cleave.all_reduce %10 along [0] : ...
    %x1 = cleave.slice %x {starts = array<i64: 512, 0>, limits = array<i64: 1024, 256>, steps = array<i64: 1, 1>} : ...
    %11 = cleave.matmul %x1, %w : ...
    %21 = cleave.all_reduce %11 along [0] : ...
    %2 = cleave.concat %20, %21 {dimension = 0 : i64} : ...
    ```
  }];
}

def BucketCollectivesPass : Pass<"cleave-bucket-collectives", "::mlir::ModuleOp"> {
  let summary = "Joins collectives that nothing waits for soon, so that their latency is paid once";
  let description = [{
    Reductions of gradients, and gathers of updated parameters, each in the order in which gradients become ready in the
    backward pass; and gathers of parameters, in the order in which the ops of one phase and layer read them. What joins
    is of one kind, along the same axes, and of one element type and combiner.
    A bucket is full as soon as the machine needs four times its latency for its bytes; a value that fills one alone
    closes it. A module's `cleave.overlap` with "buckets" fills each with 4 MB, whatever the machine; one without leaves
    all as it is.

    Before:
    ```mlir
    %1 = cleave.all_reduce %dw along [0] : ...
    %2 = cleave.all_reduce %db along [0] : ...
    ```
    After:
    ```mlir
    %1:2 = cleave.bucket "all_reduce"(%dw, %db) along [0] : ...
    ```
  }];
}

//===- schedule ---------------------------------------------------------------------------------===//

include "passes/schedule/passes.td"

//===- all phases -------------------------------------------------------------------------------===//

def VerifyPhasePass : Pass<"cleave-verify-phase", "::mlir::ModuleOp"> {
  let summary = "Checks what a phase promises";
  let description = [{
    The error names the phase, its promise, and what was seen. It changes nothing; before and after are the same:
    ```mlir
    func.func @step(%x: tensor<8xf32>) -> tensor<8xf32>
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", "\"normalize\"",
                        "normalize, differentiate, place, partition or schedule">];
}

def RecordPhasePass : Pass<"cleave-record-phase", "::mlir::ModuleOp"> {
  let summary = "Notes in the module that a phase is done";
  let description = [{
    So that a printed module can be taken back. After place it also keeps what values there were, for `explain`: later
    phases replace reshards.

    Before:
    ```mlir
    module {}
    ```
    After:
    ```mlir
    module attributes {cleave.phase_done = "normalize"} {}
    ```
  }];
  let options = [Option<"phase", "phase", "std::string", "\"normalize\"",
                        "normalize, differentiate, place, partition or schedule">];
}
