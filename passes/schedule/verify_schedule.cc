#include "passes/schedule/verify_schedule.h"

#include "passes/schedule/class_memory.h"
#include "passes/schedule/scheduled_entry.h"
#include "passes/schedule/shard_table.h"
#include "runtime/plan/prove_liveness.h"
#include "runtime/plan/prove_sharing.h"

namespace cleave {
namespace {

ScheduleModel::Value valueOf(const EntryProgram &program, int held, const std::vector<int64_t> &offsets, int64_t rank,
                             ShardTable &table) {
  const EntryProgram::Register &from = program.registers[held];
  ScheduleModel::Value value;
  value.name = nameOf(from.value);
  value.offset = offsets[program.rootOf(held)];
  value.elementBytes = elementBytes(from.value.getType());
  // A view may show some of the bytes, others on each rank: it counts as all of them.
  value.bytes = table.shardsOf(program.registers[program.rootOf(held)].value.getType())[rank].elements() * value.elementBytes;
  value.copyBytes = value.bytes;
  value.viewOf = from.viewOf;
  value.variable = program.registers[program.rootOf(held)].variable;
  value.isInput = from.isInput;
  value.isOutput = from.isOutput;
  return value;
}

ScheduleModel modelOf(const ScheduledEntry &entry, const std::vector<ClassMemory> &classes, ShardTable &table) {
  ScheduleModel model;
  for (mlir::Operation *op : entry.collectives) {
    model.collectives.push_back({nameOf(op->getResult(0)), {}});
    for (const auto &group : groupsOf(mlir::cast<CollectiveOpInterface>(op), table))
      model.collectives.back().groups.emplace_back(group.begin(), group.end());
  }
  for (size_t c = 0; c < classes.size(); ++c) {
    ScheduleModel::Program &program = model.programs.emplace_back();
    program.ranks.assign(classes[c].ranks.begin(), classes[c].ranks.end());
    for (size_t r = 0; r < entry.program.registers.size(); ++r)
      program.values.push_back(valueOf(entry.program, int(r), entry.offsets[c], classes[c].ranks[0], table));
    program.streams.resize(kStreams);
    program.streamNames.assign(std::begin(kStreamNames), std::end(kStreamNames));
    for (size_t t = 0; t < entry.program.tasks.size(); ++t) {
      const EntryProgram::Task &task = entry.program.tasks[t];
      ScheduleModel::Task &to = program.tasks.emplace_back();
      to.op = nameOf(task.op);
      to.stream = task.stream;
      to.after.assign(task.after.begin(), task.after.end());
      to.reads.assign(task.reads.begin(), task.reads.end());
      to.writes.assign(task.writes.begin(), task.writes.end());
      to.collective = entry.collectiveOf[t];
      program.streams[task.stream].push_back(int(t));
    }
  }
  return model;
}

}  // namespace

mlir::LogicalResult verifySchedule(mlir::ModuleOp module) {
  auto table = ShardTable::of(module);
  if (failed(table)) return mlir::failure();
  const auto variables = ModuleVariables::of(module);
  if (failed(variables)) return mlir::failure();
  const auto classes = memoryOf(module, table->ranks(), variables->all().size());
  if (failed(classes)) return mlir::failure();
  for (mlir::func::FuncOp function : entriesOf(module)) {
    const auto entry = scheduledEntryOf(function, *variables, *classes);
    if (failed(entry)) return mlir::failure();
    const ScheduleModel model = modelOf(*entry, *classes, *table);
    for (const auto &prove : {proveLiveness, proveSharing})
      if (absl::Status status = prove(model); !status.ok())
        return function.emitError("phase schedule ")
               << llvm::StringRef(status.message().data(), status.message().size());
  }
  return mlir::success();
}

}  // namespace cleave
