#include "passes/cost/op_cost.h"

#include <algorithm>

#include "llvm/ADT/StringMap.h"

namespace cleave {
namespace {

absl::string_view dtypeOf(mlir::Type type) {
  const mlir::Type element = mlir::getElementTypeOrSelf(type);
  if (element.isF64()) return "f64";
  if (element.isBF16()) return "bf16";
  if (element.isF16()) return "f16";
  return "f32";  // and integers, which no file speaks of
}

// Keys of random numbers have a dimension of their own in rules.
bool takesKey(const ShardingRule &rule) {
  return llvm::any_of(rule.operandIndices(), [](const auto &indices) { return llvm::is_contained(indices, "four"); });
}

// Marks the values of which only a part is touched: operands of which the op picks, and results in their place.
llvm::SmallVector<bool, 8> pickedValues(TensorOpInterface op, const ShardingRule &rule) {
  llvm::SmallVector<bool, 8> isPicked;
  const auto counts = rule.operandCounts();
  for (auto [slot, count] : llvm::enumerate(counts)) isPicked.append(count, op.picksFrom(slot));
  isPicked.resize(op->getNumOperands());
  for (unsigned result = 0; result < op->getNumResults(); ++result) {
    const int slot = op.inPlaceOperand(result);
    isPicked.push_back(slot >= 0 && slot < int(counts.size()) && counts[slot] > 0 && op.picksFrom(slot));
  }
  return isPicked;
}

// What of the op's arithmetic falls to a rank: its share of the dimensions that any value splits, each axis counted
// once.
double shareOf(mlir::Operation *op, size_t rank, ShardTable &table) {
  llvm::SmallVector<bool, 4> isCounted(table.axes(), false);
  double share = 1;
  auto count = [&](mlir::Type type) {
    const PlacementAttr placement = placementOf(type);
    if (!placement) return;
    const Shard &shard = table.shardsOf(type)[rank];
    for (unsigned dim = 0; dim < shard.global.size(); ++dim) {
      const auto axes = axesSplitting(dim, placement.getAxes());
      if (axes.empty() || llvm::all_of(axes, [&](size_t axis) { return isCounted[axis]; })) continue;
      share *= double(shard.extent[dim]) / double(std::max<int64_t>(1, shard.global[dim]));
      for (size_t axis : axes) {
        if (isCounted[axis]) share *= double(table.mesh().getSizes()[axis]);
        isCounted[axis] = true;
      }
    }
  };
  for (mlir::Type type : op->getOperandTypes()) count(type);
  for (mlir::Type type : op->getResultTypes()) count(type);
  return share;
}

Work partOf(mlir::Operation *op, const OpWork &whole, size_t rank, llvm::ArrayRef<bool> isCut, double count,
            ShardTable &table) {
  llvm::SmallVector<double, 8> elements;
  for (mlir::Type type : op->getOperandTypes()) elements.push_back(double(table.shardsOf(type)[rank].elements()));
  for (mlir::Type type : op->getResultTypes()) elements.push_back(double(table.shardsOf(type)[rank].elements()));
  for (auto [held, cut] : llvm::zip(elements, isCut))
    if (cut) held /= count;
  return whole.part(shareOf(op, rank, table) / count, elements);
}

Work copyOf(mlir::Operation *op, size_t rank, ShardTable &table) {
  Work copy;  // reads as much as it writes
  const llvm::StringRef kernel = localStepKernel(op);
  copy.kernel = absl::string_view(kernel.data(), kernel.size());
  const mlir::Type type = op->getResult(0).getType();
  copy.elements = 2 * double(table.shardsOf(type)[rank].elements());
  copy.bytes = copy.elements * double(elementBytes(type));
  return copy;
}

mlir::FailureOr<std::vector<Cluster::Link>> linksOf(mlir::ModuleOp module) {
  std::vector<Cluster::Link> links;
  const mlir::Attribute attribute = module->getAttr(kLinks);
  if (!attribute) return links;
  auto dictionary = mlir::dyn_cast<mlir::DictionaryAttr>(attribute);
  if (!dictionary) return module.emitError("requires ") << kLinks << " to be a dictionary, got " << attribute;
  for (mlir::NamedAttribute named : dictionary) {
    auto text = mlir::dyn_cast<mlir::StringAttr>(named.getValue());
    if (!text) return module.emitError("requires ") << kLinks << " to hold strings, got " << named.getValue();
    auto link = parseLinkSpeed(absl::string_view(text.data(), text.size()));
    if (!link.ok()) return module.emitError() << kLinks << ": " << std::string(link.status().message());
    link->axis = named.getName().str();
    links.push_back(*std::move(link));
  }
  return links;
}

absl::StatusOr<Cluster> clusterNamed(llvm::StringRef text) {
  const std::vector<std::string> shipped = shippedClusters();
  if (llvm::is_contained(shipped, text.str())) return readCluster(text.str());
  return parseCluster(absl::string_view(text.data(), text.size()), kCluster.data());
}

}  // namespace

mlir::FailureOr<Machine> machineOf(mlir::ModuleOp module, MeshOp mesh) {
  llvm::StringRef text = kDefaultCluster;
  if (const mlir::Attribute attribute = module->getAttr(kCluster)) {
    auto named = mlir::dyn_cast<mlir::StringAttr>(attribute);
    if (!named) return module.emitError("requires ") << kCluster << " to be a string, got " << attribute;
    text = named.getValue();
  }
  absl::StatusOr<Cluster> cluster = clusterNamed(text);
  if (!cluster.ok()) return module.emitError() << std::string(cluster.status().message());
  auto links = linksOf(module);
  if (failed(links)) return mlir::failure();
  std::vector<Machine::Axis> axes;
  for (auto [axis, size] : llvm::enumerate(mesh.getSizes())) axes.push_back({mesh.axisName(axis).str(), size});
  absl::StatusOr<Machine> machine = Machine::create(*std::move(cluster), std::move(axes), *std::move(links));
  if (!machine.ok()) return module.emitError() << kLinks << " " << std::string(machine.status().message());
  return *std::move(machine);
}

bool multipliesMatrices(const ShardingRule &rule) {
  llvm::StringMap<int> operandsWith, resultsWith;
  size_t widest = 0;
  for (const auto &indices : rule.operandIndices()) {
    widest = std::max(widest, indices.size());
    for (const std::string &index : indices) ++operandsWith[index];
  }
  for (const auto &indices : rule.resultIndices()) {
    widest = std::max(widest, indices.size());
    for (const std::string &index : indices) ++resultsWith[index];
  }
  if (widest >= operandsWith.size()) return false;
  return llvm::any_of(operandsWith, [&](const auto &held) {
    return held.second > 1 && resultsWith.lookup(held.first()) < int(rule.resultIndices().size());
  });
}

OpWork::OpWork(TensorOpInterface op, const ShardingRule &rule)
    : kernel_(op.kernelName().data(), op.kernelName().size()), flops_(op.flops()),
      multipliesMatrices_(cleave::multipliesMatrices(rule)) {
  auto add = [&](mlir::Value value) {
    elements_.push_back(elementsOf(value));
    elementBytes_.push_back(double(elementBytes(value.getType())));
  };
  for (mlir::Value operand : op->getOperands()) add(operand);
  for (mlir::Value result : op->getResults()) add(result);
  if (op->getNumOperands() > 0)
    if (auto first = mlir::cast<mlir::RankedTensorType>(op->getOperand(0).getType()); first.getRank() > 0)
      depth_ = double(first.getShape().back());
  if (op->getNumResults() > 0) dtype_ = dtypeOf(op->getResult(0).getType());
  isPicked_ = pickedValues(op, rule);
  drawsRandom_ = takesKey(rule);
}

Work OpWork::part(double share, llvm::ArrayRef<double> elements) const {
  Work work;
  if (kernel_.empty()) return work;  // a view
  work.kernel = kernel_;
  work.dtype = dtype_;
  work.flops = share * flops_;
  work.depth = depth_;
  work.multipliesMatrices = multipliesMatrices_;
  work.drawsRandom = drawsRandom_;
  double largest = 0;
  for (auto [i, count] : llvm::enumerate(elements))
    if (!isPicked_[i]) largest = std::max(largest, count);
  for (auto [i, count] : llvm::enumerate(elements)) {
    const double touched = isPicked_[i] ? std::min(count, largest) : count;
    work.elements += touched;
    work.bytes += touched * elementBytes_[i];
  }
  return work;
}

Work workOf(mlir::Operation *op, size_t rank, ShardTable &table) {
  if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op))
    return partOf(op, OpWork(tensorOp, tensorOp.shardingRule()), rank, {}, /*count=*/1, table);
  return copyOf(op, rank, table);
}

double slowestSeconds(mlir::Operation *op, ShardTable &table, const Machine &machine) {
  return slowestSeconds(op, {}, /*count=*/1, table, machine);
}

double slowestSeconds(mlir::Operation *op, llvm::ArrayRef<bool> isCut, double count, ShardTable &table,
                      const Machine &machine) {
  auto isEven = [&](mlir::Type type) { return table.isEven(type); };
  const bool areAlike = llvm::all_of(op->getOperandTypes(), isEven) && llvm::all_of(op->getResultTypes(), isEven);
  const size_t ranks = areAlike ? 1 : table.ranks();
  double slowest = 0;
  if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op)) {
    const OpWork whole(tensorOp, tensorOp.shardingRule());
    for (size_t rank = 0; rank < ranks; ++rank)
      slowest = std::max(slowest, machine.seconds(partOf(op, whole, rank, isCut, count, table)));
    return slowest;
  }
  for (size_t rank = 0; rank < ranks; ++rank) slowest = std::max(slowest, machine.seconds(copyOf(op, rank, table)));
  return slowest;
}

llvm::StringRef localStepKernel(mlir::Operation *op) {
  const auto to = placementOf(op->getResult(0)).getAxes();
  const bool keeps = llvm::any_of(mlir::cast<CollectiveOpInterface>(op).alongAxes(),
                                  [&](int64_t axis) { return to[axis].isPartial(); });
  return keeps ? "keep" : "slice";
}

std::string kernelOf(mlir::Operation *op) {
  if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op)) return tensorOp.kernelName().str();
  auto collective = mlir::cast<CollectiveOpInterface>(op);
  return collective.movesBytes() ? collective.stepName().str() : localStepKernel(op).str();
}

TransferKind transferOf(mlir::Operation *collective) {
  const auto from = placementOf(collective->getOperand(0)).getAxes(),
             to = placementOf(collective->getResult(0)).getAxes();
  const auto along = mlir::cast<CollectiveOpInterface>(collective).alongAxes();
  const int64_t axis = along.front();
  if (from[axis].isPartial()) return to[axis].isSplit() ? TransferKind::kReduceScatter : TransferKind::kAllReduce;
  if (llvm::all_of(along, [&](int64_t other) { return from[other].isSplit() && to[other].isBroadcast(); }))
    return TransferKind::kAllGather;
  return along.size() == 1 && from[axis].isSplit() ? TransferKind::kAllToAll : TransferKind::kPermute;
}

int64_t collectiveBytes(mlir::Operation *collective, ShardTable &table) {
  const bool gathers = transferOf(collective) == TransferKind::kAllGather;
  int64_t bytes = 0;
  for (auto [operand, result] : llvm::zip(collective->getOperandTypes(), collective->getResultTypes()))
    bytes += table.mostBytes(gathers ? result : operand);
  return bytes;
}

double sentBytes(mlir::Operation *collective, ShardTable &table) {
  double n = 1;
  for (int64_t axis : mlir::cast<CollectiveOpInterface>(collective).alongAxes())
    n *= double(table.mesh().getSizes()[axis]);
  return wireBytes(transferOf(collective), n, double(collectiveBytes(collective, table)));
}

TransferCost transferCost(mlir::Operation *collective, ShardTable &table, const Machine &machine) {
  const auto axes = mlir::cast<CollectiveOpInterface>(collective).alongAxes();
  return machine.transfer(transferOf(collective), absl::MakeConstSpan(axes.data(), axes.size()),
                          double(collectiveBytes(collective, table)));
}

}  // namespace cleave
