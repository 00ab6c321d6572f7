#include "passes/schedule/scheduled_entry.h"

#include <map>

namespace cleave {
namespace {

using Classes = std::vector<ClassMemory>;

// Takes what one register's offsets are by class. A variable's are the module's.
mlir::LogicalResult takeOffsets(mlir::Operation *at, mlir::Attribute attribute, int held, const Classes &classes,
                                ScheduledEntry &entry) {
  const auto list = mlir::dyn_cast_or_null<mlir::DenseI64ArrayAttr>(attribute);
  if (!list || size_t(list.size()) != classes.size())
    return at->emitError("requires ") << kOffsets << " with an offset for each of " << classes.size()
                                      << " rank classes";
  for (size_t c = 0; c < classes.size(); ++c) {
    if (list[c] < 0 || list[c] > classes[c].arenaBytes)
      return at->emitError("requires offsets inside the arena of ")
             << classes[c].arenaBytes << " bytes, got " << list[c];
    if (entry.program.registers[held].variable < 0) entry.offsets[c][held] = list[c];
  }
  return mlir::success();
}

mlir::LogicalResult takeTask(const EntryProgram::Task &task, const Classes &classes, ScheduledEntry &entry) {
  if (!task.op->hasAttr(kStream)) return task.op->emitOpError("requires a stream");
  const bool isAwaited =
      llvm::any_of(task.op->getUsers(), [](mlir::Operation *user) { return mlir::isa<WaitOp>(user); });
  if (isAwaited != (task.stream == kCommunicate))
    return task.op->emitOpError(isAwaited ? "requires the stream that communicates, since it is waited for"
                                          : "requires a cleave.wait, since it is started");
  const auto lists = task.op->getAttrOfType<mlir::ArrayAttr>(kOffsets);
  if (!lists || lists.size() != task.writes.size())
    return task.op->emitOpError("requires ") << kOffsets << " for each of its " << task.writes.size() << " results";
  for (auto [held, list] : llvm::zip(task.writes, lists))
    if (failed(takeOffsets(task.op, list, held, classes, entry))) return mlir::failure();
  auto collective = mlir::dyn_cast<CollectiveOpInterface>(task.op);
  const bool moves = collective && collective.movesBytes();
  entry.collectiveOf.push_back(moves ? int(entry.collectives.size()) : -1);
  if (moves) entry.collectives.push_back(task.op);
  return mlir::success();
}

}  // namespace

mlir::FailureOr<ScheduledEntry> scheduledEntryOf(mlir::func::FuncOp function, const ModuleVariables &variables,
                                                 const std::vector<ClassMemory> &classes) {
  auto program = buildEntryProgram(function, variables);
  if (failed(program)) return mlir::failure();
  ScheduledEntry entry;
  entry.function = function;
  entry.program = std::move(*program);
  const auto &registers = entry.program.registers;
  entry.offsets.assign(classes.size(), std::vector<int64_t>(registers.size(), 0));
  for (size_t r = 0; r < registers.size(); ++r) {
    if (registers[r].variable >= 0)
      for (size_t c = 0; c < classes.size(); ++c) entry.offsets[c][r] = classes[c].variables[registers[r].variable];
    if (!registers[r].isInput) continue;
    const unsigned argument = mlir::cast<mlir::BlockArgument>(registers[r].value).getArgNumber();
    if (failed(takeOffsets(function, function.getArgAttr(argument, kOffsets), int(r), classes, entry)))
      return mlir::failure();
  }
  for (const EntryProgram::Task &task : entry.program.tasks)
    if (failed(takeTask(task, classes, entry))) return mlir::failure();
  for (size_t r = 0; r < registers.size(); ++r)
    for (size_t c = 0; c < classes.size(); ++c) entry.offsets[c][r] = entry.offsets[c][entry.program.rootOf(int(r))];
  return entry;
}

std::vector<llvm::SmallVector<int64_t>> groupsOf(CollectiveOpInterface op, const ShardTable &table) {
  std::vector<llvm::SmallVector<int64_t>> groups;
  std::map<llvm::SmallVector<int64_t>, size_t> groupOf;  // by the coordinates that its members share
  for (size_t rank = 0; rank < table.ranks(); ++rank) {
    llvm::SmallVector<int64_t> shared(table.coordinatesOf(rank));
    for (int64_t axis : op.alongAxes()) shared[axis] = 0;
    const auto [known, isNew] = groupOf.insert({shared, groups.size()});
    if (isNew) groups.emplace_back();
    groups[known->second].push_back(int64_t(rank));
  }
  return groups;
}

}  // namespace cleave
