// Ops that say where values lie and how they get there. The numbers stay the same.

include "ir/interfaces.td"
include "ir/types.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Cleave_ReshardOp : Op<Cleave_Dialect, "reshard", [Pure]> {
  let summary = "Gives a value another placement; the numbers stay the same";
  let description = [{
    Example:
    ```mlir
    %b = cleave.reshard %a : tensor<8xf32, #cleave.placement<@pod, [P(sum)]>>
        -> tensor<8xf32, #cleave.placement<@pod, [B]>>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input);
  let results = (outs Cleave_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_PinOp : Cleave_InferredOp<"pin"> {
  let summary = "A value that the user wants placed so";
  let description = [{
    An identity. `axes` names mesh axes, `placements` what lies along each of them; the others are free.

    Example:
    ```mlir
    %y = cleave.pin %x {axes = ["model"], placements = #cleave.axes<[S(1)]>} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input, StrArrayAttr:$axes, Cleave_AxesAttr:$placements);
  let results = (outs Cleave_Tensor:$result);
  let rule = "... -> ...";
  let linearEach = [0];
  let monotone = [0];
  let kernel = "";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{dResult}; }];
  let hasVerifier = 1;
}

//===- Collectives: one step of a reshard along some axes -----------------------------------------===//

class Cleave_CollectiveOp<string mnemonic>
    : Op<Cleave_Dialect, mnemonic, [Pure, DeclareOpInterfaceMethods<Cleave_CollectiveOpInterface>]> {
  let arguments = (ins Cleave_Tensor:$input, DenseI64ArrayAttr:$axes);
  let results = (outs Cleave_Tensor:$result);
  let assemblyFormat = "$input `along` $axes attr-dict `:` type($input) `->` type($result)";
  bit moves = 1;     // bytes between devices
  bit joins = 0;     // several axes in one step
  code step = ?;     // C++: may an axis go from placement `from` to `to`?
  let extraClassDefinition = [{
    ::llvm::StringRef $cppClass::stepName() { return "}] # mnemonic # [{"; }
    bool $cppClass::movesBytes() { return }] # moves # [{; }
    bool $cppClass::joinsAxes() { return }] # joins # [{; }
    bool $cppClass::allows([[maybe_unused]] const ::cleave::AxisPlacement &from,
                           [[maybe_unused]] const ::cleave::AxisPlacement &to) {}] # step # [{}
    ::llvm::ArrayRef<int64_t> $cppClass::alongAxes() { return getAxes(); }
  }];
}

def Cleave_AllReduceOp : Cleave_CollectiveOp<"all_reduce"> {
  let summary = "Combines partial values: P to B along each of the axes";
  let description = [{
    Example:
    ```mlir
    %y = cleave.all_reduce %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, B]>>
    ```
  }];
  let joins = 1;
  let step = [{ return from.isPartial() && to.isBroadcast(); }];
}
def Cleave_AllGatherOp : Cleave_CollectiveOp<"all_gather"> {
  let summary = "Collects shares: S to B along one axis";
  let description = [{
    Example:
    ```mlir
    %y = cleave.all_gather %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, S(0)]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, B]>>
    ```
  }];
  let step = [{ return from.isSplit() && to.isBroadcast(); }];
}
def Cleave_ReduceScatterOp : Cleave_CollectiveOp<"reduce_scatter"> {
  let summary = "Combines partial values, each device its share: P to S along one axis";
  let description = [{
    Example:
    ```mlir
    %y = cleave.reduce_scatter %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, S(0)]>>
    ```
  }];
  let step = [{ return from.isPartial() && to.isSplit(); }];
}
def Cleave_AllToAllOp : Cleave_CollectiveOp<"all_to_all"> {
  let summary = "Splits another dimension: S(i) to S(j) along one axis (also other units or another order)";
  let description = [{
    Example:
    ```mlir
    %y = cleave.all_to_all %x along [1]
        : tensor<8x8xf32, #cleave.placement<@pod, [B, S(0)]>>
          -> tensor<8x8xf32, #cleave.placement<@pod, [B, S(1)]>>
    ```
  }];
  let step = [{ return from.isSplit() && to.isSplit(); }];
}
def Cleave_PermuteOp : Cleave_CollectiveOp<"permute"> {
  let summary = "Exchanges shares between devices: a split moves from one axis to another, or two splits change places";
  let description = [{
    Example:
    ```mlir
    %y = cleave.permute %x along [0, 1]
        : tensor<8xf32, #cleave.placement<@pod, [S(0), B]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, S(0)]>>
    ```
  }];
  let joins = 1;
  let step = [{ return !from.isPartial() && !to.isPartial(); }];
}
def Cleave_LocalSliceOp : Cleave_CollectiveOp<"local_slice"> {
  let summary = "Keeps a device's share of a whole value: B to S along one axis; nothing moves";
  let description = [{
    Example:
    ```mlir
    %y = cleave.local_slice %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, B]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, S(0)]>>
    ```
  }];
  let moves = 0;
  let step = [{ return from.isBroadcast() && to.isSplit(); }];
}
def Cleave_KeepFirstOp : Cleave_CollectiveOp<"keep_first"> {
  let summary = "Keeps a whole value on coordinate 0 and the identity elsewhere: B to P along one axis; nothing moves";
  let description = [{
    Example:
    ```mlir
    %y = cleave.keep_first %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, B]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>
    ```
  }];
  let moves = 0;
  let step = [{ return from.isBroadcast() && to.isPartial(); }];
}
def Cleave_CollectiveBroadcastOp : Cleave_CollectiveOp<"collective_broadcast"> {
  let summary = "Gives all devices along the axes the value of coordinate 0: B to B";
  let description = [{
    Example:
    ```mlir
    %y = cleave.collective_broadcast %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, B]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, B]>>
    ```
  }];
  let joins = 1;
  let step = [{ return from.isBroadcast() && to.isBroadcast(); }];
}

def Cleave_BucketKindAttr
    : ConfinedAttr<StrAttr, [AttrConstraint<CPred<[{::llvm::is_contained({"all_reduce", "reduce_scatter", "all_gather"},
                                                      ::mlir::cast<::mlir::StringAttr>($_self).getValue())}]>,
                                            "one of all_reduce, reduce_scatter, all_gather">]>;

def Cleave_BucketOp
    : Op<Cleave_Dialect, "bucket", [Pure, DeclareOpInterfaceMethods<Cleave_CollectiveOpInterface>]> {
  let summary = "Several collectives of one kind in one meeting of the devices";
  let description = [{
    Each operand takes the step that an op of this kind takes, and becomes the result at its place. Values stay where
    they are: nothing is copied together. All have one element type, and one combiner.

    Example:
    ```mlir
    %y:2 = cleave.bucket "all_reduce"(%x, %z) along [1]
        : (tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>, tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>)
          -> (tensor<8xf32, #cleave.placement<@pod, [B, B]>>, tensor<8xf32, #cleave.placement<@pod, [B, B]>>)
    ```
  }];
  let arguments = (ins Cleave_BucketKindAttr:$kind, Variadic<Cleave_Tensor>:$inputs, DenseI64ArrayAttr:$axes);
  let results = (outs Variadic<Cleave_Tensor>:$values);
  let assemblyFormat = "$kind `(` $inputs `)` `along` $axes attr-dict `:` functional-type($inputs, results)";
  let hasVerifier = 1;
  let extraClassDefinition = [{
    ::llvm::StringRef $cppClass::stepName() { return getKind(); }
    bool $cppClass::movesBytes() { return true; }
    bool $cppClass::joinsAxes() { return getKind() == "all_reduce"; }
    bool $cppClass::allows(const ::cleave::AxisPlacement &from, const ::cleave::AxisPlacement &to) {
      if (getKind() == "all_reduce") return from.isPartial() && to.isBroadcast();
      if (getKind() == "reduce_scatter") return from.isPartial() && to.isSplit();
      return from.isSplit() && to.isBroadcast();
    }
    ::llvm::ArrayRef<int64_t> $cppClass::alongAxes() { return getAxes(); }
  }];
}

def Cleave_WaitOp
    : Op<Cleave_Dialect, "wait",
         [Pure, RangedTypesMatchWith<"results are of the transfers' types", "transfers", "values",
                                     "::llvm::make_range($_self.begin(), $_self.end())">]> {
  let summary = "What started collectives bring, once it is there";
  let description = [{
    A collective that moves bytes starts where it stands, and its device goes on. Its results may be read only by one
    wait, which gives each of them back, in their order; until then nobody touches their bytes, nor those that it reads.
    A collective without a wait holds its device until it is over.

    Example:
    ```mlir
    %t = cleave.all_reduce %x along [1]
        : tensor<8xf32, #cleave.placement<@pod, [B, P(sum)]>>
          -> tensor<8xf32, #cleave.placement<@pod, [B, B]>>
    %y = cleave.wait %t : tensor<8xf32, #cleave.placement<@pod, [B, B]>>
    ```
  }];
  let arguments = (ins Variadic<Cleave_Tensor>:$transfers);
  let results = (outs Variadic<Cleave_Tensor>:$values);
  let assemblyFormat = "$transfers attr-dict `:` type($transfers)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$transfers), [{
    build($_builder, $_state, transfers.getTypes(), transfers);
  }]>];
  let extraClassDeclaration = [{
    // The collective that is waited for.
    ::mlir::Operation *start() { return getTransfers().front().getDefiningOp(); }
  }];
}

//===- Regions ----------------------------------------------------------------------------------===//

def Cleave_YieldOp : Op<Cleave_Dialect, "yield", [Pure, ReturnLike, Terminator]> {
  let summary = "Gives the results of a region";
  let description = "Example: `cleave.yield %loss : tensor<f32>`";
  let arguments = (ins Variadic<Cleave_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Cleave_GradientOp : Op<Cleave_Dialect, "gradient", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "Values of a region, and the gradients of the first of them";
  let description = [{
    The region's arguments stand for `inputs`. Results are what it yields (the first is a scalar) and then the gradients
    of the first with respect to the inputs that `wrt` lists. A gradient may stand inside another's region. Where an
    input does not matter its gradient is zero.

    Example:
    ```mlir
    %y, %dx = cleave.gradient (%x) wrt [0] {
    ^bb0(%a: tensor<8xf32>):
      %s = cleave.sum_squares %a : (tensor<8xf32>) -> tensor<f32>
      cleave.yield %s : tensor<f32>
    } : (tensor<8xf32>) -> (tensor<f32>, tensor<8xf32>)
    ```
  }];
  let arguments = (ins Variadic<Cleave_Tensor>:$inputs, DenseI64ArrayAttr:$wrt);
  let results = (outs Variadic<Cleave_Tensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "`(` $inputs `)` `wrt` $wrt $body attr-dict `:` functional-type($inputs, results)";
  let hasRegionVerifier = 1;
}

def Cleave_ChunkedOp : Op<Cleave_Dialect, "chunked", [RecursiveMemoryEffects, SingleBlock]> {
  let summary = "Runs its region several times, on slices of its operands";
  let description = [{
    Placements in time: operand i is S(d) (the region sees slice k of dimension d) or B (the same each time); result i
    is P(sum) (the sum of what the runs yield, in order), P(max), P(min), or S(d) (their concatenation). `count` divides
    each split dimension.

    Example:
    ```mlir
    %sum = cleave.chunked 4 (%x) [S(0)] -> [P(sum)] {
    ^bb0(%part: tensor<2x8xf32>):
      %s = cleave.sum_squares %part : (tensor<2x8xf32>) -> tensor<f32>
      cleave.yield %s : tensor<f32>
    } : (tensor<8x8xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Variadic<Cleave_Tensor>:$inputs, Cleave_IntAttr:$count, Cleave_AxesAttr:$operand_modes,
                       Cleave_AxesAttr:$result_modes);
  let results = (outs Variadic<Cleave_Tensor>:$values);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{ custom<Count>($count) `(` $inputs `)` custom<Modes>($operand_modes)
                          `->` custom<Modes>($result_modes)
                          $body attr-dict `:` functional-type($inputs, results) }];
  let hasRegionVerifier = 1;
}
