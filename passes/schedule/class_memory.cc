#include "passes/schedule/class_memory.h"

#include "passes/schedule/entry_program.h"

namespace cleave {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 50;
constexpr llvm::StringLiteral kFields[] = {"arena_bytes", "lower_bound", "gradients", "activations"};

mlir::LogicalResult readClass(mlir::ModuleOp module, mlir::Attribute attribute, ClassMemory &memory) {
  const auto fields = mlir::dyn_cast<mlir::DictionaryAttr>(attribute);
  if (!fields) return module.emitError("requires a dictionary for each class in ") << kMemory << ", got " << attribute;
  const auto ranks = fields.getAs<mlir::DenseI64ArrayAttr>("ranks"),
             variables = fields.getAs<mlir::DenseI64ArrayAttr>("variables");
  if (!ranks || !variables || ranks.empty())
    return module.emitError("requires 'ranks' and 'variables' for each class in ") << kMemory << ", got " << attribute;
  memory.ranks.assign(ranks.asArrayRef().begin(), ranks.asArrayRef().end());
  for (int64_t offset : variables.asArrayRef())
    if (offset < 0 || offset > kMostBytes)
      return module.emitError("requires offsets in bytes in ") << kMemory << ", got " << offset;
  memory.variables.assign(variables.asArrayRef().begin(), variables.asArrayRef().end());
  int64_t *const numbers[] = {&memory.arenaBytes, &memory.lowerBound, &memory.gradients, &memory.activations};
  for (auto [name, number] : llvm::zip(kFields, numbers)) {
    const auto value = fields.getAs<mlir::IntegerAttr>(name);
    if (!value || !value.getType().isSignlessInteger(64) || value.getInt() < 0 || value.getInt() > kMostBytes)
      return module.emitError("requires '")
             << name << "', a number of bytes, for each class in " << kMemory << ", got " << attribute;
    *number = value.getInt();
  }
  return mlir::success();
}

}  // namespace

mlir::Attribute toAttribute(mlir::MLIRContext *context, const std::vector<ClassMemory> &classes) {
  mlir::Builder b(context);
  llvm::SmallVector<mlir::Attribute> list;
  for (const ClassMemory &memory : classes) {
    llvm::SmallVector<mlir::NamedAttribute> fields;
    fields.push_back(b.getNamedAttr("ranks", b.getDenseI64ArrayAttr(memory.ranks)));
    fields.push_back(b.getNamedAttr("variables", b.getDenseI64ArrayAttr(memory.variables)));
    const int64_t numbers[] = {memory.arenaBytes, memory.lowerBound, memory.gradients, memory.activations};
    for (auto [name, number] : llvm::zip(kFields, numbers))
      fields.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(number)));
    list.push_back(b.getDictionaryAttr(fields));
  }
  return b.getArrayAttr(list);
}

mlir::FailureOr<std::vector<ClassMemory>> memoryOf(mlir::ModuleOp module, size_t ranks, size_t variables) {
  const auto list = module->getAttrOfType<mlir::ArrayAttr>(kMemory);
  if (!list) return module.emitError("requires a module that is scheduled, got one without ") << kMemory;
  std::vector<ClassMemory> classes;
  llvm::SmallVector<int> seen(ranks, 0);
  for (mlir::Attribute attribute : list) {
    ClassMemory &memory = classes.emplace_back();
    if (failed(readClass(module, attribute, memory))) return mlir::failure();
    if (memory.variables.size() != variables)
      return module.emitError("requires an offset for each of ")
             << variables << " variables, got " << memory.variables.size();
    for (int64_t rank : memory.ranks)
      if (rank < 0 || rank >= int64_t(ranks) || seen[rank]++)
        return module.emitError("requires classes of different ranks below ") << ranks << ", got " << rank;
  }
  if (llvm::is_contained(seen, 0)) return module.emitError("requires each rank to be in a class of ") << kMemory;
  return classes;
}

int64_t mostArenaBytes(mlir::ModuleOp module) {
  int64_t most = 0;
  if (const auto list = module->getAttrOfType<mlir::ArrayAttr>(kMemory))
    for (mlir::Attribute attribute : list) {
      ClassMemory memory;
      if (succeeded(readClass(module, attribute, memory))) most = std::max(most, memory.arenaBytes);
    }
  return most;
}

}  // namespace cleave
