#include "passes/schedule/entry_program.h"

#include <numeric>

namespace cleave {
namespace {

// What a value is waited for as; itself where it is no wait's.
mlir::Value transferOf(mlir::Value value) {
  return value.getDefiningOp<WaitOp>() ? viewedBy(mlir::cast<mlir::OpResult>(value)) : value;
}

llvm::StringRef textOf(mlir::Attribute attribute) {
  auto text = mlir::dyn_cast_or_null<mlir::StringAttr>(attribute);
  return text ? text.getValue() : llvm::StringRef();
}

double fillOf(mlir::Attribute attribute) {
  auto init = mlir::dyn_cast_or_null<InitAttr>(attribute);
  return init ? init.getMean().convertToDouble() : 0;
}

ModuleVariable variableOf(mlir::func::FuncOp entry, unsigned argument) {
  ModuleVariable variable;
  variable.type = entry.getArgument(argument).getType();
  const llvm::StringRef parameter = textOf(entry.getArgAttr(argument, CleaveDialect::kParameter));
  variable.isState = parameter.empty();
  variable.name = (variable.isState ? textOf(entry.getArgAttr(argument, CleaveDialect::kState)) : parameter).str();
  variable.parameter = textOf(entry.getArgAttr(argument, CleaveDialect::kStateOf)).str();
  if (variable.isState) variable.fill = fillOf(entry.getArgAttr(argument, CleaveDialect::kInit));
  auto trainable = mlir::dyn_cast_or_null<mlir::BoolAttr>(entry.getArgAttr(argument, CleaveDialect::kTrainable));
  variable.isTrainable = !variable.isState && (!trainable || trainable.getValue());
  return variable;
}

class ProgramBuilder {
 public:
  ProgramBuilder(mlir::func::FuncOp entry, const ModuleVariables &variables) : entry_(entry), variables_(variables) {}

  mlir::FailureOr<EntryProgram> run() {
    addArguments();
    if (failed(claimVariables())) return mlir::failure();
    for (mlir::Operation &op : entry_.getBody().front().without_terminator())
      if (failed(addOp(&op))) return mlir::failure();
    mlir::Operation *terminator = entry_.getBody().front().getTerminator();
    for (auto [i, value] : llvm::enumerate(terminator->getOperands())) {
      if (variables_.ofResult(entry_, i) >= 0) continue;
      if (failed(checkStillThere(terminator, value))) return mlir::failure();
      out_.registers[out_.rootOf(out_.registerOf[value])].isOutput = true;
    }
    return std::move(out_);
  }

 private:
  int add(mlir::Value value) {
    out_.registers.push_back({value});
    return out_.registerOf[value] = int(out_.registers.size()) - 1;
  }

  void addArguments() {
    for (mlir::BlockArgument argument : entry_.getArguments()) {
      EntryProgram::Register &held = out_.registers[add(argument)];
      held.variable = variables_.ofArgument(entry_, argument.getArgNumber());
      held.isInput = held.variable < 0;
      if (held.variable >= 0) argumentOf_[held.variable] = argument;
    }
  }

  // A value that replaces a variable lies in the variable's bytes.
  mlir::LogicalResult claimVariables() {
    mlir::Operation *terminator = entry_.getBody().front().getTerminator();
    for (auto [i, returned] : llvm::enumerate(terminator->getOperands())) {
      mlir::Value value = returned;
      const int variable = variables_.ofResult(entry_, i);
      if (variable < 0 || value == argumentOf_.lookup(variable)) continue;
      value = transferOf(value);
      mlir::Operation *op = value.getDefiningOp();
      if (!op || isView(op) || out_.registerOf.contains(value) || !replaced_.insert(variable).second)
        return entry_.emitError(
                   "requires each variable to be replaced by an op's result of its own (see cleave-order-ops), got ")
               << "another value for '" << variables_.all()[variable].name << "'";
      const mlir::Value old = argumentOf_.lookup(variable);
      if (old) {
        out_.registerOf[value] = out_.registerOf[old];
        if (const mlir::OpResult share = shareUpdatedInPlace(value, old)) inPlaceShares_.insert({share, old});
      } else {
        out_.registers[add(value)].variable = variable;
      }
    }
    return mlir::success();
  }

  mlir::LogicalResult addOp(mlir::Operation *op) {
    if (!mlir::isa<TensorOpInterface, CollectiveOpInterface, WaitOp>(op))
      return op->emitOpError(
          "requires to be lowered before it is scheduled (see cleave-lower-reshards, cleave-unroll-chunks)");
    if (auto wait = mlir::dyn_cast<WaitOp>(op)) {
      for (auto [transfer, value] : llvm::zip(wait.getTransfers(), wait.getValues()))
        out_.registerOf[value] = out_.registerOf[transfer];
      return mlir::success();
    }
    if (isView(op)) {
      const int root = out_.registerOf[shownBy(op->getOperand(0))];
      out_.registers[add(op->getResult(0))].viewOf = out_.rootOf(root);
      return mlir::success();
    }
    EntryProgram::Task &task = out_.tasks.emplace_back();
    task.op = op;
    task.stream = streamOf(op);
    if (failed(addAfter(op))) return mlir::failure();
    for (mlir::Value operand : op->getOperands()) {
      if (failed(checkStillThere(op, operand))) return mlir::failure();
      task.reads.push_back(out_.registerOf[operand]);
    }
    for (mlir::OpResult result : op->getResults()) {
      if (const mlir::Value old = inPlaceShares_.lookup(result)) {
        out_.registerOf[result] =
            out_.registerOf[op->getOperand(unsigned(inPlaceOperand(op, result.getResultNumber())))];
        if (failed(overwriteOld(result, old))) return mlir::failure();
      } else if (failed(overwrite(result))) {
        return mlir::failure();
      }
      const auto known = out_.registerOf.find(result);
      task.writes.push_back(known != out_.registerOf.end() ? known->second : add(result));
    }
    return mlir::success();
  }

  // Of the task that is the last one so far.
  mlir::LogicalResult addAfter(mlir::Operation *op) {
    const int index = int(out_.tasks.size()) - 1;
    EntryProgram::Task &task = out_.tasks.back();
    if (auto before = op->getAttrOfType<mlir::StringAttr>(kAfter)) {
      const auto known = taskNamed_.find(before.getValue());
      if (known == taskNamed_.end())
        return op->emitOpError("requires to run after an op in front of it, got ") << kAfter << " = " << before;
      if (out_.tasks[size_t(known->second)].stream != task.stream) task.after.push_back(known->second);
    }
    taskNamed_[nameOf(op)] = index;
    if (task.stream != kCompute) return mlir::success();
    if (held_ >= 0) task.after.push_back(held_);
    held_ = movesBytes(op) ? index : -1;
    return mlir::success();
  }

  // Whoever reads a variable's old value does so before the op that overwrites it.
  mlir::LogicalResult checkStillThere(mlir::Operation *reader, mlir::Value value) {
    const mlir::Value root = shownBy(value);
    if (!overwritten_.contains(root)) return mlir::success();
    return reader->emitError("requires nobody to read '")
           << nameOf(root) << "' behind the op that overwrites it (see cleave-order-ops)";
  }

  // Notes that `result` takes a variable's bytes: its op may read the old value in place only.
  mlir::LogicalResult overwrite(mlir::OpResult result) {
    const auto known = out_.registerOf.find(result);
    if (known == out_.registerOf.end()) return mlir::success();
    const mlir::Value old = argumentOf_.lookup(out_.registers[known->second].variable);
    return old ? overwriteOld(result, old) : mlir::success();
  }

  mlir::LogicalResult overwriteOld(mlir::OpResult result, mlir::Value old) {
    const int inPlace = inPlaceOperand(result.getOwner(), result.getResultNumber());
    for (auto [i, operand] : llvm::enumerate(result.getOwner()->getOperands()))
      if (int(i) != inPlace && shownBy(operand) == old)
        return result.getOwner()->emitError("requires to read '")
               << nameOf(old) << "' in place only, since it overwrites it (see cleave-order-ops)";
    overwritten_.insert(old);
    return mlir::success();
  }

  mlir::func::FuncOp entry_;
  const ModuleVariables &variables_;
  llvm::DenseSet<mlir::Value> overwritten_;      // arguments
  llvm::DenseMap<int, mlir::Value> argumentOf_;  // by variable
  llvm::StringMap<int> taskNamed_;
  int held_ = -1;  // the last task that computes, if it is a collective: it holds the stream until it is over
  llvm::DenseMap<mlir::Value, mlir::Value> inPlaceShares_;  // arguments by the shares of them that are updated in place
  llvm::DenseSet<int> replaced_;                            // variables
  EntryProgram out_;
};

}  // namespace

mlir::LogicalResult ModuleVariables::add(mlir::func::FuncOp entry, ModuleVariable variable) {
  const auto [known, isNew] = byName_.try_emplace(variable.name, int(all_.size()));
  if (isNew) {
    all_.push_back(std::move(variable));
    return mlir::success();
  }
  ModuleVariable &held = all_[known->second];
  if (held.type != variable.type)
    return entry.emitError("requires all entries to agree on variable '")
           << variable.name << "', got " << held.type << " and " << variable.type;
  return mlir::success();
}

mlir::FailureOr<ModuleVariables> ModuleVariables::of(mlir::ModuleOp module) {
  ModuleVariables variables;
  for (mlir::func::FuncOp entry : entriesOf(module)) {
    for (unsigned argument = 0; argument < entry.getNumArguments(); ++argument)
      if (entry.getArgAttr(argument, CleaveDialect::kParameter) || entry.getArgAttr(argument, CleaveDialect::kState))
        if (failed(variables.add(entry, variableOf(entry, argument)))) return mlir::failure();
  }
  for (mlir::func::FuncOp entry : entriesOf(module)) {
    for (unsigned result = 0; result < entry.getNumResults(); ++result) {
      const llvm::StringRef name = textOf(entry.getResultAttr(result, CleaveDialect::kUpdates));
      if (name.empty()) continue;
      const int held = variables.find(name);
      if (held < 0) return entry.emitError("requires a result to replace a parameter or state, got '") << name << "'";
      if (variables.all_[held].type != entry.getResultTypes()[result])
        return entry.emitError("requires a result of the type that it replaces for '")
               << name << "', got " << entry.getResultTypes()[result] << " for " << variables.all_[held].type;
    }
  }
  return variables;
}

int ModuleVariables::find(llvm::StringRef name) const {
  const auto found = byName_.find(name);
  return found == byName_.end() ? -1 : found->second;
}

int ModuleVariables::ofArgument(mlir::func::FuncOp entry, unsigned argument) const {
  llvm::StringRef name = textOf(entry.getArgAttr(argument, CleaveDialect::kParameter));
  if (name.empty()) name = textOf(entry.getArgAttr(argument, CleaveDialect::kState));
  return name.empty() ? -1 : find(name);
}

int ModuleVariables::ofResult(mlir::func::FuncOp entry, unsigned result) const {
  const llvm::StringRef name = textOf(entry.getResultAttr(result, CleaveDialect::kUpdates));
  return name.empty() ? -1 : find(name);
}

mlir::Value shownBy(mlir::Value value) {
  while (mlir::Operation *op = value.getDefiningOp()) {
    if (!isView(op)) break;
    value = viewedBy(mlir::cast<mlir::OpResult>(value));
  }
  return value;
}

mlir::Value viewedBy(mlir::OpResult view) {
  return view.getOwner()->getOperand(mlir::isa<WaitOp>(view.getOwner()) ? view.getResultNumber() : 0);
}

int64_t groupSize(CollectiveOpInterface op) {
  const PlacementAttr placement = placementOf(op->getOperand(0));
  MeshOp mesh = placement ? meshOf(op, placement) : MeshOp();
  int64_t size = 1;
  if (mesh)
    for (int64_t axis : op.alongAxes()) size *= mesh.getSizes()[axis];
  return size;
}

bool movesBytes(mlir::Operation *op) {
  auto collective = mlir::dyn_cast<CollectiveOpInterface>(op);
  return collective && collective.movesBytes() && groupSize(collective) > 1;
}

// Whether a device keeps some rows of what it holds, which lie one after the other.
static bool keepsRows(CollectiveOpInterface op) {
  const PlacementAttr to = placementOf(op->getResult(0));
  return !op.movesBytes() && llvm::all_of(op.alongAxes(), [&](int64_t axis) {
    return to.getAxes()[axis].isSplit() && to.getAxes()[axis].dim == 0;
  });
}

Stream streamOf(mlir::Operation *op) {
  if (auto stream = op->getAttrOfType<mlir::IntegerAttr>(kStream))
    return stream.getValue() == kCommunicate ? kCommunicate : kCompute;
  return movesBytes(op) && startsCollectives(op->getParentOfType<mlir::ModuleOp>()) ? kCommunicate : kCompute;
}

bool isView(mlir::Operation *op) {
  if (mlir::isa<WaitOp>(op)) return true;
  if (auto collective = mlir::dyn_cast<CollectiveOpInterface>(op))
    return op->getNumResults() == 1 && (groupSize(collective) == 1 || keepsRows(collective));
  auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
  return tensorOp && tensorOp.kernelName().empty();
}

int inPlaceOperand(mlir::Operation *op, unsigned result) {
  if (auto collective = mlir::dyn_cast<CollectiveOpInterface>(op)) {
    if (!collective.movesBytes()) return -1;
    const auto from = placementOf(op->getOperand(0)).getAxes(), to = placementOf(op->getResult(0)).getAxes();
    const bool areCopies =
        llvm::none_of(collective.alongAxes(), [&](int64_t axis) { return from[axis].isSplit() || to[axis].isSplit(); });
    return areCopies ? int(result) : -1;
  }
  auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
  const int slot = tensorOp ? tensorOp.inPlaceOperand(result) : -1;
  if (slot < 0) return -1;
  const auto counts = tensorOp.shardingRule().operandCounts();
  if (slot >= int(counts.size()) || counts[slot] == 0) return -1;
  return int(std::accumulate(counts.begin(), counts.begin() + slot, int64_t{0}));
}

mlir::OpResult shareUpdatedInPlace(mlir::Value replacement, mlir::Value old) {
  const mlir::Value brought = transferOf(replacement);
  auto gather = brought.getDefiningOp<CollectiveOpInterface>();
  if (!gather || !gather.movesBytes() || !old) return {};
  const unsigned number = mlir::cast<mlir::OpResult>(brought).getResultNumber();
  const auto share = mlir::dyn_cast<mlir::OpResult>(gather->getOperand(number));
  if (!share || !share.hasOneUse() || mlir::isa<CollectiveOpInterface>(share.getOwner())) return {};
  const int inPlace = inPlaceOperand(share.getOwner(), share.getResultNumber());
  if (inPlace < 0) return {};
  const mlir::Value part = share.getOwner()->getOperand(unsigned(inPlace));
  const bool isPart = part != old && part.getType() == share.getType() && replacement.getType() == old.getType();
  return isPart && shownBy(part) == old ? share : mlir::OpResult();
}

mlir::FailureOr<EntryProgram> buildEntryProgram(mlir::func::FuncOp entry, const ModuleVariables &variables) {
  return ProgramBuilder(entry, variables).run();
}

}  // namespace cleave
