// What the bodies in op records call: types, rules, gradients and local forms that are longer than a line.
// Functions that infer a type give null where the operands can't have a result.

#ifndef CLEAVE_IR_OP_SUPPORT_H
#define CLEAVE_IR_OP_SUPPORT_H

#include "ir/local_shards.h"
#include "ir/sharding_rule.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

namespace cleave {

class AdamwOp;
class AttentionOp;
class AttentionGradientOp;
class ClipScaleOp;
class CrossEntropyGradientOp;
class CrossEntropyOp;
class EmbeddingGradientOp;
class LayerNormGradientOp;
class LayerNormOp;
class MatmulOp;
class MaxPoolGradientOp;
class MaxPoolOp;
class ReduceOp;
class RmsNormGradientOp;
class RmsNormOp;
class SgdOp;

using Gradients = llvm::SmallVector<mlir::Value>;

// Types.
mlir::RankedTensorType unplaced(mlir::Type type);  // without its encoding
mlir::RankedTensorType withElement(mlir::Type type, mlir::Type element);
mlir::LogicalResult sameElement(std::optional<mlir::Location> location, mlir::Type a, mlir::Type b);
bool equalButForPlacement(mlir::TypeRange inferred, mlir::TypeRange actual);
double elementsOf(mlir::Value value);
mlir::Type withoutLast(mlir::Type type);  // last dimension dropped
mlir::Type transposedType(mlir::Type type, llvm::ArrayRef<int64_t> permutation);
mlir::Type reducedType(mlir::Type type, llvm::ArrayRef<int64_t> dimensions);
mlir::Type concatType(mlir::TypeRange types, int64_t dimension);
mlir::Type matmulType(mlir::Type lhs, mlir::Type rhs, bool transposeLhs, bool transposeRhs);
mlir::Type outerType(mlir::Type lhs, mlir::Type rhs);
mlir::Type embeddingType(mlir::Type table, mlir::Type ids);
mlir::Type attentionStatisticsType(mlir::Type query);

// How windows lie over an image: a number for rows and one for columns each. Types that depend on them say what is
// wrong.
struct WindowSteps {
  llvm::ArrayRef<int64_t> strides, padding, dilation;
};
mlir::Type convolutionType(std::optional<mlir::Location> location, mlir::Type input, mlir::Type weight,
                           const WindowSteps &steps, int64_t groups);
mlir::Type convolutionInputType(std::optional<mlir::Location> location, mlir::Type dResult, mlir::Type weight,
                                const WindowSteps &steps, int64_t groups, llvm::ArrayRef<int64_t> image);
mlir::Type convolutionWeightType(std::optional<mlir::Location> location, mlir::Type input, mlir::Type dResult,
                                 const WindowSteps &steps, int64_t groups, llvm::ArrayRef<int64_t> window);
mlir::Type poolType(std::optional<mlir::Location> location, mlir::Type input, const WindowSteps &steps,
                    llvm::ArrayRef<int64_t> window);
mlir::Type maxPoolType(std::optional<mlir::Location> location, mlir::Type input, const WindowSteps &steps,
                       llvm::ArrayRef<int64_t> window);
mlir::Type maxPoolGradientType(std::optional<mlir::Location> location, mlir::Type input, mlir::Type result,
                               mlir::Type dResult, const WindowSteps &steps, llvm::ArrayRef<int64_t> window);
mlir::Type averagePoolInputType(std::optional<mlir::Location> location, mlir::Type dResult, const WindowSteps &steps,
                                llvm::ArrayRef<int64_t> window, llvm::ArrayRef<int64_t> image);
llvm::SmallVector<int64_t, 2> rowsAndColumns(mlir::Value value);  // the sizes of the last two dimensions

// Values.
mlir::Value splat(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type, double value);
mlir::Value alongLast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value rows, mlir::Value like);  // repeated along like's last
mlir::Value sliceLike(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, mlir::Type part, int64_t dimension,
                      int64_t start);
llvm::SmallVector<int64_t> otherDimensions(mlir::Value value, llvm::ArrayRef<int64_t> dimensions);

// Rule texts.
std::string broadcastRule(mlir::Value input, mlir::Value result, llvm::ArrayRef<int64_t> dimensions);
std::string wholeRule(mlir::Value input, mlir::Value result);  // no dimension has to do with any other
std::string transposeRule(mlir::Value input, llvm::ArrayRef<int64_t> permutation);
std::string resizeRule(mlir::Value input, mlir::Value result);  // dimensions whose size changes are whole
std::string concatRule(mlir::Value result, int64_t dimension);
std::string reduceRule(mlir::Value input, llvm::ArrayRef<int64_t> dimensions);
std::string attentionRule(llvm::StringRef text, mlir::Value query, mlir::Value keys);

// Strategies that no index tells.
void addReshapeStrategies(mlir::RankedTensorType from, mlir::RankedTensorType to, ShardingRule &rule);
void addConvertStrategies(mlir::RankedTensorType from, mlir::RankedTensorType to, ShardingRule &rule);
void addLinearReduce(llvm::StringRef kind, ShardingRule &rule);
// Shares of whole groups, of a dimension of each operand and of the result.
void addGroupStrategy(mlir::Operation *op, int64_t groups, llvm::ArrayRef<int64_t> operandDims, int64_t resultDim,
                      ShardingRule &rule);
void addGroupedHeads(mlir::Operation *op, mlir::Value query, mlir::Value keys, ShardingRule &rule);

// Gradients and generic forms.
mlir::Value lookUpGradient(mlir::OpBuilder &b, EmbeddingGradientOp op, mlir::Value dTable);
Gradients matmulGradient(mlir::OpBuilder &b, MatmulOp op, mlir::Value dResult);
mlir::Value reduceGradient(mlir::OpBuilder &b, ReduceOp op, mlir::Value dResult);
Gradients attentionGradient(mlir::OpBuilder &b, AttentionOp op, mlir::Value dResult);
llvm::SmallVector<mlir::Value> decomposeLayerNorm(mlir::OpBuilder &b, LayerNormOp op);
llvm::SmallVector<mlir::Value> decomposeLayerNormGradient(mlir::OpBuilder &b, LayerNormGradientOp op);
llvm::SmallVector<mlir::Value> decomposeRmsNorm(mlir::OpBuilder &b, RmsNormOp op);
llvm::SmallVector<mlir::Value> decomposeRmsNormGradient(mlir::OpBuilder &b, RmsNormGradientOp op);
llvm::SmallVector<mlir::Value> decomposeAttention(mlir::OpBuilder &b, AttentionOp op);
llvm::SmallVector<mlir::Value> decomposeAttentionGradient(mlir::OpBuilder &b, AttentionGradientOp op);
llvm::SmallVector<mlir::Value> decomposeCrossEntropy(mlir::OpBuilder &b, CrossEntropyOp op);
llvm::SmallVector<mlir::Value> decomposeCrossEntropyGradient(mlir::OpBuilder &b, CrossEntropyGradientOp op);
mlir::Value decomposeMaxPool(mlir::OpBuilder &b, MaxPoolOp op);
mlir::Value decomposeMaxPoolGradient(mlir::OpBuilder &b, MaxPoolGradientOp op);
mlir::Value decomposeClipScale(mlir::OpBuilder &b, ClipScaleOp op);
llvm::SmallVector<mlir::Value> decomposeAdamw(mlir::OpBuilder &b, AdamwOp op);
llvm::SmallVector<mlir::Value> decomposeSgd(mlir::OpBuilder &b, SgdOp op);

// Local forms.
void setLocalConstant(mlir::ElementsAttr value, const Shard &shard, KernelAttributes &attributes);
void setIndexRange(const Shard &shard, int64_t dimension, KernelAttributes &attributes);  // -1: the last
void setRowRange(const Shard &table, KernelAttributes &attributes);
void setAttentionLocal(const LocalShards &local, KernelAttributes &attributes);

double convolutionFlops(mlir::Value result, mlir::Value weight);
double poolFlops(mlir::Value result, llvm::ArrayRef<int64_t> window);
double attentionFlops(mlir::Value query, mlir::Value keys, bool causal);
int64_t attentionWeights(mlir::Value query, mlir::Value keys);  // number of them

}  // namespace cleave

#endif  // CLEAVE_IR_OP_SUPPORT_H
