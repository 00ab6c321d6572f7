// Ops that work element by element. All values have one shape: broadcasting is an op of its own.

#ifndef CLEAVE_IR_OPS_ELEMENTWISE
#define CLEAVE_IR_OPS_ELEMENTWISE

include "ir/interfaces.td"
include "ir/types.td"

class Cleave_UnaryOp<string mnemonic, list<Trait> traits = []> : Cleave_InferredOp<mnemonic, traits> {
  let arguments = (ins Cleave_FloatTensor:$input);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... -> ...";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let inPlace = [0];
}

class Cleave_BinaryOp<string mnemonic, Type type, list<Trait> traits = []> : Cleave_InferredOp<mnemonic, traits> {
  let arguments = (ins type:$lhs, type:$rhs);
  let results = (outs type:$result);
  let rule = "..., ... -> ...";
  let infer = [{
    if (failed(::cleave::sameElement(location, adaptor.getLhs().getType(), adaptor.getRhs().getType())))
      return ::mlir::failure();
    types.push_back(::cleave::unplaced(adaptor.getLhs().getType()));
  }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let inPlace = [0];
}

//===- Arithmetic -------------------------------------------------------------------------------===//

def Cleave_AddOp : Cleave_BinaryOp<"add", Cleave_NumberTensor, [Commutative]> {
  let summary = "Adds two values";
  let description = [{
    Example:
    ```mlir
    %y = cleave.add %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let linearTogether = [0, 1]; // a term plus a whole value would be counted once for each device
  let gradient = [{ return Gradients{dResult, dResult}; }];
  let hasCanonicalizer = 1; // an embedding_gradient starts from the other term
}

def Cleave_SubOp : Cleave_BinaryOp<"sub", Cleave_NumberTensor> {
  let summary = "Subtracts the second value from the first";
  let description = [{
    Example:
    ```mlir
    %y = cleave.sub %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let linearTogether = [0, 1];
  let gradient = [{ return Gradients{dResult, NegOp::create(b, loc, dResult)}; }];
}

def Cleave_MulOp : Cleave_BinaryOp<"mul", Cleave_NumberTensor> {
  let summary = "Multiplies two values";
  let description = [{
    Example:
    ```mlir
    %y = cleave.mul %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let linearEach = [0, 1];
  let gradient = [{
    return Gradients{MulOp::create(b, loc, dResult, getRhs()), MulOp::create(b, loc, dResult, getLhs())};
  }];
}

def Cleave_DivOp : Cleave_BinaryOp<"div", Cleave_FloatTensor> {
  let summary = "Divides the first value by the second";
  let description = [{
    Example:
    ```mlir
    %y = cleave.div %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let linearEach = [0];
  let gradient = [{
    ::mlir::Value dLhs = DivOp::create(b, loc, dResult, getRhs());
    return Gradients{dLhs, NegOp::create(b, loc, MulOp::create(b, loc, dLhs, getResult()))};
  }];
}

def Cleave_PowOp : Cleave_BinaryOp<"pow", Cleave_FloatTensor> {
  let summary = "Raises the first value to the power of the second";
  let description = [{
    Where the first value is negative, the gradient of the exponent is not a number, as is its logarithm.

    Example:
    ```mlir
    %y = cleave.pow %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    ::mlir::Value one = ::cleave::splat(b, loc, getRhs().getType(), 1);
    ::mlir::Value lower = PowOp::create(b, loc, getLhs(), SubOp::create(b, loc, getRhs(), one));
    ::mlir::Value dLhs = MulOp::create(b, loc, dResult, MulOp::create(b, loc, getRhs(), lower));
    ::mlir::Value slope = MulOp::create(b, loc, getResult(), LogOp::create(b, loc, getLhs()));
    return Gradients{dLhs, MulOp::create(b, loc, dResult, slope)};
  }];
}

// The gradient goes to the operand that was taken, and to the first where both are equal.
class Cleave_ExtremeOp<string mnemonic, string direction> : Cleave_BinaryOp<mnemonic, Cleave_NumberTensor> {
  let gradient = [{
    ::mlir::Value first = CompareOp::create(b, loc, getLhs(), getRhs(), "}] # direction # [{");
    ::mlir::Value zero = ::cleave::splat(b, loc, dResult.getType(), 0);
    return Gradients{SelectOp::create(b, loc, first, dResult, zero), SelectOp::create(b, loc, first, zero, dResult)};
  }];
}

def Cleave_MaximumOp : Cleave_ExtremeOp<"maximum", "ge"> {
  let summary = "Takes the greater of two values";
  let description = [{
    Example:
    ```mlir
    %y = cleave.maximum %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def Cleave_MinimumOp : Cleave_ExtremeOp<"minimum", "le"> {
  let summary = "Takes the lesser of two values";
  let description = [{
    Example:
    ```mlir
    %y = cleave.minimum %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
}

def Cleave_AddNOp : Cleave_InferredOp<"add_n"> {
  let summary = "Adds any number of values, from the left";
  let description = [{
    Example:
    ```mlir
    %y = cleave.add_n %a, %b, %c : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Variadic<Cleave_FloatTensor>:$terms);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... -> ...";
  let linearTogether = [0];
  let infer = [{
    if (adaptor.getTerms().empty()) return ::mlir::emitOptionalError(location, "requires at least one term, got none");
    types.push_back(::cleave::unplaced(adaptor.getTerms()[0].getType()));
  }];
  let flops = [{ return ::cleave::elementsOf(getResult()) * getTerms().size(); }];
  let gradient = [{ return Gradients(getTerms().size(), dResult); }];
  let hasFolder = 1;
}

def Cleave_NegOp : Cleave_UnaryOp<"neg"> {
  let summary = "Negates a value";
  let description = [{
    Example:
    ```mlir
    %y = cleave.neg %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let linearEach = [0];
  let antitone = [0];
  let gradient = [{ return Gradients{NegOp::create(b, loc, dResult)}; }];
  let hasFolder = 1;
}

def Cleave_ScaleOp : Cleave_UnaryOp<"scale"> {
  let summary = "Multiplies a value by a constant";
  let description = [{
    Example:
    ```mlir
    %y = cleave.scale %x {factor = 0.5 : f64} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, F64Attr:$factor);
  let linearEach = [0];
  let gradient = [{ return Gradients{ScaleOp::create(b, loc, dResult, getFactorAttr())}; }];
  let hasFolder = 1;
}

//===- Functions of one value -------------------------------------------------------------------===//

def Cleave_ExpOp : Cleave_UnaryOp<"exp"> {
  let summary = "Exponential";
  let description = [{
    Example:
    ```mlir
    %y = cleave.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{ return Gradients{MulOp::create(b, loc, dResult, getResult())}; }];
}

def Cleave_LogOp : Cleave_UnaryOp<"log"> {
  let summary = "Natural logarithm";
  let description = [{
    Example:
    ```mlir
    %y = cleave.log %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{ return Gradients{DivOp::create(b, loc, dResult, getInput())}; }];
}

def Cleave_SqrtOp : Cleave_UnaryOp<"sqrt"> {
  let summary = "Square root";
  let description = [{
    Example:
    ```mlir
    %y = cleave.sqrt %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    return Gradients{ScaleOp::create(b, loc, DivOp::create(b, loc, dResult, getResult()), b.getF64FloatAttr(0.5))};
  }];
}

def Cleave_RsqrtOp : Cleave_UnaryOp<"rsqrt"> {
  let summary = "One over the square root";
  let description = [{
    Example:
    ```mlir
    %y = cleave.rsqrt %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    ::mlir::Value cube = MulOp::create(b, loc, getResult(), MulOp::create(b, loc, getResult(), getResult()));
    return Gradients{ScaleOp::create(b, loc, MulOp::create(b, loc, dResult, cube), b.getF64FloatAttr(-0.5))};
  }];
}

def Cleave_AbsOp : Cleave_UnaryOp<"abs"> {
  let summary = "Absolute value";
  let description = [{
    Example:
    ```mlir
    %y = cleave.abs %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    ::mlir::Value zero = ::cleave::splat(b, loc, getInput().getType(), 0);
    ::mlir::Value isNegative = CompareOp::create(b, loc, getInput(), zero, "lt");
    return Gradients{SelectOp::create(b, loc, isNegative, NegOp::create(b, loc, dResult), dResult)};
  }];
}

def Cleave_SinOp : Cleave_UnaryOp<"sin"> {
  let summary = "Sine";
  let description = [{
    Example:
    ```mlir
    %y = cleave.sin %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{ return Gradients{MulOp::create(b, loc, dResult, CosOp::create(b, loc, getInput()))}; }];
}

def Cleave_CosOp : Cleave_UnaryOp<"cos"> {
  let summary = "Cosine";
  let description = [{
    Example:
    ```mlir
    %y = cleave.cos %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    return Gradients{NegOp::create(b, loc, MulOp::create(b, loc, dResult, SinOp::create(b, loc, getInput())))};
  }];
}

def Cleave_TanhOp : Cleave_UnaryOp<"tanh"> {
  let summary = "Hyperbolic tangent";
  let description = [{
    Example:
    ```mlir
    %y = cleave.tanh %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    ::mlir::Value square = MulOp::create(b, loc, getResult(), getResult());
    return Gradients{SubOp::create(b, loc, dResult, MulOp::create(b, loc, dResult, square))};
  }];
}

def Cleave_SigmoidOp : Cleave_UnaryOp<"sigmoid"> {
  let summary = "Logistic function 1 / (1 + exp(-x))";
  let description = [{
    Example:
    ```mlir
    %y = cleave.sigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{
    ::mlir::Value square = MulOp::create(b, loc, getResult(), getResult());
    return Gradients{MulOp::create(b, loc, dResult, SubOp::create(b, loc, getResult(), square))};
  }];
}

//===- Choices ----------------------------------------------------------------------------------===//

def Cleave_CompareOp : Cleave_InferredOp<"compare"> {
  let summary = "Compares two values";
  let description = [{
    `direction` is one of `"eq"`, `"ne"`, `"lt"`, `"le"`, `"gt"`, `"ge"`.

    Example:
    ```mlir
    %m = cleave.compare %a, %b {direction = "lt"} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
    ```
  }];
  let arguments = (ins Cleave_NumberTensor:$lhs, Cleave_NumberTensor:$rhs,
                       Cleave_OneOf<["eq", "ne", "lt", "le", "gt", "ge"]>:$direction);
  let results = (outs Cleave_BoolTensor:$result);
  let rule = "..., ... -> ...";
  let infer = [{
    if (failed(::cleave::sameElement(location, adaptor.getLhs().getType(), adaptor.getRhs().getType())))
      return ::mlir::failure();
    types.push_back(::cleave::withElement(adaptor.getLhs().getType(), ::mlir::IntegerType::get(context, 1)));
  }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let gradient = [{ return Gradients{{}, {}}; }];
}

class Cleave_LogicalOp<string mnemonic> : Cleave_BinaryOp<mnemonic, Cleave_BoolTensor> {
  let gradient = [{ return Gradients{{}, {}}; }];
}

def Cleave_LogicalAndOp : Cleave_LogicalOp<"logical_and"> {
  let summary = "True where both are";
  let description = [{
    Example:
    ```mlir
    %m = cleave.logical_and %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
  }];
}

def Cleave_LogicalOrOp : Cleave_LogicalOp<"logical_or"> {
  let summary = "True where one is";
  let description = [{
    Example:
    ```mlir
    %m = cleave.logical_or %a, %b : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
    ```
  }];
}

def Cleave_LogicalNotOp : Cleave_InferredOp<"logical_not"> {
  let summary = "True where the operand is not";
  let description = [{
    Example:
    ```mlir
    %m = cleave.logical_not %a : (tensor<4xi1>) -> tensor<4xi1>
    ```
  }];
  let arguments = (ins Cleave_BoolTensor:$input);
  let results = (outs Cleave_BoolTensor:$result);
  let rule = "... -> ...";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let gradient = [{ return Gradients{{}}; }];
  let inPlace = [0];
  let hasFolder = 1;
}

def Cleave_SelectOp : Cleave_InferredOp<"select"> {
  let summary = "Takes the second value where the first is true, else the third";
  let description = [{
    Example:
    ```mlir
    %y = cleave.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Cleave_BoolTensor:$condition, Cleave_Tensor:$on_true, Cleave_Tensor:$on_false);
  let results = (outs Cleave_Tensor:$result);
  let rule = "..., ..., ... -> ...";
  let linearTogether = [1, 2];
  let infer = [{
    if (failed(::cleave::sameElement(location, adaptor.getOnTrue().getType(), adaptor.getOnFalse().getType())))
      return ::mlir::failure();
    types.push_back(::cleave::unplaced(adaptor.getOnTrue().getType()));
  }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let inPlace = [1];
  let gradient = [{
    ::mlir::Value zero = ::cleave::splat(b, loc, dResult.getType(), 0);
    return Gradients{{}, SelectOp::create(b, loc, getCondition(), dResult, zero),
                     SelectOp::create(b, loc, getCondition(), zero, dResult)};
  }];
  let hasFolder = 1;
}

def Cleave_ConvertOp : Cleave_TensorOp<"convert"> {
  let summary = "Gives the elements another type";
  let description = [{
    From a float to an integer it drops the fraction; to a bool it tells what is not zero.

    Example:
    ```mlir
    %y = cleave.convert %x : (tensor<4xi32>) -> tensor<4xf32>
    ```
  }];
  let arguments = (ins Cleave_Tensor:$input);
  let results = (outs Cleave_Tensor:$result);
  let rule = "... -> ...";
  let strategies = [{ ::cleave::addConvertStrategies(getInput().getType(), getType(), rule); }];
  let mixesElements = 1;
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let gradient = [{
    if (!::mlir::isa<::mlir::FloatType>(getInput().getType().getElementType())) return Gradients{{}};
    return Gradients{ConvertOp::create(b, loc, ::cleave::unplaced(getInput().getType()), dResult)};
  }];
  let hasFolder = 1;
}

//===- Randomness -------------------------------------------------------------------------------===//

def Cleave_DropoutOp : Cleave_InferredOp<"dropout"> {
  let summary = "Zeroes elements at random and scales the others by 1 / (1 - rate)";
  let description = [{
    Which elements, follows from the key (seed and step of the run, four words), `id` (stable, one an op) and the
    element's place in the whole value, and from nothing else.

    Example:
    ```mlir
    %y = cleave.dropout %x, %key {rate = 0.1 : f64, id = 7 : i64} : (tensor<4x8xf32>, tensor<4xi32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_KeyTensor:$key, F64Attr:$rate, Cleave_IntAttr:$id,
                       DefaultValuedAttr<Cleave_IntAttr, "0">:$element_offset);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "..., [four] -> ...";
  let linearEach = [0];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let gradient = [{
    return Gradients{DropoutOp::create(b, loc, dResult, getKey(), getRateAttr(), getIdAttr(), getElementOffsetAttr()),
                     {}};
  }];
  let local = [{
    attributes.set("global_shape", local.results[0].global);
    attributes.set("offset", local.results[0].start);
  }];
  let inference = [{ return getInput(); }];
  let chunk = [{ setElementOffset(index * int64_t(::cleave::elementsOf(getResult()))); }];
  let inPlace = [0];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Cleave_RandomOp : Cleave_TensorOp<"random"> {
  let summary = "Draws a value: normal or uniform";
  let description = [{
    Normal with `mean` and `deviation`, or uniform in mean +- deviation. Row `zero_row` of dimension 0 is zero
    (-1: none).

    Example:
    ```mlir
    %w = cleave.random %key {distribution = "normal", mean = 0.0 : f64, deviation = 0.02 : f64, id = 3 : i64}
         : (tensor<4xi32>) -> tensor<96x64xf32>
    ```
  }];
  let arguments = (ins Cleave_KeyTensor:$key, Cleave_OneOf<["normal", "uniform"]>:$distribution, F64Attr:$mean,
                       F64Attr:$deviation, Cleave_IntAttr:$id, DefaultValuedAttr<Cleave_IntAttr, "-1">:$zero_row);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "[four] -> ...";
  // A slice would draw the first one's numbers.
  let slice = [{ return ::mlir::success(original.getType() == getType()); }];
  let flops = [{ return 0; }];
  let gradient = [{ return Gradients{{}}; }];
  let local = [{
    attributes.set("global_shape", local.results[0].global);
    attributes.set("offset", local.results[0].start);
  }];
}

#endif // CLEAVE_IR_OPS_ELEMENTWISE
