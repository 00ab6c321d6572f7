// Matrix products and tables.

include "ir/interfaces.td"
include "ir/types.td"

def Cleave_MatmulOp : Cleave_InferredOp<"matmul"> {
  let summary = "Multiplies matrices";
  let description = [{
    The last two dimensions multiply; the others are batch dimensions of both, or of the first alone. `transpose_lhs`
    and `transpose_rhs` read an operand transposed; `bias` is added to each row.

    Example:
    ```mlir
    %y = cleave.matmul %x, %w : (tensor<4x64x512xf32>, tensor<512x128xf32>) -> tensor<4x64x128xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$lhs, Cleave_FloatTensor:$rhs, Optional<Cleave_FloatTensor>:$bias,
                       DefaultValuedAttr<BoolAttr, "false">:$transpose_lhs,
                       DefaultValuedAttr<BoolAttr, "false">:$transpose_rhs);
  let results = (outs Cleave_FloatTensor:$result);

  // Splitting k leaves a partial sum.
  let ruleText = [{
    return std::string(getTransposeLhs() ? "... k m, " : "... m k, ") +
           (getTransposeRhs() ? "... n k, " : "... k n, ") + "n -> ... m n";
  }];
  let linearEach = [0, 1];
  let addends = [2];
  let infer = [{
    ::mlir::Type type = ::cleave::matmulType(adaptor.getLhs().getType(), adaptor.getRhs().getType(),
                                             adaptor.getTransposeLhs(), adaptor.getTransposeRhs());
    if (!type) return ::mlir::emitOptionalError(location, "requires operands of rank 2 and more");
    types.push_back(type);
  }];
  let flops = [{
    auto lhs = getLhs().getType();
    return 2 * ::cleave::elementsOf(getResult()) * lhs.getDimSize(lhs.getRank() - (getTransposeLhs() ? 2 : 1));
  }];
  let gradient = [{ return ::cleave::matmulGradient(b, *this, dResult); }];
  let hasVerifier = 1;
}

def Cleave_OuterOp : Cleave_InferredOp<"outer"> {
  let summary = "Sums the outer products of vectors over all leading dimensions";
  let description = [{
    The gradient of a weight: activations times output gradients. The sum starts from `accumulator`, or from zero.

    Example:
    ```mlir
    %dw = cleave.outer %x, %dy : (tensor<4x64x512xf32>, tensor<4x64x128xf32>) -> tensor<512x128xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$lhs, Cleave_FloatTensor:$rhs, Optional<Cleave_FloatTensor>:$accumulator);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "... m, ... n, m n -> m n";
  let linearEach = [0, 1];
  let addends = [2];
  let inPlace = [2];
  let infer = [{
    ::mlir::Type type = ::cleave::outerType(adaptor.getLhs().getType(), adaptor.getRhs().getType());
    if (!type) return ::mlir::emitOptionalError(location, "requires operands of rank 2 and more");
    types.push_back(type);
  }];
  let flops = [{
    auto rhs = getRhs().getType();
    return 2 * ::cleave::elementsOf(getLhs()) * rhs.getDimSize(rhs.getRank() - 1);
  }];
  let gradient = [{
    Gradients gradients{MatmulOp::create(b, loc, getRhs(), dResult, ::mlir::Value(), /*transpose_lhs=*/false,
                                         /*transpose_rhs=*/true),
                        MatmulOp::create(b, loc, getLhs(), dResult, ::mlir::Value(), /*transpose_lhs=*/false,
                                         /*transpose_rhs=*/false)};
    if (getAccumulator()) gradients.push_back(dResult);
    return gradients;
  }];
}

def Cleave_EmbeddingOp : Cleave_InferredOp<"embedding"> {
  let summary = "Looks rows of a table up";
  let description = [{
    An index outside the table is an error when the program runs; if `optional`, -1 is not: it stands for no row and
    gives zeros. The row `padding_index` gets no gradient (-1: none). A split of the rows leaves a partial sum.

    Example:
    ```mlir
    %x = cleave.embedding %table, %ids : (tensor<96x64xf32>, tensor<4x16xi32>) -> tensor<4x16x64xf32>
    ```
  }];
  let arguments = (ins Cleave_FloatTensor:$table, Cleave_IntTensor:$ids,
                       DefaultValuedAttr<Cleave_IntAttr, "-1">:$padding_index,
                       DefaultValuedAttr<BoolAttr, "false">:$optional);
  let results = (outs Cleave_FloatTensor:$result);
  let rule = "v c, ... -> ... c";
  let linearEach = [0];
  let picks = [0];
  let infer = [{
    ::mlir::Type type = ::cleave::embeddingType(adaptor.getTable().getType(), adaptor.getIds().getType());
    if (!type) return ::mlir::emitOptionalError(location, "requires a table of rank 2");
    types.push_back(type);
  }];
  let flops = [{ return 0; }];
  let gradient = [{
    return Gradients{EmbeddingGradientOp::create(b, loc, ::cleave::unplaced(getTable().getType()), getIds(), dResult,
                                                 ::mlir::Value(), getPaddingIndexAttr(), getOptionalAttr()), {}};
  }];
  let local = [{ ::cleave::setRowRange(local.operands[0], attributes); }];
}

def Cleave_EmbeddingGradientOp : Cleave_TensorOp<"embedding_gradient"> {
  let summary = "Adds each row to the table's row that it was looked up from";
  let description = [{
    It starts from `accumulator`, or from zero. What index -1 was given for, if `optional`, is added to no row.

    Example:
    ```mlir
    %dtable = cleave.embedding_gradient %ids, %dx : (tensor<4x16xi32>, tensor<4x16x64xf32>) -> tensor<96x64xf32>
    ```
  }];
  let arguments = (ins Cleave_IntTensor:$ids, Cleave_FloatTensor:$d_result, Optional<Cleave_FloatTensor>:$accumulator,
                       DefaultValuedAttr<Cleave_IntAttr, "-1">:$padding_index,
                       DefaultValuedAttr<BoolAttr, "false">:$optional);
  let results = (outs Cleave_FloatTensor:$d_table);
  let rule = "..., ... c, v c -> v c";
  let linearEach = [1];
  let addends = [2];
  let inPlace = [2];
  let picks = [2];
  let flops = [{ return ::cleave::elementsOf(getDResult()); }];
  let gradient = [{
    Gradients gradients{{}, ::cleave::lookUpGradient(b, *this, dResult)};
    if (getAccumulator()) gradients.push_back(dResult);
    return gradients;
  }];
  let local = [{ ::cleave::setRowRange(local.results[0], attributes); }];
}
