#include "passes/emit/emit_entry.h"

#include "llvm/ADT/StringExtras.h"
#include "passes/emit/emit_collective.h"
#include "passes/emit/emit_task.h"

namespace cleave {
namespace {

// A rank that holds a part of a sum does not know the value.
mlir::LogicalResult checkWhole(mlir::func::FuncOp function, llvm::StringRef name, mlir::Type type) {
  const PlacementAttr placement = placementOf(type);
  if (!placement || llvm::none_of(placement.getAxes(), [](const AxisPlacement &axis) { return axis.isPartial(); }))
    return mlir::success();
  return function.emitError("requires what the host reads or gives to be whole, got '") << name << "' of type " << type;
}

mlir::LogicalResult emitPort(const ScheduledEntry &entry, llvm::StringRef name, mlir::Value value, ShardTable &table,
                             plan::Port &to) {
  mlir::func::FuncOp function = entry.function;
  if (name.empty()) return function.emitError("requires a name for each input and output");
  if (failed(checkWhole(function, name, value.getType()))) return mlir::failure();
  to.set_name(name.str());
  emitType(value.getType(), *to.mutable_type());
  emitLayout(value.getType(), table, *to.mutable_layout());
  for (size_t c = 0; c < entry.offsets.size(); ++c) to.add_registers(entry.program.registerOf.lookup(value));
  return mlir::success();
}

mlir::LogicalResult emitPorts(const ScheduledEntry &entry, ShardTable &table, plan::Entry &to) {
  mlir::func::FuncOp function = entry.function;
  const auto textOf = [](mlir::StringAttr attribute) { return attribute ? attribute.getValue() : llvm::StringRef(); };
  for (const EntryProgram::Register &held : entry.program.registers) {
    if (!held.isInput) continue;
    const unsigned argument = mlir::cast<mlir::BlockArgument>(held.value).getArgNumber();
    const llvm::StringRef name = textOf(function.getArgAttrOfType<mlir::StringAttr>(argument, CleaveDialect::kInput));
    if (failed(emitPort(entry, name, held.value, table, *to.add_inputs()))) return mlir::failure();
  }
  mlir::Operation *terminator = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
    if (function.getResultAttr(i, CleaveDialect::kUpdates)) continue;
    const llvm::StringRef name = textOf(function.getResultAttrOfType<mlir::StringAttr>(i, CleaveDialect::kOutput));
    if (failed(emitPort(entry, name, value, table, *to.add_outputs()))) return mlir::failure();
  }
  return mlir::success();
}

// Where a view begins within what it shows, in elements: each op on the way may have left out rows in front.
int64_t viewOffset(mlir::Value view, int64_t rank, ShardTable &table) {
  int64_t offset = 0;
  for (mlir::Operation *op = view.getDefiningOp(); op && isView(op); op = op->getOperand(0).getDefiningOp()) {
    if (!mlir::isa<CollectiveOpInterface>(op)) continue;
    const Shard &outer = table.shardsOf(op->getOperand(0).getType())[rank],
                &inner = table.shardsOf(op->getResult(0).getType())[rank];
    if (inner.elements() > 0 && !inner.start.empty())
      offset += (inner.start[0] - outer.start[0]) * (inner.elements() / inner.extent[0]);
  }
  return offset;
}

void emitViewOffsets(mlir::Value view, llvm::ArrayRef<int64_t> ranks, ShardTable &table, plan::Register &to) {
  llvm::SmallVector<int64_t> offsets;
  for (int64_t rank : ranks) offsets.push_back(viewOffset(view, rank, table));
  if (llvm::all_equal(offsets)) offsets.resize(1);
  if (offsets != llvm::SmallVector<int64_t>{0}) to.mutable_view_offset()->Add(offsets.begin(), offsets.end());
}

void emitRegisters(const ScheduledEntry &entry, size_t rankClass, llvm::ArrayRef<int64_t> ranks, ShardTable &table,
                   plan::Program &to) {
  for (size_t r = 0; r < entry.program.registers.size(); ++r) {
    const EntryProgram::Register &from = entry.program.registers[r];
    plan::Register &held = *to.add_registers();
    emitRegister(from.value.getType(), ranks[0], entry.offsets[rankClass][r], table, held);
    held.set_name(nameOf(from.value));
    held.set_variable(from.variable + 1);
    if (from.viewOf < 0) continue;
    held.clear_offset();
    held.clear_bytes();
    held.clear_count();
    held.set_view_of(from.viewOf + 1);
    emitViewOffsets(from.value, ranks, table, held);
  }
}

}  // namespace

plan::DType dtypeOf(mlir::Type type) {
  const mlir::Type element = mlir::getElementTypeOrSelf(type);
  if (element.isF32()) return plan::F32;
  if (element.isF64()) return plan::F64;
  if (element.isBF16()) return plan::BF16;
  if (element.isF16()) return plan::F16;
  if (element.isInteger(1)) return plan::BOOL;
  return element.isInteger(64) ? plan::I64 : plan::I32;
}

void emitType(mlir::Type type, plan::TensorType &to) {
  to.set_dtype(dtypeOf(type));
  for (int64_t size : mlir::cast<mlir::RankedTensorType>(type).getShape()) to.add_dims(size);
}

void emitLayout(mlir::Type type, ShardTable &table, plan::Layout &to) {
  const PlacementAttr placement = placementOf(type);
  for (size_t axis = 0; axis < table.axes(); ++axis) {
    std::string text;
    llvm::raw_string_ostream(text) << (placement ? placement.getAxes()[axis] : AxisPlacement::broadcast());
    to.add_placement(text);
  }
  for (const Shard &shard : table.shardsOf(type)) emitBox(shard, *to.add_boxes());
}

void emitRegister(mlir::Type type, int64_t rank, int64_t offset, ShardTable &table, plan::Register &to) {
  const Shard &shard = table.shardsOf(type)[rank];
  to.set_offset(offset);
  to.set_bytes(shard.elements() * elementBytes(type));
  to.set_count(1);
  to.set_dtype(dtypeOf(type));
  for (int64_t extent : shard.extent) to.add_dims(extent);
}

std::string locationText(mlir::Location location) {
  std::string text;
  location->walk([&](mlir::Location place) {
    auto inFile = mlir::dyn_cast<mlir::FileLineColLoc>(place);
    if (!inFile || inFile.getLine() == 0) return mlir::WalkResult::advance();
    text =
        inFile.getFilename().str() + ":" + std::to_string(inFile.getLine()) + ":" + std::to_string(inFile.getColumn());
    return mlir::WalkResult::interrupt();
  });
  return text;
}

mlir::LogicalResult emitEntry(const ScheduledEntry &entry, const std::vector<ClassMemory> &classes, ShardTable &table,
                              plan::Entry &to) {
  mlir::func::FuncOp function = entry.function;
  to.set_name(function.getName().str());
  if (failed(emitPorts(entry, table, to))) return mlir::failure();
  for (mlir::Operation *op : entry.collectives)
    if (failed(emitCollective(op, table, *to.add_collectives()))) return mlir::failure();
  for (size_t c = 0; c < classes.size(); ++c) {
    plan::Program &program = *to.add_programs();
    emitRegisters(entry, c, classes[c].ranks, table, program);
    for (const char *name : kStreamNames) program.add_streams()->set_name(name);
    for (size_t t = 0; t < entry.program.tasks.size(); ++t) {
      const EntryProgram::Task &task = entry.program.tasks[t];
      emitTask(task, entry.collectiveOf[t], classes[c].ranks, table, *program.add_tasks());
      program.mutable_streams(task.stream)->add_tasks(int64_t(t));
    }
  }
  return mlir::success();
}

}  // namespace cleave
