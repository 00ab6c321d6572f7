// The passes of the schedule phase, in the order of the pipeline: a part of passes/passes.td.

#ifndef CLEAVE_PASSES_SCHEDULE_PASSES
#define CLEAVE_PASSES_SCHEDULE_PASSES

include "mlir/Pass/PassBase.td"

def OrderOpsPass : Pass<"cleave-order-ops", "::mlir::ModuleOp"> {
  let summary = "Orders the ops of each entry: updates as soon as their gradients are there, "
                "so that memory is free early";
  let description = [{
    A value that an update takes over is read by nobody behind it.

    Before:
    ```mlir
    %g0 = cleave.outer %x, %dy : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %g1 = cleave.outer %x, %dz : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %p0 = cleave.sgd %w0, %g0, %lr, %s, %a {...} : ...
    ```
    After:
    ```mlir
    %g0 = cleave.outer %x, %dy : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    %p0 = cleave.sgd %w0, %g0, %lr, %s, %a {...} : ...
    %g1 = cleave.outer %x, %dz : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<8x8xf32>
    ```
  }];
}

def RecomputePass : Pass<"cleave-recompute", "::mlir::ModuleOp"> {
  let summary = "Computes values of the forward pass again in the backward pass "
                "where memory does not suffice to keep them";
  let description = [{
    The module's `cleave.memory_budget` says what each device may use. While an entry needs more, the value is dropped
    that saves the most bytes, times the ops during which too much is held, for each second of computing it again;
    inputs that are gone by then are computed again too. Nothing that is returned is dropped, and collectives run again
    only where all else does not suffice, which the remark says. Numbers stay the same, those of dropout too. What can't
    fit is an error that says how much is missing.

    Before:
    ```mlir
    %y = cleave.gelu %h {cleave.name = "y", cleave.phase = "forward"} : ...
    ...
    %dw = cleave.outer %y, %dz {cleave.phase = "backward"} : ...
    ```
    After:
    ```mlir
    %y = cleave.gelu %h {cleave.name = "y", cleave.phase = "forward"} : ...
    ...
    %1 = cleave.gelu %h {cleave.name = "y.again", cleave.phase = "backward"} : ...
    %dw = cleave.outer %1, %dz {cleave.phase = "backward"} : ...
    ```
  }];
}

def OverlapOpsPass : Pass<"cleave-overlap-ops", "::mlir::ModuleOp"> {
  let summary = "Orders the ops of each entry so that collectives run while something else is computed";
  let description = [{
    List schedules over one stream that computes and one that communicates, by what the machine is predicted to take.
    Of what can run at once, first comes what stands first, what the longest chain of work waits for, or what feeds the
    nearest transfer; the fastest of these are justified (run backwards, then forwards again, which makes everything as
    urgent as what waits for it), and the fastest of all is taken, or of those about as fast the one that needs least
    memory. What waits for a transfer gets out of the way of what does not; updates that nothing waits for come at once,
    but for the last ones, which fill the time of the last transfers. A transfer into new memory (a gathered
    parameter) is held back behind what must be over to make room. A remark says what the order saves; where that is
    next to nothing the order before stays. The module's `cleave.overlap` forces a list schedule (`["split"]` or
    `["prefetch"]`) or forbids it (a list with neither). What the module's `cleave.memory_budget` leaves no room for is
    not taken either.

    Before:
    ```mlir
    %1 = cleave.all_reduce %0 along [0] : ...
    %2 = cleave.relu %1 : ...
    %3 = cleave.outer %x, %dy : ...
    ```
    After:
    ```mlir
    %1 = cleave.all_reduce %0 along [0] : ...
    %3 = cleave.outer %x, %dy : ...
    %2 = cleave.relu %1 : ...
    ```
  }];
}

def SplitCollectivesPass : Pass<"cleave-split-collectives", "::mlir::ModuleOp"> {
  let summary = "Splits collectives that move bytes into start and wait, and gives every op a stream";
  let description = [{
    A collective starts where it stands, on the stream that communicates; in front of the first op that reads what it
    brings stands its `cleave.wait`. All else computes. With a `cleave.overlap` that names neither "split" nor
    "prefetch", collectives stay whole: they run on the stream that computes, and hold it until they are over.

    Before:
    ```mlir
    %1 = cleave.all_reduce %0 along [0] : ...
    %2 = cleave.exp %x : ...
    %3 = cleave.add %1, %2 : ...
    ```
    After:
    ```mlir
    %t = cleave.all_reduce %0 along [0] {cleave.stream = 1 : i64} : ...
    %2 = cleave.exp %x {cleave.stream = 0 : i64} : ...
    %1 = cleave.wait %t {cleave.stream = 0 : i64} : ...
    %3 = cleave.add %1, %2 {cleave.stream = 0 : i64} : ...
    ```
  }];
}

def PlanMemoryPass : Pass<"cleave-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Gives every value its bytes: a register, an offset for each rank class, and a lifetime";
  let description = [{
    Ranks whose local shapes are equal form a class. Variables lie first and keep their bytes for all entries; values
    share bytes where the order of events separates their lifetimes, or where an op takes its operand's bytes over. Each
    result and each input gets an offset for each class; the module's `cleave.memory` says what a class needs.

    Before:
    ```mlir
    %1 = cleave.relu %0 {cleave.stream = 0 : i64} : ...
    ```
    After:
    ```mlir
    %1 = cleave.relu %0 {cleave.stream = 0 : i64, cleave.offsets = [array<i64: 4096>]} : ...
    ```
  }];
}

#endif // CLEAVE_PASSES_SCHEDULE_PASSES
