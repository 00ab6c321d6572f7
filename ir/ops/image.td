// Convolutions and pooling of images [batch, channels, rows, columns]. Windows lie over rows and columns, which stay
// whole, since neighbours share elements: a split of space is gathered.

include "ir/interfaces.td"
include "ir/types.td"

// Attributes hold a number for rows and one for columns: `strides` between windows, `padding` on each side of the
// image, `dilation` between a window's elements. There are 1 + (size + 2 padding - dilation (window - 1) - 1) / stride
// windows, rounded down.
class Cleave_WindowOp<string mnemonic, dag operands, dag attributes = (ins)> : Cleave_InferredOp<mnemonic> {
  let arguments = !con(operands, (ins DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$padding,
                                      DenseI64ArrayAttr:$dilation), attributes);
  code type = ?;  // C++: that of the result, or null
  let infer = [{
    [[maybe_unused]] const ::cleave::WindowSteps steps{adaptor.getStrides(), adaptor.getPadding(),
                                                       adaptor.getDilation()};
    ::mlir::Type type = }] # type # [{;
    if (!type) return ::mlir::failure();
    types.push_back(type);
  }];
}

// The three of them are each other's gradients, of any order. With one group input channels split into terms of a sum;
// with several, channels split between groups.
class Cleave_ConvolutionOpBase<string mnemonic, dag operands, dag attributes = (ins)>
    : Cleave_WindowOp<mnemonic, operands, !con((ins Cleave_IntAttr:$groups), attributes)> {
  let linearEach = [0, 1];
  let slice = [{
    // Of several groups only the batch is sliced.
    for (auto [part, full] : ::llvm::zip(getOperation()->getOperandTypes(), whole->getOperandTypes()))
      if (getGroups() > 1 && ::mlir::cast<::mlir::RankedTensorType>(part).getShape().drop_front() !=
                                 ::mlir::cast<::mlir::RankedTensorType>(full).getShape().drop_front())
        return ::mlir::failure();
  }];
}

def Cleave_ConvolutionOp : Cleave_ConvolutionOpBase<"convolution", (ins Cleave_FloatTensor:$input,
    Cleave_FloatTensor:$weight, Optional<Cleave_FloatTensor>:$bias)> {
  let summary = "Multiplies the windows of an image by filters";
  let description = [{
    `weight` is [out, in / groups, rows, columns]: an output channel sums over its group's input channels and over a
    window's elements, of which those in the padding are 0. `bias` [out] is added.

    Example:
    ```mlir
    %y = cleave.convolution %x, %w
        {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, groups = 1 : i64}
        : (tensor<4x3x8x8xf32>, tensor<6x3x3x3xf32>) -> tensor<4x6x4x4xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$result);
  let ruleText = [{
    return getGroups() == 1 ? "n c [h] [w], o c [p] [q], o -> n o [y] [x]"
                            : "n [c] [h] [w], [o] [i] [p] [q], [o] -> n [o] [y] [x]";
  }];
  let strategies = [{ ::cleave::addGroupStrategy(*this, getGroups(), {1, 0, 0}, 1, rule); }];
  let addends = [2];
  let type = [{::cleave::convolutionType(location, adaptor.getInput().getType(), adaptor.getWeight().getType(), steps,
                                         adaptor.getGroups())}];
  let flops = [{ return ::cleave::convolutionFlops(getResult(), getWeight()); }];
  let gradient = [{
    Gradients gradients{
        ConvolutionInputGradientOp::create(b, loc, dResult, getWeight(), getStrides(), getPadding(), getDilation(),
                                           getGroups(), ::cleave::rowsAndColumns(getInput())),
        ConvolutionWeightGradientOp::create(b, loc, getInput(), dResult, getStrides(), getPadding(), getDilation(),
                                            getGroups(), ::cleave::rowsAndColumns(getWeight()))};
    if (getBias()) gradients.push_back(ReduceOp::create(b, loc, dResult, "sum", {0, 2, 3}));
    return gradients;
  }];
}

def Cleave_ConvolutionInputGradientOp : Cleave_ConvolutionOpBase<"convolution_input_gradient",
    (ins Cleave_FloatTensor:$d_result, Cleave_FloatTensor:$weight), (ins DenseI64ArrayAttr:$image)> {
  let summary = "Gradient of a convolution's input";
  let description = [{
    `image` is the size of that input, which strides leave open.

    Example:
    ```mlir
    %dx = cleave.convolution_input_gradient %dy, %w
        {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, groups = 1 : i64,
         image = array<i64: 8, 8>} : (tensor<4x6x4x4xf32>, tensor<6x3x3x3xf32>) -> tensor<4x3x8x8xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$d_input);
  let ruleText = [{
    return getGroups() == 1 ? "n o [y] [x], o c [p] [q] -> n c [h] [w]"
                            : "n [o] [y] [x], [o] [i] [p] [q] -> n [c] [h] [w]";
  }];
  let strategies = [{ ::cleave::addGroupStrategy(*this, getGroups(), {1, 0}, 1, rule); }];
  let type = [{::cleave::convolutionInputType(location, adaptor.getDResult().getType(), adaptor.getWeight().getType(),
                                              steps, adaptor.getGroups(), adaptor.getImage())}];
  let flops = [{ return ::cleave::convolutionFlops(getDResult(), getWeight()); }];
  let gradient = [{
    return Gradients{
        ConvolutionOp::create(b, loc, dResult, getWeight(), /*bias=*/::mlir::Value(), getStrides(), getPadding(),
                              getDilation(), getGroups()),
        ConvolutionWeightGradientOp::create(b, loc, dResult, getDResult(), getStrides(), getPadding(), getDilation(),
                                            getGroups(), ::cleave::rowsAndColumns(getWeight()))};
  }];
}

def Cleave_ConvolutionWeightGradientOp : Cleave_ConvolutionOpBase<"convolution_weight_gradient",
    (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$d_result), (ins DenseI64ArrayAttr:$window)> {
  let summary = "Gradient of a convolution's weight";
  let description = [{
    `window` is the size of its windows, which strides leave open.

    Example:
    ```mlir
    %dw = cleave.convolution_weight_gradient %x, %dy
        {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, groups = 1 : i64,
         window = array<i64: 3, 3>} : (tensor<4x3x8x8xf32>, tensor<4x6x4x4xf32>) -> tensor<6x3x3x3xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$d_weight);
  let ruleText = [{
    return getGroups() == 1 ? "n c [h] [w], n o [y] [x] -> o c [p] [q]"
                            : "n [c] [h] [w], n [o] [y] [x] -> [o] [i] [p] [q]";
  }];
  let strategies = [{ ::cleave::addGroupStrategy(*this, getGroups(), {1, 1}, 0, rule); }];
  let type = [{::cleave::convolutionWeightType(location, adaptor.getInput().getType(), adaptor.getDResult().getType(),
                                               steps, adaptor.getGroups(), adaptor.getWindow())}];
  let flops = [{ return ::cleave::convolutionFlops(getDResult(), getDWeight()); }];
  let gradient = [{
    return Gradients{
        ConvolutionInputGradientOp::create(b, loc, getDResult(), dResult, getStrides(), getPadding(), getDilation(),
                                           getGroups(), ::cleave::rowsAndColumns(getInput())),
        ConvolutionOp::create(b, loc, getInput(), dResult, /*bias=*/::mlir::Value(), getStrides(), getPadding(),
                              getDilation(), getGroups())};
  }];
}

def Cleave_MaxPoolOp : Cleave_WindowOp<"max_pool", (ins Cleave_FloatTensor:$input), (ins DenseI64ArrayAttr:$window)> {
  let summary = "The largest element of each window";
  let description = [{
    Elements in the padding don't count; there is at least one of the image in each window, since the padding is at most
    half of it.

    Example:
    ```mlir
    %y = cleave.max_pool %x {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>,
                             window = array<i64: 3, 3>} : (tensor<4x3x8x8xf32>) -> tensor<4x3x4x4xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "n c [h] [w] -> n c [y] [x]";
  let type = [{::cleave::maxPoolType(location, adaptor.getInput().getType(), steps, adaptor.getWindow())}];
  let flops = [{ return ::cleave::poolFlops(getResult(), getWindow()); }];
  let gradient = [{
    return Gradients{MaxPoolGradientOp::create(b, loc, getInput(), getResult(), dResult, getStrides(), getPadding(),
                                               getDilation(), getWindow())};
  }];
  let decomposition = [{ return {::cleave::decomposeMaxPool(b, *this)}; }];
}

def Cleave_MaxPoolGradientOp : Cleave_WindowOp<"max_pool_gradient", (ins Cleave_FloatTensor:$input,
    Cleave_FloatTensor:$result, Cleave_FloatTensor:$d_result), (ins DenseI64ArrayAttr:$window)> {
  let summary = "Gradient of max_pool";
  let description = [{
    Elements that are the largest of a window together share its gradient.

    Example:
    ```mlir
    %dx = cleave.max_pool_gradient %x, %y, %dy
        {strides = array<i64: 2, 2>, padding = array<i64: 1, 1>, dilation = array<i64: 1, 1>, window = array<i64: 3, 3>}
        : (tensor<4x3x8x8xf32>, tensor<4x3x4x4xf32>, tensor<4x3x4x4xf32>) -> tensor<4x3x8x8xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$d_input);
  let rule = "n c [h] [w], n c [y] [x], n c [y] [x] -> n c [h] [w]";
  let linearEach = [2];
  let type = [{::cleave::maxPoolGradientType(location, adaptor.getInput().getType(), adaptor.getResult().getType(),
                                             adaptor.getDResult().getType(), steps, adaptor.getWindow())}];
  let flops = [{ return 2 * ::cleave::poolFlops(getDResult(), getWindow()); }];
  let gradient = [{ return ::mlir::failure(); }];  // of its decomposition
  let decomposition = [{ return {::cleave::decomposeMaxPoolGradient(b, *this)}; }];
}

def Cleave_AveragePoolOp : Cleave_WindowOp<"average_pool", (ins Cleave_FloatTensor:$input),
                                           (ins DenseI64ArrayAttr:$window)> {
  let summary = "The mean of each window";
  let description = [{
    Elements in the padding count as 0.

    Example:
    ```mlir
    %y = cleave.average_pool %x {strides = array<i64: 2, 2>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>,
                                 window = array<i64: 2, 2>} : (tensor<4x3x8x8xf32>) -> tensor<4x3x4x4xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "n c [h] [w] -> n c [y] [x]";
  let linearEach = [0];
  let type = [{::cleave::poolType(location, adaptor.getInput().getType(), steps, adaptor.getWindow())}];
  let flops = [{ return ::cleave::poolFlops(getResult(), getWindow()); }];
  let gradient = [{
    return Gradients{AveragePoolGradientOp::create(b, loc, dResult, getStrides(), getPadding(), getDilation(),
                                                   getWindow(), ::cleave::rowsAndColumns(getInput()))};
  }];
}

def Cleave_AveragePoolGradientOp : Cleave_WindowOp<"average_pool_gradient", (ins Cleave_FloatTensor:$d_result),
    (ins DenseI64ArrayAttr:$window, DenseI64ArrayAttr:$image)> {
  let summary = "Gradient of average_pool";
  let description = [{
    `image` is the size of its input, which strides leave open.

    Example:
    ```mlir
    %dx = cleave.average_pool_gradient %dy
        {strides = array<i64: 2, 2>, padding = array<i64: 0, 0>, dilation = array<i64: 1, 1>, window = array<i64: 2, 2>,
         image = array<i64: 8, 8>} : (tensor<4x3x4x4xf32>) -> tensor<4x3x8x8xf32>
    ```
  }];
  let results = (outs Cleave_FloatTensor:$d_input);
  let rule = "n c [y] [x] -> n c [h] [w]";
  let linearEach = [0];
  let type = [{::cleave::averagePoolInputType(location, adaptor.getDResult().getType(), steps, adaptor.getWindow(),
                                              adaptor.getImage())}];
  let flops = [{ return ::cleave::poolFlops(getDResult(), getWindow()); }];
  let gradient = [{
    return Gradients{AveragePoolOp::create(b, loc, dResult, getStrides(), getPadding(), getDilation(), getWindow())};
  }];
}
