// Activation functions, and the ops of their gradients.

include "ir/ops/elementwise.td"

class Cleave_ActivationGradientOp<string mnemonic> : Cleave_InferredOp<mnemonic> {
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$d_result);
  let results = (outs Cleave_FloatTensor:$d_input);
  let rule = "..., ... -> ...";
  let linearEach = [1];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return ::cleave::elementsOf(getResult()); }];
  let inPlace = [1];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
}

def Cleave_ReluOp : Cleave_UnaryOp<"relu"> {
  let summary = "max(x, 0)";
  let description = [{
    Example:
    ```mlir
    %y = cleave.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{ return Gradients{ReluGradientOp::create(b, loc, getInput(), dResult)}; }];
}

def Cleave_ReluGradientOp : Cleave_ActivationGradientOp<"relu_gradient"> {
  let summary = "Gradient of relu: passes where the input is positive";
  let description = [{
    Example:
    ```mlir
    %dx = cleave.relu_gradient %x, %dy : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let decomposition = [{
    ::mlir::Value zero = ::cleave::splat(b, loc, getInput().getType(), 0);
    ::mlir::Value isPositive = CompareOp::create(b, loc, getInput(), zero, "gt");
    return {SelectOp::create(b, loc, isPositive, getDResult(), zero)};
  }];
}

def Cleave_SiluOp : Cleave_UnaryOp<"silu"> {
  let summary = "x * sigmoid(x)";
  let description = [{
    Example:
    ```mlir
    %y = cleave.silu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let gradient = [{ return Gradients{SiluGradientOp::create(b, loc, getInput(), dResult)}; }];
}

def Cleave_SiluGradientOp : Cleave_ActivationGradientOp<"silu_gradient"> {
  let summary = "Gradient of silu: s (1 + x (1 - s)), s = sigmoid(x)";
  let description = [{
    Example:
    ```mlir
    %dx = cleave.silu_gradient %x, %dy : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let decomposition = [{
    ::mlir::Value s = SigmoidOp::create(b, loc, getInput());
    ::mlir::Value rest = SubOp::create(b, loc, s, MulOp::create(b, loc, s, s));
    ::mlir::Value slope = AddOp::create(b, loc, s, MulOp::create(b, loc, getInput(), rest));
    return {MulOp::create(b, loc, getDResult(), slope)};
  }];
}

def Cleave_GeluOp : Cleave_UnaryOp<"gelu"> {
  let summary = "x times the normal distribution's cumulative function";
  let description = [{
    `approximate` is `"none"` (by erf) or `"tanh"`: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Hendrycks and
    Gimpel, "Gaussian Error Linear Units", 2016.

    Example:
    ```mlir
    %y = cleave.gelu %x {approximate = "tanh"} : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_OneOf<["none", "tanh"]>:$approximate);
  let flops = [{ return 10 * ::cleave::elementsOf(getResult()); }];
  let gradient = [{ return Gradients{GeluGradientOp::create(b, loc, getInput(), dResult, getApproximateAttr())}; }];
}

def Cleave_GeluGradientOp : Cleave_ActivationGradientOp<"gelu_gradient"> {
  let summary = "Gradient of gelu";
  let description = [{
    Example:
    ```mlir
    %dx = cleave.gelu_gradient %x, %dy {approximate = "none"} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$d_result,
                       Cleave_OneOf<["none", "tanh"]>:$approximate);
  let flops = [{ return 20 * ::cleave::elementsOf(getResult()); }];
  // erf form: the slope F(x) + x f(x) has the slope f(x) (2 - x^2), with the normal density f and its integral F. The
  // tanh form
  // is differentiated through its decomposition.
  let gradient = [{
    if (getApproximate() != "none") return ::mlir::failure();
    auto scaled = [&](::mlir::Value v, double f) -> ::mlir::Value {
      return ScaleOp::create(b, loc, v, b.getF64FloatAttr(f));
    };
    ::mlir::Value x = getInput(), square = MulOp::create(b, loc, x, x);
    ::mlir::Value density = scaled(ExpOp::create(b, loc, scaled(square, -0.5)), 0.3989422804014327);
    ::mlir::Value rest = SubOp::create(b, loc, ::cleave::splat(b, loc, x.getType(), 2), square);
    ::mlir::Value slope = MulOp::create(b, loc, density, rest);
    ::mlir::Value dInput = MulOp::create(b, loc, dResult, MulOp::create(b, loc, getDResult(), slope));
    return Gradients{dInput, GeluGradientOp::create(b, loc, x, dResult, getApproximateAttr())};
  }];
  // tanh form: slope = 0.5 (1 + t) + 0.5 x (1 - t^2) c (1 + 3 a x^2), with t = tanh(c (x + a x^3)).
  let decomposition = [{
    if (getApproximate() != "tanh") return {};
    const double c = 0.7978845608028654, a = 0.044715;
    auto scaled = [&](::mlir::Value v, double f) -> ::mlir::Value {
      return ScaleOp::create(b, loc, v, b.getF64FloatAttr(f));
    };
    auto product = [&](::mlir::Value v, ::mlir::Value w) -> ::mlir::Value { return MulOp::create(b, loc, v, w); };
    ::mlir::Value x = getInput(), one = ::cleave::splat(b, loc, x.getType(), 1);
    ::mlir::Value square = product(x, x);
    ::mlir::Value inner = scaled(AddOp::create(b, loc, x, scaled(product(x, square), a)), c);
    ::mlir::Value t = TanhOp::create(b, loc, inner);
    ::mlir::Value dInner = scaled(AddOp::create(b, loc, one, scaled(square, 3 * a)), c);
    ::mlir::Value dTanh = product(SubOp::create(b, loc, one, product(t, t)), dInner);
    ::mlir::Value slope = scaled(AddOp::create(b, loc, AddOp::create(b, loc, one, t), product(x, dTanh)), 0.5);
    return {product(getDResult(), slope)};
  }];
}
