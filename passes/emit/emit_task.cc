#include "passes/emit/emit_task.h"

#include "passes/cost/op_cost.h"
#include "passes/emit/emit_collective.h"
#include "passes/emit/emit_entry.h"
#include "passes/emit/kernel_attributes.h"

namespace cleave {
namespace {

LocalShards localShardsOf(mlir::Operation *op, int64_t rank, ShardTable &table) {
  LocalShards local;
  for (mlir::Value operand : op->getOperands()) local.operands.push_back(table.shardsOf(operand.getType())[rank]);
  for (mlir::Value result : op->getResults()) local.results.push_back(table.shardsOf(result.getType())[rank]);
  return local;
}

struct ValueSetter {
  plan::Attribute::Value &to;

  void operator()(int64_t value) { to.set_integer(value); }
  void operator()(double value) { to.set_number(value); }
  void operator()(const std::string &value) { to.set_text(value); }
  void operator()(const std::vector<int64_t> &values) {
    to.mutable_integers()->mutable_values()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<double> &values) {
    to.mutable_numbers()->mutable_values()->Add(values.begin(), values.end());
  }
};

template <typename Value>
void addValue(const Value &value, plan::Attribute &to) {
  std::visit(ValueSetter{*to.add_values()}, value);
}

void emitSame(const Attributes &attributes, plan::Task &to) {
  for (const auto &[name, value] : attributes.all()) {
    plan::Attribute &attribute = *to.add_attributes();
    attribute.set_name(name);
    addValue(value, attribute);
  }
}

// What differs from rank to rank gets a value for each.
void emitByRank(llvm::ArrayRef<KernelAttributes> ofRanks, plan::Task &to) {
  for (size_t a = 0; a < ofRanks[0].all().size(); ++a) {
    const auto &[name, first] = ofRanks[0].all()[a];
    plan::Attribute *attribute = nullptr;
    for (plan::Attribute &held : *to.mutable_attributes())
      if (held.name() == name) attribute = &held;
    if (!attribute) attribute = to.add_attributes();
    attribute->set_name(name);
    attribute->clear_values();
    addValue(first, *attribute);
    if (llvm::all_of(ofRanks,
                     [&, value = &first](const KernelAttributes &other) { return other.all()[a].second == *value; }))
      continue;
    for (const KernelAttributes &other : ofRanks.drop_front()) addValue(other.all()[a].second, *attribute);
  }
}

void emitKernel(TensorOpInterface op, llvm::ArrayRef<int64_t> ranks, ShardTable &table, plan::Task &to) {
  to.set_kernel(op.kernelName().str());
  const LocalShards first = localShardsOf(op, ranks[0], table);
  emitSame(kernelAttributes(op, first), to);
  llvm::SmallVector<KernelAttributes> ofRanks(1);
  op.localForm(first, ofRanks[0]);
  if (ofRanks[0].all().empty()) return;  // the op needs to know nothing of the whole
  for (int64_t rank : ranks.drop_front()) op.localForm(localShardsOf(op, rank, table), ofRanks.emplace_back());
  emitByRank(ofRanks, to);
}

// A step of a reshard that moves nothing between devices.
void emitLocalStep(mlir::Operation *op, llvm::ArrayRef<int64_t> ranks, ShardTable &table, plan::Task &to) {
  const auto from = table.shardsOf(op->getOperand(0).getType()), into = table.shardsOf(op->getResult(0).getType());
  to.set_kernel(localStepKernel(op).str());
  const auto combiner = combinerOf(op);
  llvm::SmallVector<KernelAttributes> ofRanks;
  for (int64_t rank : ranks) {
    KernelAttributes &attributes = ofRanks.emplace_back();
    if (combiner) {
      const auto axes = mlir::cast<CollectiveOpInterface>(op).alongAxes();
      const bool isFirst = llvm::all_of(axes, [&](int64_t axis) { return table.coordinatesOf(rank)[axis] == 0; });
      attributes.set("keep", int64_t{isFirst});
      attributes.set("combiner", nameOf(*combiner));
      continue;
    }
    llvm::SmallVector<int64_t> starts, steps(from[rank].start.size(), 1);
    // A share without elements may begin behind the last one.
    for (auto [outer, inner, extent] : llvm::zip(from[rank].start, into[rank].start, into[rank].extent))
      starts.push_back(extent == 0 ? 0 : inner - outer);
    attributes.set("starts", llvm::ArrayRef<int64_t>(starts));
    attributes.set("steps", llvm::ArrayRef<int64_t>(steps));
  }
  emitByRank(ofRanks, to);
}

void emitMarks(mlir::Operation *op, plan::Task &to) {
  to.set_op(nameOf(op));
  if (auto layer = op->getAttrOfType<LayerAttr>(CleaveDialect::kLayer))
    to.set_layer(layer.getName().str() + " " + std::to_string(layer.getInstance()));
  if (auto phase = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kPhase)) to.set_phase(phase.getValue().str());
  to.set_location(locationText(op->getLoc()));
}

}  // namespace

void emitTask(const EntryProgram::Task &task, int collective, llvm::ArrayRef<int64_t> ranks, ShardTable &table,
              plan::Task &to) {
  for (int held : task.reads) to.add_inputs(held);
  for (int held : task.writes) to.add_outputs(held);
  to.set_repeat(1);
  to.mutable_after()->Add(task.after.begin(), task.after.end());
  emitMarks(task.op, to);
  if (collective >= 0) {
    to.set_kernel("collective");
    to.set_collective(collective + 1);
  } else if (auto op = mlir::dyn_cast<TensorOpInterface>(task.op)) {
    emitKernel(op, ranks, table, to);
  } else {
    emitLocalStep(task.op, ranks, table, to);
  }
}

}  // namespace cleave
