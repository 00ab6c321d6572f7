// The calls of ModelBuilder that make ops.

#include <utility>

#include "absl/strings/str_join.h"
#include "frontend/builder_state.h"

namespace cleave {

using mlir::Value;

namespace {

std::vector<int64_t> concatenated(llvm::ArrayRef<int64_t> leading, std::initializer_list<int64_t> last) {
  std::vector<int64_t> shape = leading.vec();
  shape.insert(shape.end(), last);
  return shape;
}

}  // namespace

//===- With parameters --------------------------------------------------------------------------===//

Value ModelBuilder::linear(absl::string_view name, Value x, const LinearSpec &spec) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 2)) return {};
  const int64_t in = sizesOf(x).back(), out = spec.features;
  Value weight, bias;
  {
    Scope scope(*this, name);
    weight = parameter("weight", spec.inputMajor ? std::vector<int64_t>{in, out} : std::vector<int64_t>{out, in},
                       spec.weight);
    if (spec.hasBias) bias = parameter("bias", {out}, Init::constant(0));
  }
  return matmul(name, x, weight, /*isTransposed=*/!spec.inputMajor, bias);
}

Value ModelBuilder::layerNorm(absl::string_view name, Value x, const NormSpec &spec) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 1)) return {};
  const std::vector<int64_t> shape = {sizesOf(x).back()};
  Value weight, bias;
  {
    Scope scope(*this, name);
    weight = spec.hasParameters ? parameter("weight", shape, Init::constant(spec.weight))
                                : fill("ones", shape, ElementType::kFloat32, 1);
    bias = spec.hasParameters ? parameter("bias", shape, Init::constant(0))
                              : fill("zeros", shape, ElementType::kFloat32, 0);
  }
  if (!state_->canMake(pathOf(name), {weight, bias})) return {};
  auto op = LayerNormOp::create(state_->ops, state_->location, x, weight, bias, llvm::APFloat(spec.epsilon));
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::rmsNorm(absl::string_view name, Value x, const NormSpec &spec) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 1)) return {};
  const std::vector<int64_t> shape = {sizesOf(x).back()};
  Value weight;
  {
    Scope scope(*this, name);
    weight = spec.hasParameters ? parameter("weight", shape, Init::constant(spec.weight))
                                : fill("ones", shape, ElementType::kFloat32, 1);
  }
  if (!state_->canMake(pathOf(name), {weight})) return {};
  auto op = RmsNormOp::create(state_->ops, state_->location, x, weight, llvm::APFloat(spec.epsilon));
  mark(name, op);
  return op.getResult();
}

//===- Dense ------------------------------------------------------------------------------------===//

Value ModelBuilder::matmul(absl::string_view name, Value x, Value w, bool isTransposed, Value bias) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x, w}) || !state.checkFloat(path, x, 2) || !state.checkFloat(path, w, 2)) return {};
  if (sizesOf(w).size() != 2 && sizesOf(w).drop_back(2) != sizesOf(x).drop_back(2))
    return state.noValue(path, absl::StrCat("requires a weight of rank 2, or with the leading sizes of ",
                                            absl::StrJoin(sizesOf(x), "x"), ", got ", absl::StrJoin(sizesOf(w), "x")));
  const auto matrix = sizesOf(w).take_back(2);
  const int64_t k = matrix[isTransposed ? 1 : 0], n = matrix[isTransposed ? 0 : 1];
  if (sizesOf(x).back() != k)
    return state.noValue(path, absl::StrCat("requires ", k, " features, got ", sizesOf(x).back()));
  if (bias && !state.checkShapeIs(path, "a bias", bias, {n})) return {};
  auto op = MatmulOp::create(state.ops, state.location, x, w, bias, /*transpose_lhs=*/false, isTransposed);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::embedding(absl::string_view name, Value table, Value ids, const LookUpSpec &spec) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {table, ids}) || !state.checkFloat(path, table, 2)) return {};
  if (sizesOf(table).size() != 2 || !mlir::getElementTypeOrSelf(ids).isInteger(32))
    return state.noValue(path, "requires a table of rank 2 and ids of int32");
  auto op = EmbeddingOp::create(state.ops, state.location, table, ids, spec.paddingIndex, spec.isOptional);
  mark(name, op);
  return op.getResult();
}

//===- Attention --------------------------------------------------------------------------------===//

Value ModelBuilder::attention(absl::string_view name, const AttentionSpec &spec) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {spec.query, spec.keys, spec.values})) return {};
  for (Value value : {spec.query, spec.keys, spec.values})
    if (!state.checkFloat(path, value, 4)) return {};
  const auto query = sizesOf(spec.query), keys = sizesOf(spec.keys);
  if (query[0] != keys[0] || query[3] != keys[3] || query[2] % keys[2] != 0)
    return state.noValue(
        path,
        absl::StrCat("requires queries and keys of one batch and head size, and heads that the keys' divide, got ",
                     absl::StrJoin(query, "x"), " and ", absl::StrJoin(keys, "x")));
  const bool isDropped = spec.dropoutRate > 0;
  auto op = AttentionOp::create(state.ops, state.location, spec.query, spec.keys, spec.values, spec.bias, spec.keyMask,
                                spec.querySegments, spec.keySegments, isDropped ? state.randomKey() : Value(),
                                spec.isCausal, spec.window, llvm::APFloat(spec.scale), llvm::APFloat(spec.dropoutRate),
                                isDropped ? state.randomId(path) : 0, /*element_offset=*/0);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::rotary(absl::string_view name, Value x, Value positions, const RotarySpec &spec) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x, positions}) || !state.checkFloat(path, x, 4)) return {};
  if (!state.checkShapeIs(path, "positions", positions, sizesOf(x).take_front(2))) return {};
  if (spec.frequencies.empty()) return x;
  auto op = RotaryOp::create(state.ops, state.location, x, positions, spec.layout, spec.frequencies,
                             llvm::APFloat(spec.factor),
                             /*inverse=*/false);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::splitHeads(absl::string_view name, Value x, int64_t heads) {
  const std::string path = pathOf(name);
  if (!state_->canMake(path, {x}) || !state_->checkFloat(path, x, 3)) return {};
  const auto shape = sizesOf(x);
  if (heads < 1 || shape.back() % heads != 0)
    return state_->noValue(path, absl::StrCat("requires heads that divide ", shape.back(), " features, got ", heads));
  return reshape(name, x, concatenated(shape.drop_back(), {heads, shape.back() / heads}));
}

Value ModelBuilder::mergeHeads(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 4)) return {};
  const auto shape = sizesOf(x);
  return reshape(name, x, concatenated(shape.drop_back(2), {shape[shape.size() - 2] * shape.back()}));
}

Value ModelBuilder::dropout(absl::string_view name, Value x, double rate) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x}) || !state.checkFloat(path, x, 0)) return {};
  if (!(rate >= 0 && rate < 1)) return state.noValue(path, absl::StrCat("requires a rate in [0, 1), got ", rate));
  if (rate == 0) return x;
  auto op =
      DropoutOp::create(state.ops, state.location, x, state.randomKey(), llvm::APFloat(rate), state.randomId(path),
                        /*element_offset=*/0);
  mark(name, op);
  return op.getResult();
}

Loss ModelBuilder::crossEntropy(absl::string_view name, Value logits, Value labels) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {logits, labels}) || !state.checkFloat(path, logits, 1)) return {};
  if (!state.checkShapeIs(path, "labels", labels, sizesOf(logits).drop_back())) return {};
  auto op = CrossEntropyOp::create(state.ops, state.location, logits, labels, /*ignore_index=*/-100);
  mark(name, op);
  return {op.getSum(), op.getCount()};
}

//===- Element by element -----------------------------------------------------------------------===//

#define CLEAVE_BINARY(METHOD, OP)                                                                        \
  Value ModelBuilder::METHOD(absl::string_view name, Value a, Value b) {                                 \
    if (!state_->canMake(pathOf(name), {a, b}) || !state_->checkSameType(pathOf(name), a, b)) return {}; \
    auto op = OP::create(state_->ops, state_->location, a, b);                                           \
    mark(name, op);                                                                                      \
    return op.getResult();                                                                               \
  }
CLEAVE_BINARY(add, AddOp)
CLEAVE_BINARY(subtract, SubOp)
CLEAVE_BINARY(multiply, MulOp)
CLEAVE_BINARY(divide, DivOp)
CLEAVE_BINARY(power, PowOp)
#undef CLEAVE_BINARY

#define CLEAVE_UNARY(METHOD, OP)                                                                   \
  Value ModelBuilder::METHOD(absl::string_view name, Value x) {                                    \
    if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 0)) return {}; \
    auto op = OP::create(state_->ops, state_->location, x);                                        \
    mark(name, op);                                                                                \
    return op.getResult();                                                                         \
  }
CLEAVE_UNARY(relu, ReluOp)
CLEAVE_UNARY(silu, SiluOp)
CLEAVE_UNARY(tanh, TanhOp)
CLEAVE_UNARY(sigmoid, SigmoidOp)
CLEAVE_UNARY(exp, ExpOp)
CLEAVE_UNARY(log, LogOp)
CLEAVE_UNARY(sqrt, SqrtOp)
CLEAVE_UNARY(sin, SinOp)
CLEAVE_UNARY(cos, CosOp)
#undef CLEAVE_UNARY

Value ModelBuilder::scale(absl::string_view name, Value x, double factor) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 0)) return {};
  auto op = ScaleOp::create(state_->ops, state_->location, x, llvm::APFloat(factor));
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::gelu(absl::string_view name, Value x, bool isTanhForm) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 0)) return {};
  auto op = GeluOp::create(state_->ops, state_->location, x, isTanhForm ? "tanh" : "none");
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::softmax(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 1)) return {};
  auto op = SoftmaxOp::create(state_->ops, state_->location, x);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::reduce(absl::string_view name, Value x, absl::string_view kind,
                           const std::vector<int64_t> &dimensions) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x}) || (kind == "mean" && !state.checkFloat(path, x, 0))) return {};
  if (kind != "sum" && kind != "mean" && kind != "max" && kind != "min")
    return state.noValue(path, absl::StrCat("requires a reduction by sum, mean, max or min, got ", kind));
  if (dimensions.empty()) return x;
  for (size_t i = 0; i < dimensions.size(); ++i)
    if (dimensions[i] < (i == 0 ? 0 : dimensions[i - 1] + 1) || dimensions[i] >= int64_t(sizesOf(x).size()))
      return state.noValue(path, absl::StrCat("requires growing dimensions below ", sizesOf(x).size(), ", got ",
                                              absl::StrJoin(dimensions, ", ")));
  auto op = ReduceOp::create(state.ops, state.location, x, llvm::StringRef(kind.data(), kind.size()), dimensions);
  mark(name, op);
  return op.getResult();
}

//===- Shape ------------------------------------------------------------------------------------===//

Value ModelBuilder::reshape(absl::string_view name, Value x, const std::vector<int64_t> &shape) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x}) || !state.checkShape(path, shape)) return {};
  const mlir::RankedTensorType from = unplaced(x.getType()),
                               to = mlir::RankedTensorType::get(shape, from.getElementType());
  if (from.getNumElements() != to.getNumElements())
    return state.noValue(path,
                         absl::StrCat("requires ", from.getNumElements(), " elements, got ", to.getNumElements()));
  auto op = ReshapeOp::create(state.ops, state.location, to, x);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::transpose(absl::string_view name, Value x, const std::vector<int64_t> &permutation) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x})) return {};
  if (!transposedType(x.getType(), permutation))
    return state.noValue(path, absl::StrCat("requires a permutation of ", sizesOf(x).size(), " dimensions, got ",
                                            absl::StrJoin(permutation, ", ")));
  auto op = TransposeOp::create(state.ops, state.location, x, permutation);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::slice(absl::string_view name, Value x, const std::vector<int64_t> &starts,
                          const std::vector<int64_t> &limits, const std::vector<int64_t> &steps) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x})) return {};
  const auto sizes = sizesOf(x);
  const std::vector<int64_t> strides = steps.empty() ? std::vector<int64_t>(sizes.size(), 1) : steps;
  std::vector<int64_t> shape;
  bool fits = starts.size() == sizes.size() && limits.size() == sizes.size() && strides.size() == sizes.size();
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    fits = 0 <= starts[i] && starts[i] < limits[i] && limits[i] <= sizes[i] && strides[i] >= 1;
    if (fits) shape.push_back((limits[i] - starts[i] - 1) / strides[i] + 1);
  }
  if (!fits)
    return state.noValue(path, absl::StrCat("requires a part of ", absl::StrJoin(sizes, "x"), ", got from ",
                                            absl::StrJoin(starts, ", "), " to ", absl::StrJoin(limits, ", ")));
  const auto type = mlir::RankedTensorType::get(shape, mlir::getElementTypeOrSelf(x));
  if (type == x.getType()) return x;
  auto op = SliceOp::create(state.ops, state.location, type, x, starts, limits, strides);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::pad(absl::string_view name, Value x, const std::vector<int64_t> &low,
                        const std::vector<int64_t> &high) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x})) return {};
  const auto sizes = sizesOf(x);
  bool fits = low.size() == sizes.size() && high.size() == sizes.size();
  std::vector<int64_t> shape;
  for (size_t i = 0; fits && i < sizes.size(); ++i) {
    fits = 0 <= low[i] && low[i] <= kMaxElements && 0 <= high[i] && high[i] <= kMaxElements;
    shape.push_back(sizes[i] + low[i] + high[i]);
  }
  if (!fits)
    return state.noValue(path, absl::StrCat("requires paddings of at least 0 for ", absl::StrJoin(sizes, "x"), ", got ",
                                            absl::StrJoin(low, ", "), " and ", absl::StrJoin(high, ", ")));
  if (!state.checkShape(path, shape)) return {};
  const auto type = mlir::RankedTensorType::get(shape, mlir::getElementTypeOrSelf(x));
  if (type == x.getType()) return x;
  auto op = PadOp::create(state.ops, state.location, type, x, low, high);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::broadcast(absl::string_view name, Value x, const std::vector<int64_t> &shape,
                              const std::vector<int64_t> &dimensions) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x}) || !state.checkShape(path, shape)) return {};
  const auto sizes = sizesOf(x);
  bool fits = dimensions.size() == sizes.size();
  for (size_t i = 0; fits && i < sizes.size(); ++i)
    fits = (i == 0 ? 0 : dimensions[i - 1] + 1) <= dimensions[i] && dimensions[i] < int64_t(shape.size()) &&
           shape[size_t(dimensions[i])] == sizes[i];
  if (!fits)
    return state.noValue(
        path, absl::StrCat("requires growing dimensions of ", absl::StrJoin(shape, "x"), " that have the sizes ",
                           absl::StrJoin(sizes, "x"), ", got ", absl::StrJoin(dimensions, ", ")));
  auto op = BroadcastOp::create(state.ops, state.location,
                                mlir::RankedTensorType::get(shape, mlir::getElementTypeOrSelf(x)), x, dimensions);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::broadcastTo(absl::string_view name, Value x, const std::vector<int64_t> &shape) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {x})) return {};
  const auto sizes = sizesOf(x);
  if (sizes == llvm::ArrayRef(shape)) return x;
  const auto common = broadcastShape(sizes.vec(), shape);
  if (!common || *common != shape)
    return state.noValue(path, absl::StrCat("requires sizes that broadcast to ", absl::StrJoin(shape, "x"), ", got ",
                                            absl::StrJoin(sizes, "x")));
  std::vector<int64_t> kept, dimensions;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const size_t to = shape.size() - sizes.size() + i;
    if (sizes[i] != shape[to]) continue;  // 1, which falls away and comes back repeated
    kept.push_back(sizes[i]);
    dimensions.push_back(int64_t(to));
  }
  if (sizes != llvm::ArrayRef(kept)) x = reshape(absl::StrCat(name, ".squeezed"), x, kept);
  return broadcast(name, x, shape, dimensions);
}

Value ModelBuilder::concat(absl::string_view name, const std::vector<Value> &values, int64_t dimension) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, values)) return {};
  if (values.empty()) return state.noValue(path, "requires at least one value, got none");
  const auto first = sizesOf(values[0]);
  if (dimension < 0 || dimension >= int64_t(first.size()))
    return state.noValue(path, absl::StrCat("requires a dimension below ", first.size(), ", got ", dimension));
  for (Value value : values) {
    bool fits = sizesOf(value).size() == first.size() &&
                mlir::getElementTypeOrSelf(value) == mlir::getElementTypeOrSelf(values[0]);
    for (size_t i = 0; fits && i < first.size(); ++i)
      fits = int64_t(i) == dimension || sizesOf(value)[i] == first[i];
    if (!fits)
      return state.noValue(path, absl::StrCat("requires values of one type but for dimension ", dimension, ", got ",
                                              absl::StrJoin(first, "x"), " and ", absl::StrJoin(sizesOf(value), "x")));
  }
  auto op = ConcatOp::create(state.ops, state.location, values, dimension);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::cumulativeSum(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x})) return {};
  if (sizesOf(x).empty()) return state_->noValue(pathOf(name), "requires rank 1 and more, got 0");
  auto op = CumulativeSumOp::create(state_->ops, state_->location, x, /*reverse=*/false);
  mark(name, op);
  return op.getResult();
}

//===- Constants --------------------------------------------------------------------------------===//

Value ModelBuilder::iota(absl::string_view name, const std::vector<int64_t> &shape, int64_t dimension) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {}) || !state.checkShape(path, shape)) return {};
  if (dimension < 0 || dimension >= int64_t(shape.size()))
    return state.noValue(path, absl::StrCat("requires a dimension below ", shape.size(), ", got ", dimension));
  auto op = IotaOp::create(state.ops, state.location, state.typeOf(shape, ElementType::kInt32), dimension);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::fill(absl::string_view name, const std::vector<int64_t> &shape, ElementType element, double value) {
  State &state = *state_;
  if (!state.canMake(pathOf(name), {}) || !state.checkShape(pathOf(name), shape)) return {};
  const mlir::RankedTensorType type = state.typeOf(shape, element);
  const auto elements = element == ElementType::kInt32 ? mlir::DenseElementsAttr::get(type, int32_t(value))
                                                       : mlir::DenseElementsAttr::get(type, float(value));
  auto op = ConstantOp::create(state.ops, state.location, type, mlir::cast<mlir::ElementsAttr>(elements));
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::constant(absl::string_view name, const std::vector<int32_t> &values) {
  State &state = *state_;
  const std::vector<int64_t> shape = {int64_t(values.size())};
  if (!state.canMake(pathOf(name), {}) || !state.checkShape(pathOf(name), shape)) return {};
  const mlir::RankedTensorType type = state.typeOf(shape, ElementType::kInt32);
  auto op =
      ConstantOp::create(state.ops, state.location, type,
                         mlir::cast<mlir::ElementsAttr>(mlir::DenseElementsAttr::get(type, llvm::ArrayRef(values))));
  mark(name, op);
  return op.getResult();
}

}  // namespace cleave
