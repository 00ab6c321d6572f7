#include "passes/schedule/entry_layout.h"

#include "passes/schedule/arena.h"
#include "passes/schedule/happens_before.h"

namespace cleave {
namespace {

// A plan of an arena is good enough with so many times the bytes that none can do without: others cost time to make.
constexpr double kTight = 1.01;

bool hasPhase(mlir::Operation *op, llvm::StringRef phase) {
  auto text = op ? op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kPhase) : mlir::StringAttr();
  return text && text.getValue() == phase;
}

// An entry's values as buffers: those that take one another's bytes over are one.
class EntryBuffers {
 public:
  EntryBuffers(const EntryProgram &program, ShardTable &table)
      : program_(program), table_(table), order_(timed(program), int(program.registers.size()), kStreams) {
    const size_t count = program.registers.size();
    accesses_.resize(count);
    for (size_t t = 0; t < program.tasks.size(); ++t)
      for (const auto *list : {&program.tasks[t].reads, &program.tasks[t].writes})
        for (int held : *list) {
          auto &accesses = accesses_[program.rootOf(held)];
          if (accesses.empty() || accesses.back() != int(t)) accesses.push_back(int(t));
        }
    bufferOf_.assign(count, -1);
    for (size_t r = 0; r < count; ++r)
      if (program.registers[r].isInput) addBuffer(int(r), /*task=*/-1);
    for (size_t t = 0; t < program.tasks.size(); ++t) addResults(int(t));
    for (size_t r = 0; r < count; ++r)
      if (program.registers[r].viewOf >= 0) bufferOf_[r] = bufferOf_[program.registers[r].viewOf];
    closeLifetimes();
    markGradients();
  }

  int tasks() const { return int(program_.tasks.size()); }
  int bufferOf(int held) const { return bufferOf_[held]; }  // -1: a variable's
  const std::vector<int> &lastAccess() const { return lastAccess_; }
  bool isGradient(int buffer) const { return isGradient_[buffer]; }

  std::vector<Buffer> ofRank(int64_t rank) {
    std::vector<Buffer> buffers;
    for (size_t b = 0; b < lives_.size(); ++b)
      buffers.push_back({table_.shardsOf(types_[b])[rank].elements() * elementBytes(types_[b]), lives_[b]});
    return buffers;
  }

 private:
  static std::vector<TimedTask> timed(const EntryProgram &program) {
    std::vector<TimedTask> tasks;
    for (const EntryProgram::Task &task : program.tasks) {
      TimedTask &to = tasks.emplace_back();
      to.stream = task.stream;
      to.after.assign(task.after.begin(), task.after.end());
      for (int held : task.reads) to.reads.push_back(program.rootOf(held));
      for (int held : task.writes) to.writes.push_back(program.rootOf(held));
    }
    return tasks;
  }

  void addBuffer(int held, int task) {
    bufferOf_[held] = int(lives_.size());
    members_.push_back({held});
    types_.push_back(program_.registers[held].value.getType());
    Lifetime life;
    life.begin = task;
    life.stream = task < 0 ? kCompute : program_.tasks[task].stream;
    lives_.push_back(life);
  }

  void addResults(int task) {
    for (auto [i, held] : llvm::enumerate(program_.tasks[task].writes)) {
      if (program_.registers[program_.rootOf(held)].variable >= 0) continue;
      const int from = takenOver(task, unsigned(i));
      if (from < 0) {
        addBuffer(held, task);
        continue;
      }
      bufferOf_[held] = bufferOf_[from];
      members_[bufferOf_[held]].push_back(held);
    }
  }

  // The register whose bytes the result takes, or -1.
  int takenOver(int t, unsigned result) {
    const EntryProgram::Task &task = program_.tasks[t];
    const int operand = inPlaceOperand(task.op, result);
    if (operand < 0) return -1;
    const int from = program_.rootOf(task.reads[operand]);
    const EntryProgram::Register &held = program_.registers[from];
    if (held.variable >= 0 || held.isOutput || members_[bufferOf_[from]].back() != from) return -1;
    for (size_t other = 0; other < task.reads.size(); ++other)
      if (int(other) != operand && program_.rootOf(task.reads[other]) == from) return -1;
    for (int access : accesses_[from])
      if (access != t && !order_.isBefore(access, t)) return -1;
    return haveSameBytes(held.value.getType(), task.op->getResult(result).getType()) ? from : -1;
  }

  bool haveSameBytes(mlir::Type a, mlir::Type b) {
    if (elementBytes(a) != elementBytes(b)) return false;
    const auto ofB = table_.shardsOf(b), ofA = table_.shardsOf(a);
    for (size_t rank = 0; rank < table_.ranks(); ++rank)
      if (ofA[rank].elements() != ofB[rank].elements()) return false;
    return true;
  }

  void closeLifetimes() {
    for (size_t b = 0; b < lives_.size(); ++b) {
      std::vector<int> accesses;
      bool isOutput = false;
      for (int held : members_[b]) {
        accesses.insert(accesses.end(), accesses_[held].begin(), accesses_[held].end());
        isOutput |= program_.registers[held].isOutput;
      }
      for (int stream = 0; stream < kStreams; ++stream)
        lives_[b].freedAt.push_back(isOutput ? tasks() + 1 : order_.firstAfter(accesses, stream));
      lastAccess_.push_back(isOutput           ? tasks()
                            : accesses.empty() ? 0
                                               : *std::max_element(accesses.begin(), accesses.end()));
    }
  }

  // Values of the backward pass that go into updates, perhaps after a collective.
  void markGradients() {
    std::vector<bool> isUsed(program_.registers.size(), false);
    isGradient_.assign(lives_.size(), false);
    for (const EntryProgram::Task &task : llvm::reverse(program_.tasks)) {
      const bool isUpdate = hasPhase(task.op, "update");
      const bool passesOn = mlir::isa<CollectiveOpInterface>(task.op) &&
                            llvm::any_of(task.writes, [&](int held) { return isUsed[held]; });
      for (int held : task.reads)
        if (isUpdate || passesOn) isUsed[program_.rootOf(held)] = true;
    }
    for (size_t r = 0; r < isUsed.size(); ++r)
      if (isUsed[r] && bufferOf_[r] >= 0 && hasPhase(program_.registers[r].value.getDefiningOp(), "backward"))
        isGradient_[bufferOf_[r]] = true;
  }

  const EntryProgram &program_;
  ShardTable &table_;
  const HappensBefore order_;
  std::vector<std::vector<int>> accesses_;  // by register: tasks
  std::vector<int> bufferOf_;               // by register
  std::vector<std::vector<int>> members_;   // by buffer: registers, in the order in which they take its bytes
  std::vector<mlir::Type> types_;           // by buffer
  std::vector<Lifetime> lives_;
  std::vector<int> lastAccess_;
  std::vector<bool> isGradient_;
};

int64_t bytesOn(int64_t rank, mlir::Type type, ShardTable &table) {
  return table.shardsOf(type)[rank].elements() * elementBytes(type);
}

double bytesOf(const std::vector<Buffer> &buffers) {
  double bytes = 0;
  for (const Buffer &buffer : buffers) bytes += double(buffer.bytes);
  return bytes;
}

// Plans by class. Where classes differ little (a dimension is not a multiple of the devices), one serves all.
std::vector<ArenaPlan> planArenas(const EntryBuffers &entry, const std::vector<std::vector<Buffer>> &byClass) {
  const auto plan = [&](const std::vector<Buffer> &buffers) {
    const double least = double(findPeak(buffers, entry.lastAccess(), entry.tasks()).bytes);
    return planArena(buffers, entry.tasks(), /*enough=*/int64_t(kTight * least));
  };
  std::vector<Buffer> largest = byClass.front();
  for (const std::vector<Buffer> &buffers : byClass)
    for (size_t b = 0; b < buffers.size(); ++b) largest[b].bytes = std::max(largest[b].bytes, buffers[b].bytes);
  if (llvm::all_of(byClass, [&](const auto &buffers) { return bytesOf(largest) <= kTight * bytesOf(buffers); }))
    return std::vector<ArenaPlan>(byClass.size(), plan(largest));
  std::vector<ArenaPlan> plans;
  for (const std::vector<Buffer> &buffers : byClass) plans.push_back(plan(buffers));
  return plans;
}

// One class: behind the variables, which take `held` bytes and end at `base`.
std::vector<int64_t> layClass(const EntryProgram &program, const EntryBuffers &entry,
                              const std::vector<Buffer> &buffers, const ArenaPlan &plan, int64_t base, int64_t held,
                              ClassMemory &memory) {
  const Peak peak = findPeak(buffers, entry.lastAccess(), entry.tasks());
  memory.arenaBytes = std::max(memory.arenaBytes, base + plan.bytes);
  if (held + peak.bytes > memory.lowerBound) {
    memory.lowerBound = held + peak.bytes;
    memory.gradients = 0;
    for (size_t b = 0; b < buffers.size(); ++b)
      if (entry.isGradient(int(b)) && buffers[b].life.begin <= peak.task && peak.task <= entry.lastAccess()[b])
        memory.gradients += buffers[b].bytes;
    memory.activations = peak.bytes - memory.gradients;
  }
  std::vector<int64_t> offsets;
  for (size_t r = 0; r < program.registers.size(); ++r)
    offsets.push_back(entry.bufferOf(int(r)) < 0 ? memory.variables[program.registers[program.rootOf(int(r))].variable]
                                                 : base + plan.offsets[entry.bufferOf(int(r))]);
  return offsets;
}

}  // namespace

std::vector<ClassMemory> layVariables(mlir::ModuleOp module, const ModuleVariables &variables, ShardTable &table) {
  std::vector<ClassMemory> classes;
  for (const auto &ranks : findRankClasses(module, table)) {
    ClassMemory &memory = classes.emplace_back();
    memory.ranks = ranks;
    for (const ModuleVariable &variable : variables.all()) {
      const int64_t bytes = bytesOn(ranks[0], variable.type, table);
      memory.variables.push_back(memory.arenaBytes);
      memory.arenaBytes += aligned(bytes);
      memory.lowerBound += bytes;
    }
  }
  return classes;
}

EntryOffsets layEntry(const EntryProgram &program, const ModuleVariables &variables, ShardTable &table,
                      std::vector<ClassMemory> &classes) {
  EntryBuffers entry(program, table);
  std::vector<std::vector<Buffer>> buffers;
  for (const ClassMemory &memory : classes) buffers.push_back(entry.ofRank(memory.ranks[0]));
  const std::vector<ArenaPlan> plans = planArenas(entry, buffers);
  EntryOffsets offsets;
  for (auto [memory, ofClass, plan] : llvm::zip(classes, buffers, plans)) {
    int64_t end = 0, held = 0;
    for (const ModuleVariable &variable : variables.all()) {
      const int64_t bytes = bytesOn(memory.ranks[0], variable.type, table);
      end += aligned(bytes);
      held += bytes;
    }
    offsets.push_back(layClass(program, entry, ofClass, plan, end, held, memory));
  }
  return offsets;
}

mlir::FailureOr<ClassMemory> memoryOfEntry(mlir::func::FuncOp entry, const ModuleVariables &variables,
                                           ShardTable &table) {
  const auto program = buildEntryProgram(entry, variables);
  if (failed(program)) return mlir::failure();
  std::vector<ClassMemory> classes = layVariables(entry->getParentOfType<mlir::ModuleOp>(), variables, table);
  layEntry(*program, variables, table, classes);
  return *llvm::max_element(classes,
                            [](const ClassMemory &a, const ClassMemory &b) { return a.arenaBytes < b.arenaBytes; });
}

}  // namespace cleave
