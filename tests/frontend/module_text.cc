#include "tests/frontend/module_text.h"

#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace cleave {
namespace {

template <typename T>
std::string printed(T value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

mlir::func::FuncOp functionOf(Module &module, const std::string &entry) {
  for (auto function : module->getOps<mlir::func::FuncOp>())
    if (auto name = function->getAttrOfType<mlir::StringAttr>(CleaveDialect::kEntry); name && name.getValue() == entry)
      return function;
  return nullptr;
}

std::string numberText(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", value);
  return text;
}

std::string initText(InitAttr init) {
  const bool isConstant = init.getDistribution() == "constant";
  std::string text = init.getDistribution().str() + " " +
                     numberText((isConstant ? init.getMean() : init.getDeviation()).convertToDouble());
  return init.getZeroRow() < 0 ? text : text + " but row " + std::to_string(init.getZeroRow());
}

// Attributes that say nothing where they have their default.
bool isSilent(llvm::StringRef name, llvm::StringRef value) {
  return name.starts_with("cleave.") || name == "operandSegmentSizes" || name == "id" || name == "steps" ||
         value == "false" || (name == "padding_index" && value == "-1") || (name == "window" && value == "0") ||
         (name == "element_offset" && value == "0") || (name == "ignore_index" && value == "-100") ||
         (name == "factor" && value == "1") || (name == "dropout_rate" && value == "0");
}

// "array<i64: 1, 2>" -> "[1, 2]", "0.5 : f64" -> "0.5"
std::string valueText(mlir::Attribute attribute) {
  if (auto number = mlir::dyn_cast<mlir::FloatAttr>(attribute)) return numberText(number.getValueAsDouble());
  std::string text;
  auto list = [&](auto values) {
    for (double value : values) text += (text.empty() ? "" : ", ") + numberText(value);
    return "[" + text + "]";
  };
  if (auto integers = mlir::dyn_cast<mlir::DenseI64ArrayAttr>(attribute)) return list(integers.asArrayRef());
  if (auto numbers = mlir::dyn_cast<mlir::DenseF64ArrayAttr>(attribute)) return list(numbers.asArrayRef());
  text = printed(attribute);
  return text.substr(0, text.find(" : "));
}

std::string nameOf(mlir::func::FuncOp function, mlir::Value value) {
  if (mlir::Operation *op = value.getDefiningOp()) {
    auto name = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName);
    return name ? name.str() : "?";
  }
  const unsigned index = mlir::cast<mlir::BlockArgument>(value).getArgNumber();
  for (llvm::StringRef kind : {CleaveDialect::kParameter, CleaveDialect::kInput})
    if (auto name = function.getArgAttrOfType<mlir::StringAttr>(index, kind)) return name.str();
  return "?";
}

}  // namespace

std::string textOf(Module &module) { return printed(*module); }

std::vector<Argument> argumentsOf(Module &module, const std::string &entry) {
  std::vector<Argument> arguments;
  mlir::func::FuncOp function = functionOf(module, entry);
  for (mlir::BlockArgument value : function ? function.getArguments() : mlir::Block::BlockArgListType()) {
    const unsigned index = value.getArgNumber();
    Argument argument;
    auto parameter = function.getArgAttrOfType<mlir::StringAttr>(index, CleaveDialect::kParameter);
    argument.kind = parameter ? "parameter" : "input";
    argument.name = nameOf(function, value);
    argument.shape = mlir::cast<mlir::RankedTensorType>(value.getType()).getShape().vec();
    if (auto init = function.getArgAttrOfType<InitAttr>(index, CleaveDialect::kInit)) argument.init = initText(init);
    if (auto trainable = function.getArgAttrOfType<mlir::BoolAttr>(index, CleaveDialect::kTrainable))
      argument.isTrainable = trainable.getValue();
    arguments.push_back(argument);
  }
  return arguments;
}

std::vector<std::string> outputsOf(Module &module, const std::string &entry) {
  std::vector<std::string> outputs;
  mlir::func::FuncOp function = functionOf(module, entry);
  for (unsigned i = 0; function && i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<mlir::StringAttr>(i, CleaveDialect::kOutput);
    outputs.push_back((name ? name.str() : "?") + ": " + printed(function.getResultTypes()[i]));
  }
  return outputs;
}

std::vector<std::string> opsOf(Module &module, const std::string &entry) {
  std::vector<std::string> lines;
  mlir::func::FuncOp function = functionOf(module, entry);
  if (!function) return lines;
  for (mlir::Operation &op : function.front().without_terminator()) {
    std::string line =
        op.getName().stripDialect().str() + " " + (op.getNumResults() ? nameOf(function, op.getResult(0)) : "?");
    if (auto layer = op.getAttrOfType<LayerAttr>(CleaveDialect::kLayer))
      line += " [" + layer.getName().str() + " " + std::to_string(layer.getInstance()) + "]";
    std::string attributes;
    for (mlir::NamedAttribute attribute : op.getAttrs()) {
      const llvm::StringRef name = attribute.getName();
      const std::string value = valueText(attribute.getValue());
      if (!isSilent(name, value)) attributes += (attributes.empty() ? "" : ", ") + name.str() + " = " + value;
    }
    if (!attributes.empty()) line += " {" + attributes + "}";
    for (mlir::Value operand : op.getOperands())
      line += (operand == op.getOperand(0) ? " " : ", ") + nameOf(function, operand);
    lines.push_back(line);
  }
  return lines;
}

FamilyDescription familyIn(Module &module) {
  auto attribute = (*module)->getAttrOfType<mlir::DictionaryAttr>(kFamilyAttribute);
  if (!attribute) return {};
  auto family = familyOf(attribute);
  return family.ok() ? *family : FamilyDescription();
}

}  // namespace cleave
