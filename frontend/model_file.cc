#include "frontend/model_file.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "frontend/builder_state.h"
#include "frontend/family.h"
#include "frontend/mlir_text.h"
#include "frontend/text_file.h"
#include "mlir/Parser/Parser.h"

namespace cleave {
namespace {

constexpr int64_t kMaxRank = 8;

template <typename T>
std::string textOf(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

// "file:line:column".
std::string placeOf(mlir::Location location) {
  const auto place = location->findInstanceOf<mlir::FileLineColLoc>();
  if (!place) return textOf(location);
  return absl::StrCat(place.getFilename().str(), ":", place.getLine(), ":", place.getColumn());
}

absl::Status invalid(const std::string &message) { return absl::InvalidArgumentError(message); }

bool isScalarFloat(mlir::Type type) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  return tensor && tensor.getRank() == 0 && tensor.getElementType().isF32();
}

// A static tensor without a placement, of a size that can be counted.
absl::Status checkType(mlir::Type type, const std::string &where) {
  auto tensor = mlir::dyn_cast<mlir::RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getEncoding() || tensor.getRank() > kMaxRank)
    return invalid(absl::StrCat(where, " requires a tensor of a static shape of at most ", kMaxRank,
                                " dimensions and without a placement, got ", textOf(type)));
  int64_t elements = 1;
  for (int64_t size : tensor.getShape()) {
    if (size < 1 || size > kMaxElements / elements)
      return invalid(
          absl::StrCat(where, " requires sizes of at least 1 and at most 2^46 elements, got ", textOf(type)));
    elements *= size;
  }
  return absl::OkStatus();
}

// One entry's function: what its arguments are.
class EntryChecker {
 public:
  explicit EntryChecker(mlir::func::FuncOp function) : function_(function) {}

  absl::Status check();
  absl::Status checkBody();
  absl::Status nameOutputs(llvm::ArrayRef<llvm::StringRef> names);
  void orderArguments();

  const std::map<std::string, mlir::Type> &parameters() const { return parameters_; }
  // Data inputs, without "rng".
  llvm::SmallVector<mlir::BlockArgument> dataInputs();

 private:
  std::string where(unsigned index) {
    return absl::StrCat("function \"", function_.getName().str(), "\": argument ", index);
  }
  absl::Status checkArgument(unsigned index);
  absl::Status checkParameter(unsigned index, const std::string &name);
  absl::Status checkInput(unsigned index, const std::string &name);

  mlir::func::FuncOp function_;
  std::set<std::string> names_;
  std::map<std::string, mlir::Type> parameters_;
};

absl::Status EntryChecker::checkArgument(unsigned index) {
  const mlir::Attribute parameter = function_.getArgAttr(index, CleaveDialect::kParameter);
  const mlir::Attribute input = function_.getArgAttr(index, CleaveDialect::kInput);
  auto name = mlir::dyn_cast_or_null<mlir::StringAttr>(parameter ? parameter : input);
  if (!parameter == !input || !name || name.getValue().empty())
    return invalid(absl::StrCat(where(index), " requires either ", CleaveDialect::kParameter.str(), " or ",
                                CleaveDialect::kInput.str(), " with a name, got ",
                                textOf(mlir::DictionaryAttr(function_.getArgAttrDict(index)))));
  const std::string text = name.str();
  if (!names_.insert(text).second)
    return invalid(absl::StrCat(where(index), " requires a name of its own, got \"", text, "\" again"));
  if (auto status = checkType(function_.getArgumentTypes()[index], absl::StrCat(where(index), " (\"", text, "\")"));
      !status.ok())
    return status;
  return parameter ? checkParameter(index, text) : checkInput(index, text);
}

absl::Status EntryChecker::checkParameter(unsigned index, const std::string &name) {
  const mlir::Type type = function_.getArgumentTypes()[index];
  if (!mlir::getElementTypeOrSelf(type).isF32())
    return invalid(absl::StrCat(where(index), " (\"", name, "\") requires a parameter of f32, got ", textOf(type)));
  const mlir::Attribute init = function_.getArgAttr(index, CleaveDialect::kInit);
  if (!mlir::isa_and_nonnull<InitAttr>(init))
    return invalid(absl::StrCat(where(index), " (\"", name, "\") requires ", CleaveDialect::kInit.str(),
                                " = #cleave.init<...>, got ", init ? textOf(init) : "none"));
  const auto shape = mlir::cast<mlir::RankedTensorType>(type).getShape();
  const int64_t zeroRow = mlir::cast<InitAttr>(init).getZeroRow(), rows = shape.empty() ? 0 : shape[0];
  if (zeroRow >= rows)
    return invalid(absl::StrCat(where(index), " (\"", name, "\") requires a zero_row below its ", rows, " rows, got ",
                                zeroRow));
  const mlir::Attribute trainable = function_.getArgAttr(index, CleaveDialect::kTrainable);
  if (trainable && !mlir::isa<mlir::BoolAttr>(trainable))
    return invalid(absl::StrCat(where(index), " (\"", name, "\") requires ", CleaveDialect::kTrainable.str(),
                                " to be true or false, got ", textOf(trainable)));
  parameters_.emplace(name, type);
  return absl::OkStatus();
}

absl::Status EntryChecker::checkInput(unsigned index, const std::string &name) {
  auto type = mlir::cast<mlir::RankedTensorType>(function_.getArgumentTypes()[index]);
  const mlir::Type element = type.getElementType();
  if (!element.isInteger(32) && !element.isInteger(64) && !element.isF32())
    return invalid(
        absl::StrCat(where(index), " (\"", name, "\") requires an input of i32, i64 or f32, got ", textOf(type)));
  if (name == "rng" && (type.getShape() != llvm::ArrayRef<int64_t>{4} || !element.isInteger(32)))
    return invalid(absl::StrCat(where(index), " (\"rng\") requires type tensor<4xi32>, got ", textOf(type)));
  return absl::OkStatus();
}

absl::Status EntryChecker::checkBody() {
  if (!function_.getBody().hasOneBlock())
    return invalid(absl::StrCat("function \"", function_.getName().str(), "\" requires a body of one block"));
  absl::Status status;
  function_.walk([&](mlir::Operation *op) {
    if (op == function_) return mlir::WalkResult::advance();
    const std::string at = absl::StrCat(placeOf(op->getLoc()), ": ", op->getName().getStringRef().str());
    const bool isKnown = mlir::isa<CleaveDialect>(op->getDialect()) || mlir::isa<mlir::func::ReturnOp>(op);
    if (!isKnown || mlir::isa<MeshOp>(op))
      status = invalid(absl::StrCat(at, " requires to be an op of the cleave dialect that computes"));
    if (auto constant = mlir::dyn_cast<ConstantOp>(op);
        constant && !mlir::isa<mlir::DenseElementsAttr>(constant.getValue()))
      status = invalid(absl::StrCat(at, " requires a value of the form dense<...>"));
    for (mlir::Type type : op->getResultTypes())
      if (status.ok()) status = checkType(type, at);
    return status.ok() ? mlir::WalkResult::advance() : mlir::WalkResult::interrupt();
  });
  return status;
}

absl::Status EntryChecker::check() {
  if (!function_.getBody().hasOneBlock())
    return invalid(absl::StrCat("function \"", function_.getName().str(), "\" requires a body of one block"));
  for (unsigned i = 0; i < function_.getNumArguments(); ++i)
    if (auto status = checkArgument(i); !status.ok()) return status;
  return checkBody();
}

absl::Status EntryChecker::nameOutputs(llvm::ArrayRef<llvm::StringRef> names) {
  for (unsigned i = 0; i < names.size(); ++i) {
    const mlir::Attribute given = function_.getResultAttr(i, CleaveDialect::kOutput);
    auto wanted = mlir::StringAttr::get(function_.getContext(), names[i]);
    if (given && given != wanted)
      return invalid(absl::StrCat("function \"", function_.getName().str(), "\": result ", i, " requires ",
                                  CleaveDialect::kOutput.str(), " = \"", names[i].str(), "\", got ", textOf(given)));
    function_.setResultAttr(i, CleaveDialect::kOutput, wanted);
  }
  return absl::OkStatus();
}

void EntryChecker::orderArguments() {
  auto rank = [&](unsigned i) {
    if (function_.getArgAttr(i, CleaveDialect::kParameter)) return 0;
    return mlir::cast<mlir::StringAttr>(function_.getArgAttr(i, CleaveDialect::kInput)).getValue() == "rng" ? 2 : 1;
  };
  llvm::SmallVector<unsigned> order = llvm::to_vector(llvm::seq<unsigned>(0, function_.getNumArguments()));
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return rank(a) < rank(b); });
  mlir::Block &block = function_.front();
  const unsigned count = unsigned(order.size());
  llvm::SmallVector<mlir::Attribute> attributes;
  for (unsigned from : order) {
    attributes.push_back(function_.getArgAttrDict(from) ? function_.getArgAttrDict(from)
                                                        : mlir::DictionaryAttr::get(function_.getContext()));
    mlir::BlockArgument old = block.getArgument(from);
    old.replaceAllUsesWith(block.addArgument(old.getType(), old.getLoc()));
  }
  block.eraseArguments(0, count);
  function_.setFunctionType(
      mlir::FunctionType::get(function_.getContext(), block.getArgumentTypes(), function_.getResultTypes()));
  if (count != 0) function_.setArgAttrsAttr(mlir::ArrayAttr::get(function_.getContext(), attributes));
}

llvm::SmallVector<mlir::BlockArgument> EntryChecker::dataInputs() {
  llvm::SmallVector<mlir::BlockArgument> inputs;
  for (mlir::BlockArgument argument : function_.getArguments()) {
    auto name = function_.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), CleaveDialect::kInput);
    if (name && name.getValue() != "rng") inputs.push_back(argument);
  }
  return inputs;
}

// Below what the tokens of an input must be, so that a table or a loss can take them; 0: nothing says.
int64_t limitOf(mlir::BlockArgument input) {
  int64_t limit = 0;
  auto lower = [&](int64_t size) { limit = limit == 0 ? size : std::min(limit, size); };
  for (mlir::Operation *user : input.getUsers()) {
    if (auto embedding = mlir::dyn_cast<EmbeddingOp>(user); embedding && embedding.getIds() == input)
      lower(embedding.getTable().getType().getDimSize(0));
    if (auto loss = mlir::dyn_cast<CrossEntropyOp>(user); loss && loss.getLabels() == input)
      lower(loss.getLogits().getType().getShape().back());
  }
  return limit;
}

// A family for a model that comes without: its files have the names of inputs and parameters, and every input is
// required. It reads token files where its inputs are tokens and labels of one shape [batch, sequence].
FamilyDescription plainFamily(mlir::func::FuncOp loss, llvm::ArrayRef<mlir::BlockArgument> inputs) {
  FamilyDescription family;
  std::map<std::string, mlir::RankedTensorType> types;
  for (mlir::BlockArgument input : inputs) {
    const std::string name = loss.getArgAttrOfType<mlir::StringAttr>(input.getArgNumber(), CleaveDialect::kInput).str();
    family.inputs.push_back({name, name, "required", limitOf(input)});
    types.emplace(name, mlir::cast<mlir::RankedTensorType>(input.getType()));
    if (name == "input_ids") family.vocabulary = family.inputs.back().limit;
  }
  auto ids = types.find("input_ids"), labels = types.find("labels");
  family.isCausal = types.size() == 2 && ids != types.end() && labels != types.end() && ids->second == labels->second &&
                    ids->second.getRank() == 2 && ids->second.getElementType().isInteger();
  return family;
}

// How many of the last results are figures of metrics.
size_t metricsOf(mlir::func::FuncOp loss) {
  size_t count = 0;
  for (unsigned i = loss.getNumResults(); i-- > 0; ++count) {
    const auto output = loss.getResultAttrOfType<mlir::StringAttr>(i, CleaveDialect::kOutput);
    if (!output || !output.getValue().starts_with("metrics.")) break;
  }
  return count;
}

absl::Status checkResults(mlir::func::FuncOp loss, EntryChecker &checker) {
  llvm::ArrayRef<mlir::Type> results = loss.getResultTypes();
  const bool areScalars = llvm::all_of(results, isScalarFloat);
  results = results.drop_back(metricsOf(loss));
  if (results.size() < 1 || results.size() > 2 || !areScalars)
    return invalid(absl::StrCat("function \"", loss.getName().str(),
                                "\" requires one result, the loss as tensor<f32>, or two, the sum and the ",
                                "number of labels that count, got ", textOf(loss.getFunctionType())));
  if (results.size() == 1) return checker.nameOutputs({"loss"});
  return checker.nameOutputs({"loss_sum", "tokens"});
}

// The functions of the entries, by name; an error if there is anything else.
absl::StatusOr<std::map<std::string, mlir::func::FuncOp>> entriesOf(mlir::ModuleOp module) {
  std::map<std::string, mlir::func::FuncOp> entries;
  for (mlir::Operation &op : *module.getBody()) {
    if (mlir::isa<MeshOp>(op)) continue;
    auto function = mlir::dyn_cast<mlir::func::FuncOp>(op);
    if (!function)
      return invalid(absl::StrCat(placeOf(op.getLoc()), ": requires functions and meshes in the module, got ",
                                  op.getName().getStringRef().str()));
    auto entry = function->getAttrOfType<mlir::StringAttr>(CleaveDialect::kEntry);
    if (!entry || !llvm::is_contained({"loss", "logits", "update"}, entry.getValue()))
      return invalid(absl::StrCat("function \"", function.getName().str(), "\" requires ", CleaveDialect::kEntry.str(),
                                  " to be \"loss\", \"logits\" or \"update\", got ", entry ? textOf(entry) : "none"));
    if (entry.getValue() == "update") {  // what it takes and gives is the compiler's to check
      if (auto status = EntryChecker(function).checkBody(); !status.ok()) return status;
      continue;
    }
    if (!entries.emplace(entry.str(), function).second)
      return invalid(
          absl::StrCat("requires one function with ", CleaveDialect::kEntry.str(), " = ", textOf(entry), ", got two"));
  }
  if (entries.count("loss") == 0)
    return invalid(absl::StrCat("requires a function with ", CleaveDialect::kEntry.str(), " = \"loss\", got none"));
  return entries;
}

absl::Status completeLogits(mlir::func::FuncOp logits, const EntryChecker &loss) {
  EntryChecker checker(logits);
  if (auto status = checker.check(); !status.ok()) return status;
  if (logits.getNumResults() != 1) return invalid("function of entry \"logits\" requires one result");
  for (const auto &[name, type] : checker.parameters()) {
    auto same = loss.parameters().find(name);
    if (same == loss.parameters().end() || same->second != type)
      return invalid(absl::StrCat("entry \"logits\": parameter \"", name,
                                  "\" requires one of the same type in entry \"loss\", got ", textOf(type)));
  }
  if (auto status = checker.nameOutputs({"logits"}); !status.ok()) return status;
  checker.orderArguments();
  return absl::OkStatus();
}

absl::Status completeFamily(mlir::ModuleOp module, mlir::func::FuncOp loss, EntryChecker &checker) {
  const mlir::Attribute given = module->getAttr(kFamilyAttribute);
  if (!given) {
    module->setAttr(kFamilyAttribute, familyAttribute(*module.getContext(), plainFamily(loss, checker.dataInputs())));
    return absl::OkStatus();
  }
  auto dictionary = mlir::dyn_cast<mlir::DictionaryAttr>(given);
  if (!dictionary) return invalid(absl::StrCat(kFamilyAttribute, " requires a dictionary, got ", textOf(given)));
  return familyOf(dictionary).status();
}

}  // namespace

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(absl::string_view text, const std::string &path,
                                                              mlir::MLIRContext &context) {
  if (auto status = checkMlirText(text); !status.ok())
    return invalid(absl::StrCat("\"", path, "\": ", status.message()));
  context.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
  std::string seen;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (seen.empty() && diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error)
      seen = absl::StrCat(placeOf(diagnostic.getLocation()), ": ", diagnostic.str());
  });
  auto module = mlir::parseSourceString<mlir::ModuleOp>(llvm::StringRef(text.data(), text.size()),
                                                        mlir::ParserConfig(&context), path);
  if (!module)
    return invalid(seen.empty() ? absl::StrCat("\"", path, "\": requires a module of the cleave dialect") : seen);
  return module;
}

absl::Status completeModel(mlir::ModuleOp module) {
  auto entries = entriesOf(module);
  if (!entries.ok()) return entries.status();
  mlir::func::FuncOp loss = entries->at("loss");
  EntryChecker checker(loss);
  if (auto status = checker.check(); !status.ok()) return status;
  if (auto status = checkResults(loss, checker); !status.ok()) return status;
  checker.orderArguments();
  if (auto logits = entries->find("logits"); logits != entries->end())
    if (auto status = completeLogits(logits->second, checker); !status.ok()) return status;
  return completeFamily(module, loss, checker);
}

absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> parseModelFile(const std::string &path, mlir::MLIRContext &context) {
  auto text = readTextFile(path, kMaxMlirBytes);
  if (!text.ok()) return text.status();
  auto module = parseModule(*text, path, context);
  if (!module.ok()) return module.status();
  if (auto status = completeModel(**module); !status.ok())
    return invalid(absl::StrCat("\"", path, "\": ", status.message()));
  return std::move(*module);
}

}  // namespace cleave
