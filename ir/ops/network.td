// Norms, attention and the loss.

include "ir/interfaces.td"
include "ir/types.td"

//===- Norms ------------------------------------------------------------------------------------===//

def Cleave_LayerNormOp : Cleave_InferredOp<"layer_norm"> {
  let summary = "Centers and scales the last dimension: (x - mean) * rstd * gamma + beta";
  let description = [{
    Also gives the mean and rstd = 1 / sqrt(variance + epsilon) of each row. Ba, Kiros, Hinton, "Layer Normalization",
    2016.

    Example:
    ```mlir
    %y, %mean, %rstd = cleave.layer_norm %x, %gamma, %beta {epsilon = 1.0e-5 : f64}
        : (tensor<4x16x64xf32>, tensor<64xf32>, tensor<64xf32>)
            -> (tensor<4x16x64xf32>, tensor<4x16xf32>, tensor<4x16xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$gamma, Cleave_FloatTensor:$beta,
                       F64Attr:$epsilon);
  let results = (outs Cleave_FloatTensor:$result, Cleave_FloatTensor:$mean, Cleave_FloatTensor:$rstd);
  let rule = "... [c], [c], [c] -> ... [c], ..., ...";
  let infer = [{
    ::mlir::Type rows = ::cleave::withoutLast(adaptor.getInput().getType());
    if (!rows) return ::mlir::emitOptionalError(location, "requires an operand of rank 1 and more");
    types.append({::cleave::unplaced(adaptor.getInput().getType()), rows, rows});
  }];
  let flops = [{ return 8 * ::cleave::elementsOf(getResult()); }];
  let gradient = [{
    if (dResults[1] || dResults[2]) return ::mlir::failure();
    auto d = LayerNormGradientOp::create(b, loc, dResult, getInput(), getGamma(), getMean(), getRstd());
    return Gradients{d.getDInput(), d.getDGamma(), d.getDBeta()};
  }];
  let decomposition = [{ return ::cleave::decomposeLayerNorm(b, *this); }];
}

def Cleave_LayerNormGradientOp : Cleave_InferredOp<"layer_norm_gradient"> {
  let summary = "Gradient of layer_norm";
  let description = [{
    Example:
    ```mlir
    %dx, %dgamma, %dbeta = cleave.layer_norm_gradient %dy, %x, %gamma, %mean, %rstd
        : (tensor<4x64xf32>, tensor<4x64xf32>, tensor<64xf32>, tensor<4xf32>, tensor<4xf32>)
        -> (tensor<4x64xf32>, tensor<64xf32>, tensor<64xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$d_result, Cleave_FloatTensor:$input, Cleave_FloatTensor:$gamma,
                       Cleave_FloatTensor:$mean, Cleave_FloatTensor:$rstd);
  let results = (outs Cleave_FloatTensor:$d_input, Cleave_FloatTensor:$d_gamma, Cleave_FloatTensor:$d_beta);
  let rule = "... [c], ... [c], [c], ..., ... -> ... [c], [c], [c]";
  let linearEach = [0];
  let inPlace = [0, -1, -1];
  let infer = [{
    ::mlir::Type gamma = ::cleave::unplaced(adaptor.getGamma().getType());
    types.append({::cleave::unplaced(adaptor.getInput().getType()), gamma, gamma});
  }];
  let flops = [{ return 14 * ::cleave::elementsOf(getDInput()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeLayerNormGradient(b, *this); }];
}

def Cleave_RmsNormOp : Cleave_InferredOp<"rms_norm"> {
  let summary = "Scales the last dimension by its root mean square: x * rstd * gamma";
  let description = [{
    Also gives rstd = 1 / sqrt(mean(x^2) + epsilon) of each row. Zhang, Sennrich, "Root Mean Square Layer
    Normalization", 2019.

    Example:
    ```mlir
    %y, %rstd = cleave.rms_norm %x, %gamma {epsilon = 1.0e-6 : f64}
        : (tensor<4x16x64xf32>, tensor<64xf32>) -> (tensor<4x16x64xf32>, tensor<4x16xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_FloatTensor:$gamma, F64Attr:$epsilon);
  let results = (outs Cleave_FloatTensor:$result, Cleave_FloatTensor:$rstd);
  let rule = "... [c], [c] -> ... [c], ...";
  let infer = [{
    ::mlir::Type rows = ::cleave::withoutLast(adaptor.getInput().getType());
    if (!rows) return ::mlir::emitOptionalError(location, "requires an operand of rank 1 and more");
    types.append({::cleave::unplaced(adaptor.getInput().getType()), rows});
  }];
  let flops = [{ return 5 * ::cleave::elementsOf(getResult()); }];
  let gradient = [{
    if (dResults[1]) return ::mlir::failure();
    auto d = RmsNormGradientOp::create(b, loc, dResult, getInput(), getGamma(), getRstd());
    return Gradients{d.getDInput(), d.getDGamma()};
  }];
  let decomposition = [{ return ::cleave::decomposeRmsNorm(b, *this); }];
}

def Cleave_RmsNormGradientOp : Cleave_InferredOp<"rms_norm_gradient"> {
  let summary = "Gradient of rms_norm";
  let description = [{
    Example:
    ```mlir
    %dx, %dgamma = cleave.rms_norm_gradient %dy, %x, %gamma, %rstd
        : (tensor<4x64xf32>, tensor<4x64xf32>, tensor<64xf32>, tensor<4xf32>) -> (tensor<4x64xf32>, tensor<64xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$d_result, Cleave_FloatTensor:$input, Cleave_FloatTensor:$gamma,
                       Cleave_FloatTensor:$rstd);
  let results = (outs Cleave_FloatTensor:$d_input, Cleave_FloatTensor:$d_gamma);
  let rule = "... [c], ... [c], [c], ... -> ... [c], [c]";
  let linearEach = [0];
  let inPlace = [0, -1];
  let infer = [{
    types.append({::cleave::unplaced(adaptor.getInput().getType()), ::cleave::unplaced(adaptor.getGamma().getType())});
  }];
  let flops = [{ return 10 * ::cleave::elementsOf(getDInput()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeRmsNormGradient(b, *this); }];
}

//===- Attention --------------------------------------------------------------------------------===//

def Cleave_RotaryOp : Cleave_InferredOp<"rotary"> {
  let summary = "Rotates pairs of features by angles that grow with the position";
  let description = [{
    Pair i of a head turns by position * frequencies[i]. `layout` says what a pair is: `"halves"` (i and i + rd/2 of the
    first rd = 2 * size(frequencies) features) or `"pairs"` (2i and 2i + 1). Further features stay. `factor` scales the
    sines and cosines; `inverse` turns back. Su et al., "RoFormer", 2021.

    Example:
    ```mlir
    %y = cleave.rotary %q, %positions {layout = "halves", frequencies = array<f64: 1.0, 0.01>}
        : (tensor<4x16x3x8xf32>, tensor<4x16xi32>) -> tensor<4x16x3x8xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$input, Cleave_IntTensor:$positions,
                       Cleave_OneOf<["halves", "pairs"]>:$layout,
                       DenseF64ArrayAttr:$frequencies, DefaultValuedAttr<F64Attr, "1.0">:$factor,
                       DefaultValuedAttr<BoolAttr, "false">:$inverse);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "b s h [d], b s -> b s h [d]";
  let linearEach = [0];
  let inPlace = [0];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getInput().getType())); }];
  let flops = [{ return 6 * ::cleave::elementsOf(getResult()); }];
  let gradient = [{
    return Gradients{RotaryOp::create(b, loc, dResult, getPositions(), getLayoutAttr(), getFrequenciesAttr(),
                                      getFactorAttr(), b.getBoolAttr(!getInverse())), {}};
  }];
  let hasVerifier = 1;
}

// What attention and its gradient have in common: who sees whom.
defvar Cleave_AttentionMasks = (ins Optional<Cleave_FloatTensor>:$bias, Optional<Cleave_IntTensor>:$key_mask,
    Optional<Cleave_IntTensor>:$query_segments, Optional<Cleave_IntTensor>:$key_segments,
    Optional<Cleave_KeyTensor>:$key,
    DefaultValuedAttr<BoolAttr, "false">:$causal, DefaultValuedAttr<Cleave_IntAttr, "0">:$window, F64Attr:$scale,
    DefaultValuedAttr<F64Attr, "0.0">:$dropout_rate, DefaultValuedAttr<Cleave_IntAttr, "0">:$id,
    DefaultValuedAttr<Cleave_IntAttr, "0">:$element_offset);

def Cleave_AttentionOp : Cleave_InferredOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "softmax(scale * q k^T + bias) v, by heads";
  let description = [{
    q is [batch, queries, heads, features], k and v [batch, keys, groups, features]; `heads / groups` query heads share
    a key head. A query sees a key unless a mask hides it: `causal` (keys behind the query, both aligned at their ends),
    `window` (keys `window` and more positions before it; 0: none), `key_mask` (0 hides a key), segments (other numbers
    are hidden). `bias` [heads, queries, keys] is added to the scores. `dropout_rate` acts on the weights, by `key` and
    `id` as in dropout. A query that sees nothing gets zeros. Also gives the logarithm of each softmax's denominator.
    Computed in tiles: Dao et al., "FlashAttention", 2022.

    Example:
    ```mlir
    %y, %lse = cleave.attention %q, %k, %v
        {causal = true, scale = 0.125 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0, 0>}
        : (tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>)
            -> (tensor<4x16x3x64xf32>, tensor<4x3x16xf32>)
    ```
  }];
  let arguments = !con((ins Cleave_FloatTensor:$query, Cleave_FloatTensor:$keys, Cleave_FloatTensor:$values),
                       Cleave_AttentionMasks);
  let results = (outs Cleave_FloatTensor:$result, Cleave_FloatTensor:$lse);
  let ruleText = [{
    return ::cleave::attentionRule("b s h [d], b [t] g [d], b [t] g [d], h s [t], b [t], b s, b [t], [four] "
                                   "-> b s h [d], b h s",
                                   getQuery(), getKeys());
  }];
  let strategies = [{ ::cleave::addGroupedHeads(*this, getQuery(), getKeys(), rule); }];
  let infer = [{
    ::mlir::Type lse = ::cleave::attentionStatisticsType(adaptor.getQuery().getType());
    if (!lse) return ::mlir::emitOptionalError(location, "requires queries of rank 4");
    types.append({::cleave::unplaced(adaptor.getQuery().getType()), lse});
  }];
  let flops = [{ return ::cleave::attentionFlops(getQuery(), getKeys(), getCausal()); }];
  let gradient = [{
    if (dResults[1]) return ::mlir::failure();
    return ::cleave::attentionGradient(b, *this, dResult);
  }];
  let decomposition = [{ return ::cleave::decomposeAttention(b, *this); }];
  let local = [{ ::cleave::setAttentionLocal(local, attributes); }];
  let chunk = [{ setElementOffset(index * ::cleave::attentionWeights(getQuery(), getKeys())); }];
  let inference = [{
    setDropoutRate(::llvm::APFloat(0.0));
    getKeyMutable().clear();
    return {};
  }];
  let hasVerifier = 1;
}

def Cleave_AttentionGradientOp : Cleave_TensorOp<"attention_gradient", [AttrSizedOperandSegments]> {
  let summary = "Gradient of attention: of queries, keys, values, and of the bias if there is one";
  let description = [{
    Operands are those of attention with its results and their gradient behind the values.

    Example:
    ```mlir
    %dq, %dk, %dv = cleave.attention_gradient %q, %k, %v, %y, %lse, %dy
        {causal = true, scale = 0.125 : f64, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>}
        : (tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>,
           tensor<4x3x16xf32>,
           tensor<4x16x3x64xf32>) -> (tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>, tensor<4x16x3x64xf32>)
    ```
  }];
  let arguments = !con((ins Cleave_FloatTensor:$query, Cleave_FloatTensor:$keys, Cleave_FloatTensor:$values,
                            Cleave_FloatTensor:$result, Cleave_FloatTensor:$lse, Cleave_FloatTensor:$d_result),
                       Cleave_AttentionMasks);
  let results = (outs Cleave_FloatTensor:$d_query, Cleave_FloatTensor:$d_keys, Cleave_FloatTensor:$d_values,
                      Variadic<Cleave_FloatTensor>:$d_bias);
  let ruleText = [{
    return ::cleave::attentionRule("b s h [d], b [t] g [d], b [t] g [d], b s h [d], b h s, b s h [d], "
                                   "h s [t], b [t], b s, b [t], "
                                   "[four] -> b s h [d], b [t] g [d], b [t] g [d], h s [t]", getQuery(), getKeys());
  }];
  let strategies = [{ ::cleave::addGroupedHeads(*this, getQuery(), getKeys(), rule); }];
  let flops = [{ return 2.5 * ::cleave::attentionFlops(getQuery(), getKeys(), getCausal()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeAttentionGradient(b, *this); }];
  let local = [{ ::cleave::setAttentionLocal(local, attributes); }];
  let chunk = [{ setElementOffset(index * ::cleave::attentionWeights(getQuery(), getKeys())); }];
  let hasVerifier = 1;
}

//===- Loss -------------------------------------------------------------------------------------===//

def Cleave_CrossEntropyOp : Cleave_InferredOp<"cross_entropy"> {
  let summary = "Sum of -log softmax(logits)[label] over the labels that count, and their number";
  let description = [{
    Labels equal to `ignore_index` don't count; others outside the classes are an error when the program runs. Also
    gives the logarithm of each softmax's denominator. Both sums are reduced over devices before anybody divides them.

    Example:
    ```mlir
    %sum, %count, %lse = cleave.cross_entropy %logits, %labels {ignore_index = -100 : i64}
        : (tensor<4x16x96xf32>, tensor<4x16xi32>) -> (tensor<f32>, tensor<f32>, tensor<4x16xf32>)
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$logits, Cleave_IntTensor:$labels,
                       DefaultValuedAttr<Cleave_IntAttr, "-100">:$ignore_index);
  let results = (outs Cleave_FloatTensor:$sum, Cleave_FloatTensor:$count, Cleave_FloatTensor:$lse);
  let rule = "... [v], ... -> , , ...";
  let infer = [{
    ::mlir::Type element = ::mlir::getElementTypeOrSelf(adaptor.getLogits().getType());
    ::mlir::Type scalar = ::mlir::RankedTensorType::get({}, element);
    types.append({scalar, scalar, ::cleave::withElement(adaptor.getLabels().getType(), element)});
  }];
  let flops = [{ return 4 * ::cleave::elementsOf(getLogits()); }];
  let gradient = [{
    if (dResults[2]) return ::mlir::failure();
    if (!dResult) return Gradients{{}, {}};
    return Gradients{CrossEntropyGradientOp::create(b, loc, getLogits(), getLabels(), getLse(), dResult,
                                                    getIgnoreIndexAttr()), {}};
  }];
  let decomposition = [{ return ::cleave::decomposeCrossEntropy(b, *this); }];
}

def Cleave_CrossEntropyGradientOp : Cleave_InferredOp<"cross_entropy_gradient"> {
  let summary = "Gradient of cross_entropy: dsum (softmax(logits) - onehot(label)), zero where the label doesn't count";
  let description = [{
    Example:
    ```mlir
    %dlogits = cleave.cross_entropy_gradient %logits, %labels, %lse, %dsum
        : (tensor<4x16x96xf32>, tensor<4x16xi32>, tensor<4x16xf32>, tensor<f32>) -> tensor<4x16x96xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$logits, Cleave_IntTensor:$labels, Cleave_FloatTensor:$lse,
                       Cleave_FloatTensor:$d_sum, DefaultValuedAttr<Cleave_IntAttr, "-100">:$ignore_index);
  let results = (outs Cleave_FloatTensor:$d_logits);
  let rule = "... v, ..., ...,  -> ... v";
  let linearEach = [3];
  let inPlace = [0];
  let infer = [{ types.push_back(::cleave::unplaced(adaptor.getLogits().getType())); }];
  let flops = [{ return 4 * ::cleave::elementsOf(getDLogits()); }];
  let gradient = [{ return ::mlir::failure(); }]; // of its decomposition
  let decomposition = [{ return ::cleave::decomposeCrossEntropyGradient(b, *this); }];
  let local = [{ ::cleave::setIndexRange(local.operands[0], -1, attributes); }];
}
