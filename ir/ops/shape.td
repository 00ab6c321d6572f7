// Ops that make, move, cut and reduce values.

include "ir/interfaces.td"
include "ir/types.td"

def Cleave_ConstantOp : Cleave_TensorOp<"constant", [ConstantLike]> {
  let summary = "A value known when the program is compiled";
  let description = [{
    Example:
    ```mlir
    %one = cleave.constant {value = dense<1.0> : tensor<4x8xf32>} : () -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Cleave_Tensor:$result);
  let rule = "-> ...";
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{}; }];
  let local = [{ ::cleave::setLocalConstant(getValue(), local.results[0], attributes); }];
  let slice = [{
    if (original.getType() == getType()) return ::mlir::success();
    auto elements = ::mlir::dyn_cast<::mlir::DenseElementsAttr>(getValue());
    if (!elements || !elements.isSplat()) return ::mlir::failure();
    setValueAttr(elements.resizeSplat(::cleave::unplaced(getType())));
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_IotaOp : Cleave_TensorOp<"iota"> {
  let summary = "Counts from 0 along one dimension";
  let description = [{
    Example:
    ```mlir
    %positions = cleave.iota {dimension = 1 : i64} : () -> tensor<4x16xi32>
    ```
  }];
  let arguments = (ins Cleave_IntAttr:$dimension);
  let results = (outs Cleave_NumberTensor:$result);
  let rule = "-> ...";
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{}; }];
  let local = [{ attributes.set("start", local.results[0].start[getDimension()]); }];
  let slice = [{
    return ::mlir::success(original.getType().getDimSize(getDimension()) == getType().getDimSize(getDimension()));
  }];
  let hasVerifier = 1;
}

def Cleave_BroadcastOp : Cleave_TensorOp<"broadcast"> {
  let summary = "Repeats a value along new dimensions";
  let description = [{
    Dimension i of the operand becomes dimension `dimensions[i]` of the result, in growing order; sizes stay.

    Example:
    ```mlir
    %y = cleave.broadcast %b {dimensions = array<i64: 1>} : (tensor<8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input, DenseI64ArrayAttr:$dimensions);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::broadcastRule(getInput(), getResult(), getDimensions()); }];
  let linearEach = [0];
  let monotone = [0];
  let flops = [{ return 0; }];
  let gradient = [{
    ::llvm::SmallVector<int64_t> added = ::cleave::otherDimensions(getResult(), getDimensions());
    if (added.empty()) return Gradients{dResult};
    return Gradients{ReduceOp::create(b, loc, dResult, "sum", added)};
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_ReshapeOp : Cleave_TensorOp<"reshape"> {
  let summary = "Gives the same elements, in row-major order, another shape";
  let description = [{
    It only renames bytes. A split of the first dimension of a group of dimensions that become one another stays a
    split, counted in larger or smaller units.

    Example:
    ```mlir
    %heads = cleave.reshape %q : (tensor<4x16x768xf32>) -> tensor<4x16x12x64xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::wholeRule(getInput(), getResult()); }];
  let strategies = [{ ::cleave::addReshapeStrategies(getInput().getType(), getResult().getType(), rule); }];
  let linearEach = [0];
  let monotone = [0];
  let kernel = "";
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{ReshapeOp::create(b, loc, ::cleave::unplaced(getInput().getType()), dResult)}; }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Cleave_TransposeOp : Cleave_InferredOp<"transpose"> {
  let summary = "Reorders dimensions: result dimension i is operand dimension permutation[i]";
  let description = [{
    Example:
    ```mlir
    %y = cleave.transpose %x {permutation = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::transposeRule(getInput(), getPermutation()); }];
  let linearEach = [0];
  let monotone = [0];
  let infer = [{
    ::mlir::Type type = ::cleave::transposedType(adaptor.getInput().getType(), adaptor.getPermutation());
    if (!type) return ::mlir::emitOptionalError(location, "requires a permutation of the operand's dimensions");
    types.push_back(type);
  }];
  let flops = [{ return 0; }];
  let gradient = [{
    ::llvm::SmallVector<int64_t> inverse(getPermutation().size());
    for (auto [to, from] : ::llvm::enumerate(getPermutation())) inverse[from] = to;
    return Gradients{TransposeOp::create(b, loc, dResult, inverse)};
  }];
  let hasFolder = 1;
  let hasCanonicalizeMethod = 1;
}

def Cleave_SliceOp : Cleave_TensorOp<"slice"> {
  let summary = "Takes elements starts, starts + steps, ... below limits of each dimension";
  let description = [{
    A dimension that is cut can't be split.

    Example:
    ```mlir
    %y = cleave.slice %x {starts = array<i64: 0, 2>, limits = array<i64: 4, 8>, steps = array<i64: 1, 3>}
         : (tensor<4x8xf32>) -> tensor<4x2xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input, DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$limits,
                       DenseI64ArrayAttr:$steps);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::resizeRule(getInput(), getResult()); }];
  let linearEach = [0];
  let monotone = [0];
  let picks = [0];
  let flops = [{ return 0; }];
  let gradient = [{
    ::llvm::SmallVector<int64_t> high;
    for (auto [size, start, step, taken] : ::llvm::zip(getInput().getType().getShape(), getStarts(), getSteps(),
                                                       getType().getShape())) {
      const int64_t dim = high.size(), room = size - start;
      if (step != 1) {
        // Zeros between the elements: [taken] becomes [taken, 1], padded to [taken, step], and that [taken * step].
        ::mlir::Type element = getType().getElementType();
        ::llvm::SmallVector<int64_t> shape(::mlir::cast<::mlir::RankedTensorType>(dResult.getType()).getShape());
        ::llvm::SmallVector<int64_t> apart(shape), none(shape.size() + 1, 0), behind(none);
        apart.insert(apart.begin() + dim + 1, 1);
        dResult = ReshapeOp::create(b, loc, ::mlir::RankedTensorType::get(apart, element), dResult);
        apart[dim + 1] = step;
        behind[dim + 1] = step - 1;
        dResult = PadOp::create(b, loc, ::mlir::RankedTensorType::get(apart, element), dResult, none, behind);
        shape[dim] *= step;
        dResult = ReshapeOp::create(b, loc, ::mlir::RankedTensorType::get(shape, element), dResult);
        ::llvm::SmallVector<int64_t> fitting(shape);
        fitting[dim] = std::min(shape[dim], room);
        if (fitting != shape)
          dResult = ::cleave::sliceLike(b, loc, dResult, ::mlir::RankedTensorType::get(fitting, element), dim, 0);
        high.push_back(room - fitting[dim]);
        continue;
      }
      high.push_back(room - taken);
    }
    return Gradients{PadOp::create(b, loc, ::cleave::unplaced(getInput().getType()), dResult, getStarts(), high)};
  }];
  let slice = [{
    ::llvm::SmallVector<int64_t> limits(getLimits());
    for (auto [limit, size, before] : ::llvm::zip(limits, getType().getShape(), original.getType().getShape()))
      if (size != before) limit = size; // that dimension is not cut by the op, so it ends with its operand
    setLimits(limits);
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_PadOp : Cleave_TensorOp<"pad"> {
  let summary = "Puts zeros before and behind a value";
  let description = [{
    A dimension that is padded can't be split.

    Example:
    ```mlir
    %y = cleave.pad %x {low = array<i64: 0, 2>, high = array<i64: 1, 0>} : (tensor<3x6xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::resizeRule(getInput(), getResult()); }];
  let linearEach = [0];
  let flops = [{ return 0; }];
  let gradient = [{
    ::llvm::SmallVector<int64_t> limits, steps(getLow().size(), 1);
    for (auto [size, low] : ::llvm::zip(getInput().getType().getShape(), getLow())) limits.push_back(low + size);
    return Gradients{SliceOp::create(b, loc, ::cleave::unplaced(getInput().getType()), dResult, getLow(), limits,
                                     steps)};
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_ConcatOp : Cleave_InferredOp<"concat"> {
  let summary = "Joins values along one dimension";
  let description = [{
    The dimension along which they are joined can't be split; the values may have any sizes there.

    Example:
    ```mlir
    %y = cleave.concat %a, %b {dimension = 1 : i64} : (tensor<4x3xf32>, tensor<4x5xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Variadic<Cleave_Tensor>:$inputs, Cleave_IntAttr:$dimension);
  let results = (outs Cleave_Tensor:$result);
  let ruleText = [{ return ::cleave::concatRule(getResult(), getDimension()); }];
  let linearTogether = [0];
  let infer = [{
    ::mlir::Type type = ::cleave::concatType(adaptor.getInputs().getTypes(), adaptor.getDimension());
    if (!type) return ::mlir::emitOptionalError(location, "requires values of one type but for 'dimension'");
    types.push_back(type);
  }];
  let flops = [{ return 0; }];
  let gradient = [{
    Gradients gradients;
    int64_t start = 0;
    for (::mlir::Value input : getInputs()) {
      gradients.push_back(::cleave::sliceLike(b, loc, dResult, input.getType(), getDimension(), start));
      start += ::mlir::cast<::mlir::RankedTensorType>(input.getType()).getDimSize(getDimension());
    }
    return gradients;
  }];
  let hasFolder = 1;
}

def Cleave_GatherOp : Cleave_InferredOp<"gather"> {
  let summary = "Takes one element along the last dimension";
  let description = [{
    An index outside the dimension is an error when the program runs. A split of the gathered dimension leaves a partial
    sum.

    Example:
    ```mlir
    %y = cleave.gather %x, %i : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_IntTensor:$indices);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... v, ... -> ...";
  let linearEach = [0];
  let infer = [{
    auto indices = ::mlir::cast<::mlir::RankedTensorType>(adaptor.getIndices().getType());
    types.push_back(::cleave::withElement(indices, ::mlir::getElementTypeOrSelf(adaptor.getInput().getType())));
  }];
  let picks = [0];
  let flops = [{ return 0; }];
  let gradient = [{
    return Gradients{GatherGradientOp::create(b, loc, ::cleave::unplaced(getInput().getType()), getIndices(), dResult),
                     {}};
  }];
  let local = [{ ::cleave::setIndexRange(local.operands[0], -1, attributes); }];
}

def Cleave_GatherGradientOp : Cleave_TensorOp<"gather_gradient"> {
  let summary = "Puts each element where gather took it from, and zero elsewhere";
  let description = [{
    Example:
    ```mlir
    %dx = cleave.gather_gradient %i, %dy : (tensor<4xi32>, tensor<4xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_IntTensor:$indices, Cleave_FloatTensor:$d_result);
  let results = (outs Cleave_FloatTensor:$d_input);
  let rule = "..., ... -> ... v";
  let linearEach = [1];
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{{}, GatherOp::create(b, loc, dResult, getIndices())}; }];
  let local = [{ ::cleave::setIndexRange(local.results[0], -1, attributes); }];
}

def Cleave_CumulativeSumOp : Cleave_InferredOp<"cumulative_sum"> {
  let summary = "Running sum along the last dimension";
  let description = [{
    `reverse` sums from the end.

    Example:
    ```mlir
    %y = cleave.cumulative_sum %x : (tensor<4x8xi32>) -> tensor<4x8xi32>
    ```
  }];
  let arguments = (ins Cleave_NumberTensor:$input, DefaultValuedAttr<BoolAttr, "false">:$reverse);
  let results = (outs Cleave_NumberTensor:$result);
  let rule = "... [n] -> ... [n]";
  let linearEach = [0];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let gradient = [{ return Gradients{CumulativeSumOp::create(b, loc, dResult, b.getBoolAttr(!getReverse()))}; }];
}

//===- Reductions -------------------------------------------------------------------------------===//

def Cleave_ReduceOp : Cleave_InferredOp<"reduce"> {
  let summary = "Reduces dimensions away: by sum, max, min or mean";
  let description = [{
    The gradient of a maximum is shared equally by all elements that reach it.

    Example:
    ```mlir
    %y = cleave.reduce %x {kind = "sum", dimensions = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Cleave_NumberTensor:$input, Cleave_OneOf<["sum", "max", "min", "mean"]>:$kind,
                       DenseI64ArrayAttr:$dimensions);
  let results = (outs Cleave_NumberTensor:$result);
  let ruleText = [{ return ::cleave::reduceRule(getInput(), getDimensions()); }];
  let combiner = [{
    return getKind() == "max" ? ::cleave::Combiner::Max : getKind() == "min" ? ::cleave::Combiner::Min
                                                                             : ::cleave::Combiner::Sum;
  }];
  let strategies = [{ ::cleave::addLinearReduce(getKind(), rule); }];
  let infer = [{
    ::mlir::Type type = ::cleave::reducedType(adaptor.getInput().getType(), adaptor.getDimensions());
    if (!type) return ::mlir::emitOptionalError(location, "requires growing dimensions of the operand");
    if (adaptor.getKind() == "mean" && !::mlir::isa<::mlir::FloatType>(::mlir::getElementTypeOrSelf(type)))
      return ::mlir::emitOptionalError(location, "requires floats for a mean, got ", type);
    types.push_back(type);
  }];
  let flops = [{ return ::cleave::elementsOf(getInput()); }];
  let gradient = [{ return Gradients{::cleave::reduceGradient(b, *this, dResult)}; }];
  let slice = [{
    if (getKind() != "mean") return ::mlir::success();
    double share = 1; // of the elements that one mean is of
    for (int64_t dimension : getDimensions())
      share *= double(getInput().getType().getDimSize(dimension)) /
               double(original.getInput().getType().getDimSize(dimension));
    if (share == 1) return ::mlir::success();
    b.setInsertionPoint(getOperation());
    getInputMutable().assign(ScaleOp::create(b, getLoc(), getInput(), b.getF64FloatAttr(share)));
  }];
  let local = [{
    int64_t count = 1;
    for (int64_t dimension : getDimensions()) count *= local.operands[0].global[dimension];
    attributes.set("count", count);
  }];
  let hasFolder = 1;
}

def Cleave_ExpSumOp : Cleave_InferredOp<"exp_sum"> {
  let summary = "Sum of exp(x - shift) along the last dimension";
  let description = [{
    Example:
    ```mlir
    %y = cleave.exp_sum %x, %shift : (tensor<4x8xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$shift);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... v, ... -> ...";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getShift().getType())); }];
  let flops = [{ return 2 * ::cleave::elementsOf(getInput()); }];
  let decomposition = [{
    const int64_t last = getInput().getType().getRank() - 1;
    ::mlir::Value e = ExpOp::create(b, loc, SubOp::create(b, loc, getInput(),
                                                      ::cleave::alongLast(b, loc, getShift(), getInput())));
    return {ReduceOp::create(b, loc, e, "sum", ::llvm::ArrayRef<int64_t>{last})};
  }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
}

def Cleave_SumSquaresOp : Cleave_InferredOp<"sum_squares"> {
  let summary = "Sum of the squares of all elements";
  let description = [{
    Example:
    ```mlir
    %y = cleave.sum_squares %g : (tensor<96x64xf32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... -> ";
  let infer = [{
    types.push_back(::mlir::RankedTensorType::get({}, ::mlir::getElementTypeOrSelf(adaptor.getInput().getType())));
  }];
  let flops = [{ return 2 * ::cleave::elementsOf(getInput()); }];
  let gradient = [{
    auto type = ::mlir::cast<::mlir::RankedTensorType>(::cleave::unplaced(getInput().getType()));
    ::mlir::Value twice = ScaleOp::create(b, loc, dResult, b.getF64FloatAttr(2));
    ::mlir::Value spread = BroadcastOp::create(b, loc, type, twice, ::llvm::ArrayRef<int64_t>{});
    return Gradients{MulOp::create(b, loc, spread, getInput())};
  }];
}

def Cleave_SoftmaxOp : Cleave_InferredOp<"softmax"> {
  let summary = "exp(x) over its sum along the last dimension";
  let description = [{
    Example:
    ```mlir
    %y = cleave.softmax %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... [n] -> ... [n]";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return 4 * ::cleave::elementsOf(getResult()); }];
  let gradient = [{ return Gradients{SoftmaxGradientOp::create(b, loc, getResult(), dResult)}; }];
  let decomposition = [{
    const int64_t last = getInput().getType().getRank() - 1;
    ::mlir::Value peak = ReduceOp::create(b, loc, getInput(), "max", ::llvm::ArrayRef<int64_t>{last});
    ::mlir::Value e = ExpOp::create(b, loc, SubOp::create(b, loc, getInput(),
                                                      ::cleave::alongLast(b, loc, peak, getInput())));
    ::mlir::Value sum = ReduceOp::create(b, loc, e, "sum", ::llvm::ArrayRef<int64_t>{last});
    return {DivOp::create(b, loc, e, ::cleave::alongLast(b, loc, sum, getInput()))};
  }];
}

def Cleave_SoftmaxGradientOp : Cleave_InferredOp<"softmax_gradient"> {
  let summary = "Gradient of softmax: y (dy - sum(y dy))";
  let description = [{
    Example:
    ```mlir
    %dx = cleave.softmax_gradient %y, %dy : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$result, Cleave_FloatTensor:$d_result);
  let results = (outs Cleave_FloatTensor:$d_input);
  let rule = "... [n], ... [n] -> ... [n]";
  let linearEach = [1];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getResult().getType())); }];
  let flops = [{ return 4 * ::cleave::elementsOf(getDInput()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{
    const int64_t last = getDInput().getType().getRank() - 1;
    ::mlir::Value product = MulOp::create(b, loc, getResult(), getDResult());
    ::mlir::Value sum = ReduceOp::create(b, loc, product, "sum", ::llvm::ArrayRef<int64_t>{last});
    ::mlir::Value centered = SubOp::create(b, loc, getDResult(), ::cleave::alongLast(b, loc, sum, getDInput()));
    return {MulOp::create(b, loc, getResult(), centered)};
  }];
}
