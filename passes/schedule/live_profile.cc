#include "passes/schedule/live_profile.h"

#include <algorithm>

#include "passes/schedule/arena.h"

namespace cleave {

mlir::FailureOr<EntryFacts> EntryFacts::of(mlir::func::FuncOp entry, const ModuleVariables &variables,
                                           const Machine &machine, ShardTable &table) {
  const auto program = buildEntryProgram(entry, variables);
  if (failed(program)) return mlir::failure();
  EntryFacts facts(machine, table);
  for (const ModuleVariable &variable : variables.all())
    facts.variableBytes_ += aligned(table.mostBytes(variable.type));
  const auto variableOf = [&](int held) { return program->registers[program->rootOf(held)].variable; };
  for (auto [value, held] : program->registerOf)
    if (variableOf(held) >= 0) facts.inVariables_.insert(value);
  llvm::DenseMap<int, mlir::Operation *> writers;  // by variable
  for (const EntryProgram::Task &task : program->tasks)
    for (int held : task.writes)
      if (variableOf(held) >= 0) writers.insert({variableOf(held), task.op});
  for (mlir::BlockArgument argument : entry.getArguments())
    if (mlir::Operation *writer = writers.lookup(variables.ofArgument(entry, argument.getArgNumber())))
      facts.overwriters_[argument] = writer;
  return facts;
}

EntryFacts::OpFacts &EntryFacts::factsOf(mlir::Operation *op) {
  const auto [known, isNew] = ops_.try_emplace(op);
  if (isNew) {
    known->second.isView = cleave::isView(op);
    known->second.movesBytes = cleave::movesBytes(op);
    known->second.isStarted = cleave::streamOf(op) == kCommunicate;
    for (unsigned result = 0; result < op->getNumResults(); ++result)
      known->second.inPlace.push_back(cleave::inPlaceOperand(op, result));
  }
  return known->second;
}

int64_t EntryFacts::bytesOf(mlir::Value value) {
  if (inVariables_.contains(value)) return 0;
  const auto [known, isNew] = bytes_.try_emplace(value.getType());
  if (isNew) known->second = aligned(table_->mostBytes(value.getType()));
  return known->second;
}

bool EntryFacts::isView(mlir::Operation *op) { return factsOf(op).isView; }

bool EntryFacts::movesBytes(mlir::Operation *op) { return factsOf(op).movesBytes; }

bool EntryFacts::isStarted(mlir::Operation *op) { return factsOf(op).isStarted; }

mlir::Value EntryFacts::shownBy(mlir::Value value) {
  while (value.getDefiningOp() && isView(value.getDefiningOp())) value = viewedBy(mlir::cast<mlir::OpResult>(value));
  return value;
}

int EntryFacts::inPlaceOperand(mlir::OpResult result) {
  return factsOf(result.getOwner()).inPlace[result.getResultNumber()];
}

double EntryFacts::secondsOf(mlir::Operation *op) {
  OpFacts &facts = factsOf(op);
  if (facts.seconds >= 0 || facts.isView) return std::max(facts.seconds, 0.0);
  facts.seconds = 0;
  if (facts.movesBytes) return facts.seconds = transferCost(op, *table_, *machine_).seconds();
  for (size_t rank = 0; rank < table_->ranks(); ++rank)
    facts.seconds = std::max(facts.seconds, machine_->seconds(workOf(op, rank, *table_)));
  return facts.seconds;
}

LiveProfile::LiveProfile(mlir::func::FuncOp entry, EntryFacts &facts) {
  mlir::Block &block = entry.getBody().front();
  for (mlir::BlockArgument argument : block.getArguments()) access(argument, 0, facts);
  for (mlir::Operation &op : block.without_terminator()) {
    const int place = int(ops_.size());
    places_[&op] = place;
    ops_.push_back(&op);
    if (facts.isView(&op)) continue;
    for (mlir::Value operand : op.getOperands()) access(facts.shownBy(operand), place, facts);
    for (mlir::Value result : op.getResults()) access(result, place, facts);
  }
  for (mlir::Value returned : block.getTerminator()->getOperands()) {
    const auto known = heldOf_.find(facts.shownBy(returned));
    if (known != heldOf_.end()) held_[size_t(known->second)].isKept = true;
  }
  const std::vector<int> seen = transfersSeen(facts);
  std::vector<int64_t> change(ops_.size() + 1, 0);
  for (const Held &held : held_) {
    change[size_t(held.first())] += held.bytes;
    int end = held.last();
    for (int place : held.places)
      if (seen[size_t(place)] >= 0) end = std::max(end, seen[size_t(place)]);
    if (!held.isKept && !ops_.empty()) change[size_t(end) + 1] -= held.bytes;
  }
  int64_t live = facts.variableBytes();
  for (size_t place = 0; place < ops_.size(); ++place) {
    live += change[place];
    live_.push_back(live - takenOver(ops_[place], int(place), facts));
    if (live_.back() > live_[size_t(peak_)]) peak_ = int(place);
  }
}

// By place: where what computes first knows that the transfer there has ended, and its operand's bytes are free; -1
// where that is no question.
std::vector<int> LiveProfile::transfersSeen(EntryFacts &facts) const {
  std::vector<int> seen(std::max<size_t>(ops_.size(), 1), -1);
  int next = int(ops_.size()) - 1;  // transfers run one after the other: who waits for one waits for those before it
  for (int place = int(ops_.size()) - 1; place >= 0; --place) {
    mlir::Operation *op = ops_[size_t(place)];
    if (facts.isView(op) || !facts.isStarted(op)) continue;
    if (const Held *result = heldFor(op->getResult(0)))
      for (int reader : llvm::reverse(result->places))
        if (reader > place && !facts.isStarted(ops_[size_t(reader)])) next = std::min(next, reader);
    if (facts.inPlaceOperand(op->getResult(0)) < 0) seen[size_t(place)] = next;
  }
  return seen;
}

const LiveProfile::Held *LiveProfile::heldFor(mlir::Value root) const {
  const auto known = heldOf_.find(root);
  return known == heldOf_.end() ? nullptr : &held_[size_t(known->second)];
}

void LiveProfile::access(mlir::Value root, int place, EntryFacts &facts) {
  if (facts.isInVariable(root)) return;
  const auto [known, isNew] = heldOf_.try_emplace(root, int(held_.size()));
  if (isNew) {
    held_.emplace_back().value = root;
    held_.back().bytes = facts.bytesOf(root);
  }
  auto &places = held_[size_t(known->second)].places;
  if (places.empty() || places.back() != place) places.push_back(place);
}

// Bytes of operands that results take over.
int64_t LiveProfile::takenOver(mlir::Operation *op, int place, EntryFacts &facts) const {
  if (facts.isView(op)) return 0;
  int64_t bytes = 0;
  for (mlir::OpResult result : op->getResults()) {
    const int operand = facts.inPlaceOperand(result);
    if (operand < 0 || facts.isInVariable(result)) continue;
    const mlir::Value from = facts.shownBy(op->getOperand(unsigned(operand)));
    const Held *held = heldFor(from);
    if (!held || held->isKept || held->last() != place || held->bytes != facts.bytesOf(result)) continue;
    const auto readers =
        llvm::count_if(op->getOperands(), [&](mlir::Value read) { return facts.shownBy(read) == from; });
    if (readers == 1) bytes += held->bytes;
  }
  return bytes;
}

}  // namespace cleave
