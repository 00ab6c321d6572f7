#include "passes/emit/kernel_attributes.h"

#include "llvm/ADT/TypeSwitch.h"

namespace cleave {
namespace {

std::optional<AttributeValue> convert(mlir::Attribute attribute) {
  return llvm::TypeSwitch<mlir::Attribute, std::optional<AttributeValue>>(attribute)
      .Case<mlir::BoolAttr>([](mlir::BoolAttr a) -> AttributeValue { return int64_t{a.getValue()}; })
      .Case<mlir::IntegerAttr>([](mlir::IntegerAttr a) -> AttributeValue { return a.getValue().getSExtValue(); })
      .Case<mlir::FloatAttr>([](mlir::FloatAttr a) -> AttributeValue { return a.getValueAsDouble(); })
      .Case<mlir::StringAttr>([](mlir::StringAttr a) -> AttributeValue { return a.getValue().str(); })
      .Case<mlir::DenseI64ArrayAttr>([](mlir::DenseI64ArrayAttr a) -> AttributeValue { return a.asArrayRef().vec(); })
      .Case<mlir::DenseF64ArrayAttr>([](mlir::DenseF64ArrayAttr a) -> AttributeValue { return a.asArrayRef().vec(); })
      .Default([](mlir::Attribute) { return std::nullopt; });
}

}  // namespace

Shard shardOf(mlir::Value value, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> coordinates) {
  PlacementAttr placement = placementOf(value);
  auto shape = mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
  return shardOf(shape, placement ? placement.getAxes() : llvm::ArrayRef<AxisPlacement>(), sizes, coordinates);
}

LocalShards localShards(mlir::Operation *op, llvm::ArrayRef<int64_t> sizes, llvm::ArrayRef<int64_t> coordinates) {
  LocalShards local;
  for (mlir::Value operand : op->getOperands()) local.operands.push_back(shardOf(operand, sizes, coordinates));
  for (mlir::Value result : op->getResults()) local.results.push_back(shardOf(result, sizes, coordinates));
  return local;
}

Attributes kernelAttributes(TensorOpInterface op, const LocalShards &local) {
  Attributes attributes;
  if (auto own = mlir::dyn_cast_or_null<mlir::DictionaryAttr>(op->getPropertiesAsAttribute()))
    for (mlir::NamedAttribute named : own)
      if (std::optional<AttributeValue> value = convert(named.getValue()))
        attributes.set(named.getName().getValue().str(), *value);
  const llvm::SmallVector<int64_t> counts = op.shardingRule().operandCounts();
  if (llvm::any_of(counts, [](int64_t count) { return count != 1; }))
    attributes.set("segments", std::vector<int64_t>(counts.begin(), counts.end()));
  KernelAttributes ofShard;
  op.localForm(local, ofShard);
  for (const auto &[name, value] : ofShard.all()) attributes.set(name, value);
  return attributes;
}

}  // namespace cleave
