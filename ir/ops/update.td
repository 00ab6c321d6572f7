// Clipping and optimizer updates. Results may take over the bytes of the value that they update.

include "ir/interfaces.td"
include "ir/types.td"

def Cleave_ClipScaleOp : Cleave_InferredOp<"clip_scale"> {
  let summary = "Factor that clips a gradient of that norm: min(1, max_norm / (norm + 1e-6))";
  let description = [{
    Example:
    ```mlir
    %s = cleave.clip_scale %norm {max_norm = 1.0 : f64} : (tensor<f32>) -> tensor<f32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$norm, F64Attr:$max_norm);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = " -> ";
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getNorm().getType())); }];
  let flops = [{ return 3; }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return {::cleave::decomposeClipScale(b, *this)}; }];
}

def Cleave_AdamwOp : Cleave_InferredOp<"adamw"> {
  let summary = "AdamW's update of one parameter and its moments";
  let description = [{
    With g = scale * grad and lr' = lr * lr_factor: p -= lr' wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
    p -= lr' (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), where t is `count`, from 1. Where `active` is false
    nothing changes. Loshchilov, Hutter, "Decoupled Weight Decay Regularization", 2019.

    Its gradient is not a number where v' is 0: there the root has no slope.

    Example:
    ```mlir
    %p1, %m1, %v1 = cleave.adamw %p, %g, %m, %v, %lr, %scale, %count, %active
        {beta1 = 0.9 : f64, beta2 = 0.999 : f64, epsilon = 1.0e-8 : f64, weight_decay = 0.1 : f64,
         lr_factor = 1.0 : f64}
        : (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<f32>,
           tensor<i1>)
        -> (tensor<8xf32>, tensor<8xf32>, tensor<8xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$param, Cleave_FloatTensor:$grad, Cleave_FloatTensor:$m,
                       Cleave_FloatTensor:$v, Cleave_FloatTensor:$lr, Cleave_FloatTensor:$scale,
                       Cleave_FloatTensor:$count, Cleave_BoolTensor:$active,
                       F64Attr:$beta1, F64Attr:$beta2, F64Attr:$epsilon, F64Attr:$weight_decay, F64Attr:$lr_factor);
  let results = (outs Cleave_FloatTensor:$new_param, Cleave_FloatTensor:$new_m, Cleave_FloatTensor:$new_v);
  let rule = "..., ..., ..., ..., , , ,  -> ..., ..., ...";
  let inPlace = [0, 2, 3];
  let infer = [{ types.append(3, ::cleave::unplaced(adaptor.getParam().getType())); }];
  let flops = [{ return 14 * ::cleave::elementsOf(getParam()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeAdamw(b, *this); }];
}

def Cleave_SgdOp : Cleave_TensorOp<"sgd"> {
  let summary = "Stochastic gradient descent's update of one parameter, with momentum if there is a buffer";
  let description = [{
    g = scale * grad + wd p; buffer = momentum buffer + g; p -= lr lr_factor buffer (g, without a buffer). Where
    `active` is false nothing changes.

    Example:
    ```mlir
    %p1 = cleave.sgd %p, %g, %lr, %scale, %active
        {momentum = 0.0 : f64, weight_decay = 0.0 : f64, lr_factor = 1.0 : f64}
        : (tensor<8xf32>, tensor<8xf32>, tensor<f32>, tensor<f32>, tensor<i1>) -> tensor<8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$param, Cleave_FloatTensor:$grad, Optional<Cleave_FloatTensor>:$buffer,
                       Cleave_FloatTensor:$lr, Cleave_FloatTensor:$scale, Cleave_BoolTensor:$active,
                       F64Attr:$momentum, F64Attr:$weight_decay, F64Attr:$lr_factor);
  let results = (outs Cleave_FloatTensor:$new_param, Variadic<Cleave_FloatTensor>:$new_buffer);
  let rule = "..., ..., ..., , ,  -> ..., ...";
  let inPlace = [0, 2];
  let flops = [{ return 5 * ::cleave::elementsOf(getParam()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeSgd(b, *this); }];
  let hasVerifier = 1;
}
