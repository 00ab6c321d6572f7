#include "ir/cleave.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "llvm/ADT/TypeSwitch.h"
#include "mlir/IR/DialectImplementation.h"

namespace cleave {
namespace {

mlir::ParseResult parseSplit(mlir::AsmParser &parser, AxisPlacement &axis) {
  unsigned dim = 0;
  if (parser.parseLParen() || parser.parseInteger(dim)) return mlir::failure();
  axis = AxisPlacement::split(dim);
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("minor"))) {
      axis.minor = true;
      continue;
    }
    if (parser.parseKeyword("unit") || parser.parseEqual() || parser.parseInteger(axis.unit)) return mlir::failure();
    if (axis.unit < 1) return parser.emitError(parser.getNameLoc(), "requires a unit of at least 1, got ") << axis.unit;
  }
  return parser.parseRParen();
}

mlir::ParseResult parsePartial(mlir::AsmParser &parser, AxisPlacement &axis) {
  llvm::StringRef name;
  if (parser.parseLParen() || parser.parseKeyword(&name) || parser.parseRParen()) return mlir::failure();
  for (Combiner combiner : {Combiner::Sum, Combiner::Max, Combiner::Min})
    if (nameOf(combiner) == name) return axis = AxisPlacement::partial(combiner), mlir::success();
  return parser.emitError(parser.getNameLoc(), "requires a combiner sum, max or min, got ") << name;
}

mlir::ParseResult parseAxes(mlir::AsmParser &parser, llvm::SmallVector<AxisPlacement> &axes) {
  return parser.parseCommaSeparatedList([&]() -> mlir::ParseResult {
    llvm::StringRef kind;
    if (parser.parseKeyword(&kind)) return mlir::failure();
    AxisPlacement &axis = axes.emplace_back();
    if (kind == "B") return mlir::success();
    if (kind == "S") return parseSplit(parser, axis);
    if (kind == "P") return parsePartial(parser, axis);
    return parser.emitError(parser.getNameLoc(), "requires S(dim), B or P(sum|max|min), got ") << kind;
  });
}

void printAxes(mlir::AsmPrinter &printer, llvm::ArrayRef<AxisPlacement> axes) {
  llvm::interleaveComma(axes, printer.getStream());
}

mlir::ParseResult parseDouble(mlir::AsmParser &parser, mlir::FailureOr<llvm::APFloat> &value) {
  double number = 0;
  if (parser.parseFloat(number)) return mlir::failure();
  value = llvm::APFloat(number);
  return mlir::success();
}

// As few digits as tell the number apart from its neighbours.
void printDouble(mlir::AsmPrinter &printer, const llvm::APFloat &value) {
  const double number = value.convertToDouble();
  char text[64];
  for (int digits = 1; digits <= 6; ++digits) {
    std::snprintf(text, sizeof text, "%.*f", digits, number);
    if (std::abs(number) < 1e6 && std::strtod(text, nullptr) == number) {
      printer << text;
      return;
    }
  }
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*e", digits, number);
    if (std::strtod(text, nullptr) == number) break;
  }
  printer << text;
}

mlir::ParseResult parseMeshAxes(mlir::OpAsmParser &parser, mlir::ArrayAttr &names, mlir::ArrayAttr &kinds,
                                mlir::DenseI64ArrayAttr &sizes) {
  llvm::SmallVector<mlir::Attribute> nameList, kindList;
  llvm::SmallVector<int64_t> sizeList;
  mlir::Builder &b = parser.getBuilder();
  auto parseAxis = [&]() -> mlir::ParseResult {
    std::string name, kind;
    int64_t size = 0;
    if (parser.parseString(&name)) return mlir::failure();
    if (succeeded(parser.parseOptionalColon()) && parser.parseString(&kind)) return mlir::failure();
    if (parser.parseEqual() || parser.parseInteger(size)) return mlir::failure();
    if (kind.empty()) kind = MeshOp::kindOf(name, nameList.empty()).str();
    nameList.push_back(b.getStringAttr(name));
    kindList.push_back(b.getStringAttr(kind));
    sizeList.push_back(size);
    return mlir::success();
  };
  if (parser.parseCommaSeparatedList(mlir::AsmParser::Delimiter::LessGreater, parseAxis)) return mlir::failure();
  names = b.getArrayAttr(nameList);
  kinds = b.getArrayAttr(kindList);
  sizes = b.getDenseI64ArrayAttr(sizeList);
  return mlir::success();
}

void printMeshAxes(mlir::OpAsmPrinter &printer, MeshOp mesh, mlir::ArrayAttr names, mlir::ArrayAttr kinds,
                   mlir::DenseI64ArrayAttr sizes) {
  printer << "<";
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto name = mlir::cast<mlir::StringAttr>(names[i]), kind = mlir::cast<mlir::StringAttr>(kinds[i]);
    printer << (i ? ", " : "") << name;
    if (kind.getValue() != MeshOp::kindOf(name.getValue(), i == 0)) printer << " : " << kind;
    printer << " = " << sizes[i];
  }
  printer << ">";
}

mlir::ParseResult parseCount(mlir::OpAsmParser &parser, mlir::IntegerAttr &count) {
  int64_t value = 0;
  if (parser.parseInteger(value)) return mlir::failure();
  count = parser.getBuilder().getI64IntegerAttr(value);
  return mlir::success();
}

void printCount(mlir::OpAsmPrinter &printer, ChunkedOp, mlir::IntegerAttr count) { printer << count.getInt(); }

mlir::ParseResult parseModes(mlir::OpAsmParser &parser, AxesAttr &modes) {
  llvm::SmallVector<AxisPlacement> axes;
  if (parser.parseLSquare()) return mlir::failure();
  if (failed(parser.parseOptionalRSquare()))
    if (parseAxes(parser, axes) || parser.parseRSquare()) return mlir::failure();
  modes = AxesAttr::get(parser.getContext(), axes);
  return mlir::success();
}

void printModes(mlir::OpAsmPrinter &printer, ChunkedOp, AxesAttr modes) {
  printer << "[";
  printAxes(printer, modes.getAxes());
  printer << "]";
}

}  // namespace
}  // namespace cleave

#include "ir/interfaces.cc.inc"
#include "ir/dialect.cc.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/attributes.cc.inc"
#define GET_OP_CLASSES
#include "ir/ops.cc.inc"

namespace cleave {

void CleaveDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/attributes.cc.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/ops.cc.inc"
      >();
}

mlir::LogicalResult InitAttr::verify(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                     llvm::StringRef distribution, llvm::APFloat mean, llvm::APFloat deviation,
                                     int64_t zeroRow) {
  if (!llvm::is_contained({"normal", "uniform", "constant"}, distribution))
    return emitError() << "requires a distribution normal, uniform or constant, got " << distribution;
  if (!mean.isFinite()) return emitError() << "requires a finite mean, got " << mean.convertToDouble();
  if (!deviation.isFinite() || deviation.isNegative())
    return emitError() << "requires a finite deviation of at least 0, got " << deviation.convertToDouble();
  if (zeroRow < -1) return emitError() << "requires a zero_row of at least -1, got " << zeroRow;
  return mlir::success();
}

}  // namespace cleave
