#include "frontend/builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "frontend/builder_state.h"
#include "mlir/IR/Verifier.h"

namespace cleave {

using mlir::Value;

ModelBuilder::State::State(mlir::MLIRContext &context)
    : ops((context.loadDialect<CleaveDialect, mlir::func::FuncDialect>(), &context)),
      module(mlir::ModuleOp::create(mlir::UnknownLoc::get(&context))),
      location(mlir::UnknownLoc::get(&context)) {}

bool ModelBuilder::State::refuse(const std::string &path, const std::string &message) {
  if (status.ok()) status = absl::InvalidArgumentError(absl::StrCat("\"", path, "\": ", message));
  return false;
}

bool ModelBuilder::State::canMake(const std::string &path, llvm::ArrayRef<Value> operands) {
  if (!status.ok()) return false;
  if (!function) return refuse(path, "requires an entry that has begun, got none");
  for (Value operand : operands)
    if (!operand) return refuse(path, "requires values as operands, got a null one");
  return true;
}

bool ModelBuilder::State::checkShape(const std::string &path, llvm::ArrayRef<int64_t> shape) {
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 1 || size > kMaxElements / elements)
      return refuse(path, absl::StrCat("requires sizes of at least 1 and at most 2^46 elements, got ",
                                       absl::StrJoin(shape, "x")));
    elements *= size;
  }
  return true;
}

bool ModelBuilder::State::checkSameType(const std::string &path, Value a, Value b) {
  if (a.getType() == b.getType()) return true;
  return refuse(path, absl::StrCat("requires operands of one type, got sizes ", absl::StrJoin(sizesOf(a), "x"), " and ",
                                   absl::StrJoin(sizesOf(b), "x")));
}

bool ModelBuilder::State::checkFloat(const std::string &path, Value value, size_t minRank) {
  if (!mlir::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(value)))
    return refuse(path, "requires floats, got another type");
  if (sizesOf(value).size() >= minRank) return true;
  return refuse(path, absl::StrCat("requires rank ", minRank, " and more, got ", sizesOf(value).size()));
}

bool ModelBuilder::State::checkShapeIs(const std::string &path, const char *what, Value value,
                                       llvm::ArrayRef<int64_t> shape) {
  if (sizesOf(value) == shape) return true;
  return refuse(path, absl::StrCat("requires ", what, " of sizes ", absl::StrJoin(shape, "x"), ", got ",
                                   absl::StrJoin(sizesOf(value), "x")));
}

std::string ModelBuilder::State::uniqueName(const std::string &path) {
  std::string name = path;
  for (int next = 2; !opNames.insert(name).second; ++next) name = absl::StrCat(path, "_", next);
  return name;
}

int64_t ModelBuilder::State::randomId(const std::string &path) {
  uint32_t hash = 2166136261u;  // FNV-1a
  for (char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  while (!randomIds.insert(hash).second) ++hash;
  return hash;
}

Value ModelBuilder::State::randomKey() {
  if (!random) random = function.front().addArgument(typeOf({4}, ElementType::kInt32), location);
  return random;
}

mlir::RankedTensorType ModelBuilder::State::typeOf(llvm::ArrayRef<int64_t> shape, ElementType element) {
  mlir::Type type = element == ElementType::kInt32 ? mlir::Type(ops.getI32Type()) : mlir::Type(ops.getF32Type());
  return mlir::RankedTensorType::get(shape, type);
}

ModelBuilder::ModelBuilder(mlir::MLIRContext &context) : state_(std::make_unique<State>(context)) {}
ModelBuilder::~ModelBuilder() = default;

const absl::Status &ModelBuilder::status() const { return state_->status; }

void ModelBuilder::fail(const absl::Status &error) {
  if (state_->status.ok()) state_->status = error;
}

void ModelBuilder::setLocation(absl::string_view file, unsigned line, unsigned column) {
  state_->location =
      mlir::FileLineColLoc::get(state_->ops.getContext(), llvm::StringRef(file.data(), file.size()), line, column);
}

void ModelBuilder::pushScope(absl::string_view name) { state_->scopes.emplace_back(name); }

void ModelBuilder::popScope() {
  if (state_->scopes.empty()) return fail(absl::FailedPreconditionError("requires a scope to leave, got none"));
  state_->scopes.pop_back();
}

std::string ModelBuilder::pathOf(absl::string_view name) const {
  std::string path = absl::StrJoin(state_->scopes, ".");
  if (path.empty() || name.empty()) return absl::StrCat(path, name);
  return absl::StrCat(path, ".", name);
}

void ModelBuilder::pushLayer(absl::string_view layerClass, int64_t instance) {
  mlir::MLIRContext *context = state_->ops.getContext();
  state_->layers.push_back(LayerAttr::get(context, llvm::StringRef(layerClass.data(), layerClass.size()), instance));
}

void ModelBuilder::popLayer() {
  if (state_->layers.empty()) return fail(absl::FailedPreconditionError("requires a layer to leave, got none"));
  state_->layers.pop_back();
}

mlir::OpBuilder &ModelBuilder::opBuilder() { return state_->ops; }
mlir::Location ModelBuilder::location() const { return state_->location; }

void ModelBuilder::mark(absl::string_view name, mlir::Operation *op) {
  const std::string path = pathOf(name);
  op->setAttr(CleaveDialect::kName, state_->ops.getStringAttr(state_->uniqueName(path)));
  if (!state_->layers.empty()) op->setAttr(CleaveDialect::kLayer, state_->layers.back());
  for (Value result : op->getResults()) state_->checkShape(path, sizesOf(result));
}

void ModelBuilder::beginEntry(absl::string_view name) {
  State &state = *state_;
  if (!state.status.ok()) return;
  if (state.function)
    return fail(
        absl::FailedPreconditionError(absl::StrCat("entry \"", name, "\": requires that the one before has ended")));
  const llvm::StringRef text(name.data(), name.size());
  if (name.empty() || state.module->lookupSymbol(text))
    return fail(
        absl::InvalidArgumentError(absl::StrCat("requires entries of different names, got two of \"", name, "\"")));
  state.ops.setInsertionPointToEnd(state.module->getBody());
  state.function = mlir::func::FuncOp::create(state.ops, state.location, text, state.ops.getFunctionType({}, {}));
  state.function->setAttr(CleaveDialect::kEntry, state.ops.getStringAttr(text));
  state.ops.setInsertionPointToStart(state.function.addEntryBlock());
}

void ModelBuilder::endEntry(const std::vector<Output> &outputs) {
  State &state = *state_;
  llvm::SmallVector<Value> values;
  for (const Output &output : outputs) values.push_back(output.value);
  if (!state.canMake("end of entry", values)) return;
  if (!state.gradients.empty()) {
    state.refuse(state.gradients.back().path, "requires that the gradient ends before its entry does");
    return;
  }
  std::vector<std::string> names;
  for (const Output &output : outputs) names.push_back(output.name);
  state.finishFunction(values, CleaveDialect::kOutput, names);
}

void ModelBuilder::State::finishFunction(llvm::ArrayRef<Value> values, llvm::StringRef kind,
                                         const std::vector<std::string> &names) {
  mlir::func::ReturnOp::create(ops, location, values);
  llvm::SmallVector<mlir::Attribute> argumentAttributes, resultAttributes;
  for (const Argument &argument : parameters) argumentAttributes.push_back(ops.getDictionaryAttr(argument.attributes));
  for (const Argument &argument : inputs) argumentAttributes.push_back(ops.getDictionaryAttr(argument.attributes));
  if (random)
    argumentAttributes.push_back(
        ops.getDictionaryAttr(ops.getNamedAttr(CleaveDialect::kInput, ops.getStringAttr("rng"))));
  for (const std::string &name : names)
    resultAttributes.push_back(ops.getDictionaryAttr(ops.getNamedAttr(kind, ops.getStringAttr(name))));
  mlir::Block &block = function.front();
  function.setFunctionType(ops.getFunctionType(block.getArgumentTypes(), mlir::ValueRange(values).getTypes()));
  if (!argumentAttributes.empty()) function.setArgAttrsAttr(ops.getArrayAttr(argumentAttributes));
  if (!resultAttributes.empty()) function.setResAttrsAttr(ops.getArrayAttr(resultAttributes));

  function = nullptr;
  random = nullptr;
  parameters.clear();
  inputs.clear();
  parameterByName.clear();
  opNames.clear();
  randomIds.clear();
}

void ModelBuilder::setFamily(const FamilyDescription &family) {
  (*state_->module)->setAttr(kFamilyAttribute, familyAttribute(*state_->ops.getContext(), family));
}

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> ModelBuilder::finish() {
  if (status().ok() && state_->function) fail(absl::FailedPreconditionError("requires that the last entry has ended"));
  if (!status().ok()) return status();
  std::string seen;
  mlir::ScopedDiagnosticHandler handler(state_->ops.getContext(), [&](mlir::Diagnostic &diagnostic) {
    if (seen.empty()) seen = diagnostic.str();
  });
  if (failed(mlir::verify(*state_->module)))
    return absl::InvalidArgumentError(seen.empty() ? "requires a valid module" : seen);
  return std::move(state_->module);
}

Value ModelBuilder::parameter(absl::string_view name, const std::vector<int64_t> &shape, const Init &init,
                              bool isTrainable) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {}) || !state.checkShape(path, shape)) return {};
  const mlir::RankedTensorType type = state.typeOf(shape, ElementType::kFloat32);
  if (auto known = state.parameterByName.find(path); known != state.parameterByName.end()) {
    const Value value = state.parameters[known->second].value;
    if (value.getType() == type) return value;
    return state.noValue(path, "requires a parameter of one shape, got it in another");
  }
  State::Argument argument;
  argument.name = path;
  argument.value = state.function.front().insertArgument(unsigned(state.parameters.size()), type, state.location);
  argument.attributes.push_back(state.ops.getNamedAttr(CleaveDialect::kParameter, state.ops.getStringAttr(path)));
  argument.attributes.push_back(state.ops.getNamedAttr(
      CleaveDialect::kInit,
      InitAttr::get(state.ops.getContext(), init.distribution, init.mean, init.deviation, init.zeroRow)));
  if (!isTrainable)
    argument.attributes.push_back(state.ops.getNamedAttr(CleaveDialect::kTrainable, state.ops.getBoolAttr(false)));
  state.parameterByName.emplace(path, state.parameters.size());
  state.parameters.push_back(argument);
  return argument.value;
}

Value ModelBuilder::input(absl::string_view name, const std::vector<int64_t> &shape, ElementType element) {
  State &state = *state_;
  const std::string path(name);
  if (!state.canMake(path, {}) || !state.checkShape(path, shape)) return {};
  const mlir::RankedTensorType type = state.typeOf(shape, element);
  for (const State::Argument &known : state.inputs)
    if (known.name == path) {
      if (known.value.getType() == type) return known.value;
      return state.noValue(path, "requires an input of one type, got it in another");
    }
  State::Argument argument;
  argument.name = path;
  const size_t position = state.parameters.size() + state.inputs.size();
  argument.value = state.function.front().insertArgument(unsigned(position), type, state.location);
  argument.attributes.push_back(state.ops.getNamedAttr(CleaveDialect::kInput, state.ops.getStringAttr(path)));
  state.inputs.push_back(argument);
  return argument.value;
}

std::vector<int64_t> shapeOf(Value value) {
  if (!value) return {};
  return sizesOf(value).vec();
}

std::optional<std::vector<int64_t>> broadcastShape(const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  std::vector<int64_t> shape(std::max(a.size(), b.size()));
  for (size_t i = 1; i <= shape.size(); ++i) {
    const int64_t left = i <= a.size() ? a[a.size() - i] : 1, right = i <= b.size() ? b[b.size() - i] : 1;
    if (left != right && left != 1 && right != 1) return std::nullopt;
    shape[shape.size() - i] = std::max(left, right);
  }
  return shape;
}

std::string ModelBuilder::nameOf(Value value) const {
  if (!value) return "";
  for (const auto *arguments : {&state_->parameters, &state_->inputs})
    for (const State::Argument &argument : *arguments)
      if (Value(argument.value) == value) return argument.name;
  mlir::Operation *op = value.getDefiningOp();
  auto name = op ? op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName) : mlir::StringAttr();
  return name ? name.str() : "";
}

}  // namespace cleave
