#include "tests/conformance/op_cases.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "ir/cleave.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Builders.h"

namespace cleave {
namespace {

constexpr Differentiable kNo = Differentiable::kNo, kFirst = Differentiable::kFirstResult,
                         kAll = Differentiable::kAllResults;
constexpr bool kExact = true, kClose = false;

#define WINDOWS \
  "strides = array<i64: 2, 1>, padding = array<i64: 1, 0>, dilation = array<i64: 1, 2>"
#define HEADS "causal = true, scale = 0.5 : f64, operandSegmentSizes = array<i32: "

constexpr OpCase kCases[] = {
    // Elementwise
    {"add", "v:a c, v:a c -> a c", "", kAll, kExact},
    {"add", "j:a, j:a -> j:a", "", kNo, kExact},
    {"sub", "v:a c, v:a c -> a c", "", kAll, kExact},
    {"mul", "v:a c, v:a c -> a c", "", kAll, kExact},
    {"div", "v:a c, p:a c -> a c", "", kAll, kClose},
    {"pow", "p:a c, r:a c -> a c", "", kAll, kClose},
    {"maximum", "v:a c, v:a c -> a c", "", kAll, kExact},
    {"minimum", "v:a c, v:a c -> a c", "", kAll, kExact},
    {"add_n", "v:a c, v:a c, v:a c -> a c", "", kAll, kExact},
    {"neg", "v:a c -> a c", "", kAll, kExact},
    {"scale", "v:a c -> a c", "factor = 0.5 : f64", kAll, kExact},
    {"exp", "r:a c -> a c", "", kAll, kClose},
    {"log", "p:a c -> a c", "", kAll, kClose},
    {"sqrt", "p:a c -> a c", "", kAll, kClose},
    {"rsqrt", "p:a c -> a c", "", kAll, kClose},
    {"abs", "v:a c -> a c", "", kAll, kExact},
    {"sin", "r:a c -> a c", "", kAll, kClose},
    {"cos", "r:a c -> a c", "", kAll, kClose},
    {"tanh", "r:a c -> a c", "", kAll, kClose},
    {"sigmoid", "r:a c -> a c", "", kAll, kClose},
    {"relu", "v:a c -> a c", "", kAll, kExact},
    {"relu_gradient", "v:a c, v:a c -> a c", "", kNo, kExact},
    {"silu", "r:a c -> a c", "", kAll, kClose},
    {"silu_gradient", "r:a c, r:a c -> a c", "", kNo, kClose},
    {"gelu", "r:a c -> a c", "approximate = \"none\"", kAll, kClose},
    {"gelu", "r:a c -> a c", "approximate = \"tanh\"", kAll, kClose},
    {"gelu_gradient", "r:a c, r:a c -> a c", "approximate = \"none\"", kAll, kClose},
    {"gelu_gradient", "r:a c, r:a c -> a c", "approximate = \"tanh\"", kNo, kClose},
    {"compare", "v:a c, v:a c -> b:a c", "direction = \"le\"", kNo, kExact},
    {"compare", "j:a c, j:a c -> b:a c", "direction = \"ne\"", kNo, kExact},
    {"logical_and", "b:a c, b:a c -> b:a c", "", kNo, kExact},
    {"logical_or", "b:a c, b:a c -> b:a c", "", kNo, kExact},
    {"logical_not", "b:a c -> b:a c", "", kNo, kExact},
    {"select", "b:a c, v:a c, v:a c -> a c", "", kAll, kExact},
    {"convert", "j:a c -> a c", "", kNo, kExact},
    {"convert", "r:a c -> j:a c", "", kNo, kExact},
    {"convert", "v:a c -> a c", "", kAll, kExact},
    {"dropout", "v:a c, k:4 -> a c", "rate = 0.5 : f64, id = 7 : i64, element_offset = 3 : i64", kAll, kExact},
    {"random", "k:4 -> a c",
     "distribution = \"normal\", mean = 1.0 : f64, deviation = 0.5 : f64, id = 3 : i64, zero_row = 0 : i64", kNo,
     kExact},
    {"random", "k:4 -> a c", "distribution = \"uniform\", mean = 0.0 : f64, deviation = 2.0 : f64, id = 3 : i64", kNo,
     kExact},
    // Shape
    {"iota", "-> a c", "dimension = 1 : i64", kNo, kExact},
    {"iota", "-> j:a c", "dimension = 0 : i64", kNo, kExact},
    {"broadcast", "v:c -> a c d", "dimensions = array<i64: 1>", kAll, kExact},
    {"broadcast", "v:. -> a c", "dimensions = array<i64>", kAll, kExact},
    {"broadcast", "b:a -> b:a c", "dimensions = array<i64: 0>", kNo, kExact},
    {"reshape", "v:a h*d -> a h d", "", kAll, kExact},
    {"reshape", "v:a h d -> a h*d", "", kAll, kExact},
    {"reshape", "v:4 6 c -> 6 4 c", "", kAll, kExact},
    {"reshape", "v:1 a c -> a*c", "", kAll, kExact},
    {"transpose", "v:a c d -> d a c", "permutation = array<i64: 2, 0, 1>", kAll, kExact},
    {"slice", "v:a 8 -> a 3", "starts = array<i64: 0, 1>, limits = array<i64: $a, 8>, steps = array<i64: 1, 3>", kAll,
     kExact},
    {"slice", "v:a 8 -> a 5", "starts = array<i64: 0, 1>, limits = array<i64: $a, 6>, steps = array<i64: 1, 1>", kAll,
     kExact},
    {"pad", "v:a c -> a c+3", "low = array<i64: 0, 2>, high = array<i64: 0, 1>", kAll, kExact},
    {"concat", "v:a c, v:a d, v:a c -> a c+d+c", "dimension = 1 : i64", kAll, kExact},
    {"gather", "v:a s c, ic:a s -> a s", "", kAll, kExact},
    {"gather_gradient", "ic:a s, v:a s -> a s c", "", kAll, kExact},
    {"cumulative_sum", "v:a c -> a c", "", kAll, kExact},
    {"cumulative_sum", "j:a c -> j:a c", "reverse = true", kNo, kExact},
    {"reduce", "v:a c d -> a d", "kind = \"sum\", dimensions = array<i64: 1>", kAll, kExact},
    {"reduce", "v:a c d -> c", "kind = \"mean\", dimensions = array<i64: 0, 2>", kAll, kClose},
    {"reduce", "v:a c d -> a c", "kind = \"max\", dimensions = array<i64: 2>", kAll, kExact},
    {"reduce", "v:a c d -> .", "kind = \"min\", dimensions = array<i64: 0, 1, 2>", kAll, kExact},
    {"reduce", "j:a c -> j:c", "kind = \"max\", dimensions = array<i64: 0>", kNo, kExact},
    {"exp_sum", "r:a s c, r:a s -> a s", "", kNo, kClose},
    {"sum_squares", "v:a c -> .", "", kAll, kExact},
    {"softmax", "r:a c -> a c", "", kAll, kClose},
    {"softmax_gradient", "r:a c, r:a c -> a c", "", kNo, kClose},
    {"pin", "v:a c -> a c", "axes = [\"x\"], placements = #cleave.axes<[S(0)]>", kAll, kExact},
    // Dense
    {"matmul", "v:m k, v:k n -> m n", "", kAll, kExact},
    {"matmul", "v:b m k, v:k n, v:n -> b m n", "", kAll, kExact},
    {"matmul", "v:b m k, v:n k, v:n -> b m n", "transpose_rhs = true", kAll, kExact},
    {"matmul", "v:b m k, v:b k n -> b m n", "", kAll, kExact},
    {"matmul", "v:b m k, v:b n k -> b m n", "transpose_rhs = true", kAll, kExact},
    {"matmul", "v:b k m, v:b k n, v:n -> b m n", "transpose_lhs = true", kAll, kExact},
    {"matmul", "v:b k m, v:n k -> b m n", "transpose_lhs = true, transpose_rhs = true", kAll, kExact},
    {"matmul", "v:k m, v:k n -> m n", "transpose_lhs = true", kAll, kExact},
    {"matmul", "v:k m, v:n k -> m n", "transpose_lhs = true, transpose_rhs = true", kAll, kExact},
    {"outer", "v:b s m, v:b s n -> m n", "", kAll, kExact},
    {"outer", "v:b s m, v:b s n, v:m n -> m n", "", kAll, kExact},
    {"embedding", "v:v c, iv:b s -> b s c", "", kAll, kExact},
    {"embedding", "v:v c, nv:b s -> b s c", "optional = true", kAll, kExact},
    {"embedding_gradient", "iv:b s, v:b s c -> v c", "", kAll, kExact},
    {"embedding_gradient", "nv:b s, v:b s c -> v c", "optional = true", kAll, kExact},
    {"embedding_gradient", "iv:b s, v:b s c, v:v c -> v c", "padding_index = 1 : i64", kAll, kExact},
    // Norms
    {"layer_norm", "r:a s c, r:c, r:c -> a s c, a s, a s", "epsilon = 1.0e-3 : f64", kFirst, kClose},
    {"layer_norm_gradient", "r:a c, r:a c, r:c, r:a, p:a -> a c, c, c", "", kNo, kClose},
    {"rms_norm", "r:a s c, r:c -> a s c, a s", "epsilon = 1.0e-3 : f64", kFirst, kClose},
    {"rms_norm_gradient", "r:a c, r:a c, r:c, p:a -> a c, c", "", kNo, kClose},
    // Attention
    {"rotary", "r:b s h 4, j:b s -> b s h 4", "layout = \"halves\", frequencies = array<f64: 1.0, 0.1>", kAll, kClose},
    {"rotary", "r:b s h 4, j:b s -> b s h 4",
     "layout = \"pairs\", frequencies = array<f64: 0.5>, factor = 2.0 : f64, inverse = true", kAll, kClose},
    // Images: windows of 3x2 on images of 5x4 lie in 3 rows and 2 columns.
    {"convolution", "v:b c 5 4, v:k c 3 2 -> b k 3 2", WINDOWS ", groups = 1 : i64", kAll, kExact},
    {"convolution", "v:b c 5 4, v:k c 3 2, v:k -> b k 3 2", WINDOWS ", groups = 1 : i64", kAll, kExact},
    {"convolution", "v:b 6 5 4, v:9 2 3 2, v:9 -> b 9 3 2", WINDOWS ", groups = 3 : i64", kAll, kExact},
    {"convolution_input_gradient", "v:b k 3 2, v:k c 3 2 -> b c 5 4",
     WINDOWS ", groups = 1 : i64, image = array<i64: 5, 4>", kAll, kExact},
    {"convolution_input_gradient", "v:b 9 3 2, v:9 2 3 2 -> b 6 5 4",
     WINDOWS ", groups = 3 : i64, image = array<i64: 5, 4>", kAll, kExact},
    {"convolution_weight_gradient", "v:b c 5 4, v:b k 3 2 -> k c 3 2",
     WINDOWS ", groups = 1 : i64, window = array<i64: 3, 2>", kAll, kExact},
    {"convolution_weight_gradient", "v:b 6 5 4, v:b 9 3 2 -> 9 2 3 2",
     WINDOWS ", groups = 3 : i64, window = array<i64: 3, 2>", kAll, kExact},
    {"max_pool", "v:b c 5 4 -> b c 3 2", WINDOWS ", window = array<i64: 3, 2>", kAll, kExact},
    {"max_pool_gradient", "v:b c 5 4, r:b c 3 2, v:b c 3 2 -> b c 5 4", WINDOWS ", window = array<i64: 3, 2>", kNo,
     kClose},
    {"average_pool", "v:b c 5 4 -> b c 3 2", WINDOWS ", window = array<i64: 3, 2>", kAll, kClose},
    {"average_pool_gradient", "v:b c 3 2 -> b c 5 4",
     WINDOWS ", window = array<i64: 3, 2>, image = array<i64: 5, 4>", kAll, kClose},
    {"attention", "r:b s h d, r:b t h d, r:b t h d -> b s h d, b h s", HEADS "1, 1, 1, 0, 0, 0, 0, 0>", kFirst, kClose},
    {"attention", "r:b s h d, r:b t g d, r:b t g d -> b s h d, b h s",
     HEADS "1, 1, 1, 0, 0, 0, 0, 0>, window = 2 : i64", kFirst, kClose},
    {"attention", "r:b s h d, r:b t g d, r:b t g d, r:h s t, m:b t -> b s h d, b h s", HEADS "1, 1, 1, 1, 1, 0, 0, 0>",
     kFirst, kClose},
    {"attention", "r:b s h d, r:b t h d, r:b t h d, m:b s, m:b t, k:4 -> b s h d, b h s",
     "scale = 0.5 : f64, dropout_rate = 0.25 : f64, id = 5 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, "
     "1, 1>",
     kFirst, kClose},
    {"attention", "r:b s h d, r:b t g d, r:b t g d, k:4 -> b s h d, b h s",
     HEADS "1, 1, 1, 0, 0, 0, 0, 1>, dropout_rate = 0.25 : f64, id = 5 : i64, element_offset = 8 : i64", kFirst,
     kClose},
    {"attention_gradient",
     "r:b s h d, r:b t h d, r:b t h d, r:b s h d, r:b h s, r:b s h d -> b s h d, b t h d, b t h d",
     HEADS "1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>", kNo, kClose},
    {"attention_gradient",
     "r:b s h d, r:b t g d, r:b t g d, r:b s h d, r:b h s, r:b s h d, r:h s t, m:b t -> b s h d, b t g d, b t g d, h s "
     "t",
     HEADS "1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0>", kNo, kClose},
    {"attention_gradient",
     "r:b s h d, r:b t g d, r:b t g d, r:b s h d, r:b h s, r:b s h d, m:b s, m:b t, k:4 -> b s h d, b t g d, b t g d",
     HEADS "1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1>, dropout_rate = 0.25 : f64, id = 5 : i64", kNo, kClose},
    // Loss
    {"cross_entropy", "r:b s v, lv:b s -> ., ., b s", "", kFirst, kClose},
    {"cross_entropy_gradient", "r:b s v, lv:b s, r:b s, r:. -> b s v", "", kNo, kClose},
    // Updates
    {"clip_scale", "p:. -> .", "max_norm = 0.5 : f64", kNo, kClose},
    {"adamw", "r:a c, r:a c, r:a c, p:a c, p:., p:., p:., t:. -> a c, a c, a c",
     "beta1 = 0.9 : f64, beta2 = 0.99 : f64, epsilon = 1.0e-8 : f64, weight_decay = 0.1 : f64, lr_factor = 0.5 : f64",
     kNo, kClose},
    {"sgd", "r:a c, r:a c, p:., p:., t:. -> a c",
     "momentum = 0.0 : f64, weight_decay = 0.1 : f64, lr_factor = 1.0 : f64", kNo, kClose},
    {"sgd", "r:a c, r:a c, r:a c, p:., p:., t:. -> a c, a c",
     "momentum = 0.9 : f64, weight_decay = 0.1 : f64, lr_factor = 1.0 : f64", kNo, kClose},
    // Constants: their values depend on the shape, hence on digits.
    {"constant", "-> 2 3", "value = dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3x$F>", kNo, kExact},
    {"constant", "-> a c", "value = dense<1.5> : tensor<$ax$cx$F>", kNo, kExact},
};

#undef HEADS

std::string expandAttributes(const OpCase &opCase, const Variant &variant, mlir::Type floatType) {
  std::string text;
  const llvm::StringRef from = opCase.attributes;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != '$') text += from[i];
    else if (from[++i] == 'F') text += floatType.isF64() ? "f64" : "f32";
    else text += std::to_string(variant.sizes.at(from[i]));
  }
  return "{" + text + "}";
}

double draw(const OpField &field, const Variant &variant, bool isSmooth, std::mt19937 &random) {
  const double unit = double(random() % 1000 + 1) / 1000;  // in (0, 1]
  switch (isSmooth && field.kind == 'v' ? 'r' : field.kind) {
    case 'v': case 'j': return double(random() % 7) - 3;
    case 'p': return 0.5 + unit;
    case 'b': case 'm': return double(random() % 2);
    case 't': return 1;
    case 'k': return double(random() % 1000000);
    case 'i': return double(random() % variant.sizes.at(field.bound));
    case 'n': return double(random() % (variant.sizes.at(field.bound) + 1)) - 1;
    case 'l': return random() % 4 == 0 ? -100.0 : double(random() % variant.sizes.at(field.bound));
    default: return (random() % 2 ? 1 : -1) * (0.2 + unit);
  }
}

OpField parseField(absl::string_view text) {
  OpField field;
  if (const size_t colon = text.find(':'); colon != text.npos) {
    const absl::string_view kind = absl::StripAsciiWhitespace(text.substr(0, colon));
    field.kind = kind[0];
    field.bound = kind.size() > 1 ? kind[1] : 0;
    text.remove_prefix(colon + 1);
  }
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty()))
    if (word != ".") field.dims.emplace_back(word);
  return field;
}

}  // namespace

llvm::ArrayRef<OpCase> opCases() { return kCases; }

llvm::ArrayRef<Variant> variants() {
  constexpr llvm::StringLiteral kLetters = "abcdghkmnstv";
  auto make = [&](const char *name, std::initializer_list<int64_t> sizes) {
    Variant variant{name, {}};
    for (auto [letter, size] : llvm::zip_equal(kLetters, sizes)) variant.sizes[letter] = size;
    return variant;
  };
  static const auto *kVariants = new std::vector<Variant>{
      make("even", {4, 2, 6, 4, 2, 4, 6, 4, 8, 4, 4, 8}),
      make("uneven", {5, 3, 7, 2, 3, 6, 5, 3, 7, 5, 7, 9}),
      make("tiny", {1, 1, 2, 2, 1, 3, 1, 2, 3, 2, 3, 3}),
      make("nothing", {0, 0, 3, 2, 1, 2, 0, 2, 3, 2, 3, 3}),
  };
  return *kVariants;
}

OpFields fieldsOf(const OpCase &opCase) {
  const std::pair<absl::string_view, absl::string_view> sides = absl::StrSplit(opCase.values, absl::MaxSplits("->", 1));
  auto parseSide = [&](absl::string_view side) {
    std::vector<OpField> fields;
    if (absl::StripAsciiWhitespace(side).empty()) return fields;
    for (absl::string_view text : absl::StrSplit(side, ',')) fields.push_back(parseField(text));
    return fields;
  };
  return {parseSide(sides.first), parseSide(sides.second)};
}

int64_t sizeOf(const std::string &dim, const Variant &variant) {
  auto sizeOfTerm = [&](char term) { return term >= '0' && term <= '9' ? term - '0' : variant.sizes.at(term); };
  int64_t size = sizeOfTerm(dim[0]);
  for (size_t i = 1; i + 1 < dim.size(); i += 2) {
    const int64_t other = sizeOfTerm(dim[i + 1]);
    size = dim[i] == '+' ? size + other : dim[i] == '-' ? size - other : size * other;
  }
  return size;
}

mlir::RankedTensorType typeOf(const OpField &field, const Variant &variant, mlir::Type floatType) {
  mlir::Builder b(floatType.getContext());
  mlir::Type element = floatType;
  if (field.kind == 'b' || field.kind == 't') element = b.getI1Type();
  if (llvm::is_contained({'j', 'm', 'k', 'i', 'l', 'n'}, field.kind)) element = b.getI32Type();
  std::vector<int64_t> shape;
  for (const std::string &dim : field.dims) shape.push_back(sizeOf(dim, variant));
  return mlir::RankedTensorType::get(shape, element);
}

mlir::Operation *buildOp(mlir::OpBuilder &b, const OpCase &opCase, const Variant &variant, mlir::Type floatType,
                         mlir::ValueRange operands) {
  const std::string text = expandAttributes(opCase, variant, floatType);
  auto attributes = mlir::dyn_cast_or_null<mlir::DictionaryAttr>(mlir::parseAttribute(text, floatType.getContext()));
  if (!attributes) return nullptr;
  mlir::OperationState state(b.getUnknownLoc(), absl::StrCat("cleave.", opCase.op));
  state.addOperands(operands);
  for (const OpField &field : fieldsOf(opCase).results) state.types.push_back(typeOf(field, variant, floatType));
  state.addAttributes(attributes.getValue());
  return b.create(state);
}

Tensor drawValue(const OpField &field, const Variant &variant, mlir::Type type, bool isSmooth, std::mt19937 &random) {
  Tensor tensor = Tensor::filled(dtypeOf(type), shapeOf(type), 0);
  for (double &value : tensor.values) {
    value = draw(field, variant, isSmooth, random);
    if (tensor.dtype == DType::kF32) value = double(float(value));
  }
  return tensor;
}

mlir::OwningOpRef<mlir::ModuleOp> buildModule(const OpCase &opCase, const Variant &variant, mlir::Type floatType) {
  mlir::OpBuilder b(floatType.getContext());
  mlir::Location loc = b.getUnknownLoc();
  const OpFields fields = fieldsOf(opCase);
  llvm::SmallVector<mlir::Type> operandTypes, resultTypes;
  for (const OpField &field : fields.operands) operandTypes.push_back(typeOf(field, variant, floatType));
  for (const OpField &field : fields.results) resultTypes.push_back(typeOf(field, variant, floatType));
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  auto function = mlir::func::FuncOp::create(b, loc, "f", b.getFunctionType(operandTypes, resultTypes));
  b.setInsertionPointToStart(function.addEntryBlock());
  mlir::Operation *op = buildOp(b, opCase, variant, floatType, function.getArguments());
  if (!op) return {};
  mlir::func::ReturnOp::create(b, loc, op->getResults());
  return module;
}

mlir::func::FuncOp functionOf(mlir::ModuleOp module) { return *module.getOps<mlir::func::FuncOp>().begin(); }

std::vector<Tensor> drawArguments(const OpCase &opCase, const Variant &variant, mlir::func::FuncOp function,
                                  bool isSmooth, std::mt19937 &random) {
  std::vector<Tensor> arguments;
  const OpFields fields = fieldsOf(opCase);
  for (auto [field, type] : llvm::zip(fields.operands, function.getArgumentTypes()))
    arguments.push_back(drawValue(field, variant, type, isSmooth, random));
  return arguments;
}

}  // namespace cleave
