#include "passes/module_view.h"

#include <algorithm>

namespace cleave {

MeshOp onlyMesh(mlir::ModuleOp module) {
  auto meshes = module.getOps<MeshOp>();
  if (meshes.empty()) return module.emitError("requires a mesh (cleave.mesh), got none"), MeshOp();
  if (std::next(meshes.begin()) != meshes.end()) return module.emitError("requires one mesh, got several"), MeshOp();
  return *meshes.begin();
}

std::vector<mlir::func::FuncOp> entriesOf(mlir::ModuleOp module) {
  std::vector<mlir::func::FuncOp> entries;
  for (auto function : module.getOps<mlir::func::FuncOp>())
    if (!function.isDeclaration()) entries.push_back(function);
  std::stable_sort(entries.begin(), entries.end(), [](mlir::func::FuncOp a, mlir::func::FuncOp b) {
    return (a.getName() == "step") > (b.getName() == "step");
  });
  return entries;
}

llvm::StringRef argumentName(mlir::BlockArgument argument, llvm::StringRef kind) {
  auto function = mlir::dyn_cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function) return {};
  auto name = function.getArgAttrOfType<mlir::StringAttr>(argument.getArgNumber(), kind);
  return name ? name.getValue() : llvm::StringRef();
}

mlir::BlockArgument parameterOf(mlir::Value value) {
  while (auto op = value.getDefiningOp<TensorOpInterface>()) {
    if (!op.kernelName().empty() || op->getNumOperands() != 1) return {};
    value = op->getOperand(0);
  }
  auto argument = mlir::dyn_cast<mlir::BlockArgument>(value);
  return argument && !argumentName(argument, CleaveDialect::kParameter).empty() ? argument : mlir::BlockArgument();
}

llvm::SmallVector<AxisPlacement, 4> argumentAxes(mlir::func::FuncOp function, unsigned index, size_t axes) {
  if (auto known = function.getArgAttrOfType<AxesAttr>(index, kAxes))
    return llvm::SmallVector<AxisPlacement, 4>(known.getAxes());
  return llvm::SmallVector<AxisPlacement, 4>(axes);
}

void setArgumentAxes(mlir::func::FuncOp function, unsigned index, llvm::ArrayRef<AxisPlacement> axes,
                     llvm::StringRef reason) {
  function.setArgAttr(index, kAxes, AxesAttr::get(function.getContext(), axes));
  if (!reason.empty())
    function.setArgAttr(index, CleaveDialect::kReason, mlir::StringAttr::get(function.getContext(), reason));
}

double bytesOf(mlir::Value value) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  return elementsOf(value) * std::max(1u, type.getElementTypeBitWidth() / 8);
}

std::optional<int64_t> memoryBudgetOf(mlir::ModuleOp module) {
  auto budget = module->getAttrOfType<mlir::IntegerAttr>(kMemoryBudget);
  return budget ? std::optional(budget.getInt()) : std::nullopt;
}

bool forcesOverlap(mlir::ModuleOp module, llvm::StringRef name) {
  const auto names = module->getAttrOfType<mlir::ArrayAttr>(kOverlap);
  return names && llvm::is_contained(names, mlir::StringAttr::get(module.getContext(), name));
}

bool startsCollectives(mlir::ModuleOp module) {
  return !module->hasAttr(kOverlap) || forcesOverlap(module, "split") || forcesOverlap(module, "prefetch");
}

bool choosesPlacements(mlir::ModuleOp module) {
  auto strategy = module->getAttrOfType<mlir::StringAttr>("cleave.strategy");
  return !strategy || strategy.getValue() == "rules";
}

bool isPinned(mlir::BlockArgument argument, size_t axis) {
  auto function = mlir::cast<mlir::func::FuncOp>(argument.getOwner()->getParentOp());
  auto pinned = function.getArgAttrOfType<mlir::DenseI64ArrayAttr>(argument.getArgNumber(), kPinned);
  return pinned && llvm::is_contained(pinned.asArrayRef(), int64_t(axis));
}

PinOp pinBehind(mlir::Value value, llvm::ArrayRef<mlir::Attribute> axisNames, llvm::ArrayRef<AxisPlacement> placements,
                llvm::StringRef reason) {
  mlir::OpBuilder b(value.getContext());
  b.setInsertionPointAfterValue(value);
  auto pin =
      PinOp::create(b, value.getLoc(), value, b.getArrayAttr(axisNames), AxesAttr::get(b.getContext(), placements));
  if (mlir::Operation *producer = value.getDefiningOp()) copyMarks(producer, pin);
  std::string name = nameOf(value) + ":pin";
  const auto others =
      llvm::count_if(value.getUsers(), [&](mlir::Operation *user) { return user != pin && mlir::isa<PinOp>(user); });
  if (others > 0) name += "." + std::to_string(others + 1);
  pin->setAttr(CleaveDialect::kName, b.getStringAttr(name));
  pin->setAttr(CleaveDialect::kReason, b.getStringAttr(reason));
  return pin;
}

llvm::StringRef phaseOf(mlir::Operation *op) {
  auto phase = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kPhase);
  return phase ? phase.getValue() : "forward";
}

std::string nameOf(mlir::Operation *op) {
  auto name = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName);
  return (name ? name.getValue() : op->getName().stripDialect()).str();
}

std::string nameOf(mlir::Value value) {
  if (auto result = mlir::dyn_cast<mlir::OpResult>(value)) {
    auto name = result.getOwner()->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName);
    if (!name || result.getResultNumber() == 0) return name ? name.getValue().str() : "";
    return name.getValue().str() + ":" + std::to_string(result.getResultNumber());
  }
  auto argument = mlir::cast<mlir::BlockArgument>(value);
  for (llvm::StringRef kind : {CleaveDialect::kParameter, CleaveDialect::kState, CleaveDialect::kInput})
    if (llvm::StringRef name = argumentName(argument, kind); !name.empty()) return name.str();
  mlir::Operation *parent = argument.getOwner()->getParentOp();
  const bool isRegion = parent && !mlir::isa<mlir::func::FuncOp>(parent);
  if (isRegion && argument.getArgNumber() < parent->getNumOperands())
    return nameOf(parent->getOperand(argument.getArgNumber()));
  return "";
}

const ShardingRule &Rules::of(mlir::Operation *op) {
  std::unique_ptr<ShardingRule> &rule = rules_[op];
  if (!rule) rule = std::make_unique<ShardingRule>(mlir::cast<TensorOpInterface>(op).shardingRule());
  return *rule;
}

}  // namespace cleave
