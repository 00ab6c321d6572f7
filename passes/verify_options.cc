#include "passes/verify_options.h"

#include <cstdint>

#include "passes/module_view.h"
#include "passes/overlap_names.h"

namespace cleave {
namespace {

struct IntegerOption {
  llvm::StringLiteral name;
  int64_t least, most;
};

constexpr IntegerOption kIntegers[] = {
    {kSlices, 1, 64}, {kZeroStage, 0, 3}, {kMemoryBudget, 1, INT64_MAX}};

mlir::LogicalResult verifyInteger(mlir::ModuleOp module, const IntegerOption &option) {
  const mlir::Attribute held = module->getAttr(option.name);
  if (!held) return mlir::success();
  const auto integer = mlir::dyn_cast<mlir::IntegerAttr>(held);
  if (integer && integer.getType().isSignlessInteger(64) && integer.getInt() >= option.least &&
      integer.getInt() <= option.most)
    return mlir::success();
  return module.emitError("requires an i64 from ")
         << option.least << " to " << option.most << " as " << option.name << ", got " << held;
}

template <typename Kind>
mlir::LogicalResult verifyKind(mlir::ModuleOp module, llvm::StringRef name, const char *what) {
  const mlir::Attribute held = module->getAttr(name);
  if (!held || mlir::isa<Kind>(held)) return mlir::success();
  return module.emitError("requires ") << what << " as " << name << ", got " << held;
}

}  // namespace

mlir::LogicalResult verifyOptions(mlir::ModuleOp module) {
  for (const IntegerOption &option : kIntegers)
    if (failed(verifyInteger(module, option))) return mlir::failure();
  if (failed(verifyKind<mlir::BoolAttr>(module, kSplit, "true or false")) ||
      failed(verifyKind<mlir::UnitAttr>(module, kSequence, "no value")) ||
      failed(verifyKind<mlir::UnitAttr>(module, kChunks, "no value")) ||
      failed(verifyKind<mlir::ArrayAttr>(module, kOverlap, "a list")))
    return mlir::failure();
  if (const auto names = module->getAttrOfType<mlir::ArrayAttr>(kOverlap))
    for (mlir::Attribute name : names)
      if (const auto text = mlir::dyn_cast<mlir::StringAttr>(name); !text || !isOverlapName(text.str()))
        return module.emitError("requires names of overlap passes in ") << kOverlap << ", got " << name;
  return mlir::success();
}

}  // namespace cleave
