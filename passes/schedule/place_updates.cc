#include "passes/schedule/place_updates.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace cleave {
namespace {

class UpdatePlacer {
 public:
  UpdatePlacer(mlir::func::FuncOp entry, const ModuleVariables &variables)
      : variables_(variables), entry_(entry), terminator_(entry.getBody().front().getTerminator()) {
    for (mlir::BlockArgument argument : entry.getArguments())
      if (const int variable = variables.ofArgument(entry, argument.getArgNumber()); variable >= 0)
        old_[variable] = argument;
  }

  OverwriteOrder run() {
    keepOldValues();
    for (unsigned i = 0; i < terminator_->getNumOperands(); ++i)
      if (const int variable = variables_.ofResult(entry_, i); variable >= 0) placeUpdate(i, variable);
    return std::move(order_);
  }

 private:
  // What is returned besides, must not change when its variable does.
  void keepOldValues() {
    llvm::DenseSet<mlir::Value> changed;
    for (unsigned i = 0; i < terminator_->getNumOperands(); ++i) {
      const mlir::Value old = old_.lookup(variables_.ofResult(entry_, i));
      if (old && terminator_->getOperand(i) != old) changed.insert(old);
    }
    for (unsigned i = 0; i < terminator_->getNumOperands(); ++i)
      if (changed.contains(shownBy(terminator_->getOperand(i))))
        terminator_->setOperand(i, copy(terminator_->getOperand(i), "kept", /*isFirst=*/true));
  }

  void placeUpdate(unsigned result, int variable) {
    const mlir::Value old = old_.lookup(variable), value = terminator_->getOperand(result);
    if (value == old) return;
    mlir::Operation *writer = value.getDefiningOp();
    const auto readers = old ? readersOf(old) : llvm::SetVector<mlir::Operation *>();
    // The first op that writes over the old value.
    const mlir::OpResult share = shareUpdatedInPlace(value, old);
    const mlir::Value first = share ? share : value;
    const bool mayWrite = writer && !isView(writer) && !claimed_.contains(value) &&
                          !readsElsewhere(first.getDefiningOp(), first, old) &&
                          !reachesAny(first.getDefiningOp(), readers);
    const mlir::Value written = mayWrite ? value : copy(value, variables_.all()[variable].name, /*isFirst=*/false);
    mlir::Operation *overwriter = mayWrite ? first.getDefiningOp() : written.getDefiningOp();
    terminator_->setOperand(result, written);
    claimed_.insert(written);
    for (mlir::Operation *reader : readers) {
      if (reader == overwriter) continue;
      order_.emplace_back(reader, overwriter);
      later_[reader].push_back(overwriter);
    }
  }

  // Tasks that read the bytes of `value`.
  llvm::SetVector<mlir::Operation *> readersOf(mlir::Value value) const {
    llvm::SetVector<mlir::Operation *> readers;
    llvm::SmallVector<mlir::Value> shown = {value};
    while (!shown.empty())
      for (mlir::Operation *user : shown.pop_back_val().getUsers()) {
        if (user == terminator_) continue;
        if (isView(user)) {
          shown.push_back(user->getResult(0));
        } else {
          readers.insert(user);
        }
      }
    return readers;
  }

  // Whether `writer` reads the old value other than in place of its result.
  static bool readsElsewhere(mlir::Operation *writer, mlir::Value value, mlir::Value old) {
    const int inPlace = inPlaceOperand(writer, mlir::cast<mlir::OpResult>(value).getResultNumber());
    for (auto [i, operand] : llvm::enumerate(writer->getOperands()))
      if (shownBy(operand) == old && old && int(i) != inPlace) return true;
    return false;
  }

  // Whether one of `targets` needs what `from` computes.
  bool reachesAny(mlir::Operation *from, const llvm::SetVector<mlir::Operation *> &targets) const {
    llvm::SmallVector<mlir::Operation *> open = {from};
    llvm::DenseSet<mlir::Operation *> seen;
    while (!open.empty()) {
      mlir::Operation *op = open.pop_back_val();
      const auto later = later_.find(op);
      llvm::SmallVector<mlir::Operation *> next(op->user_begin(), op->user_end());
      if (later != later_.end()) next.append(later->second);
      for (mlir::Operation *user : next) {
        if (targets.contains(user)) return true;
        if (user != terminator_ && seen.insert(user).second) open.push_back(user);
      }
    }
    return false;
  }

  mlir::Value copy(mlir::Value value, const std::string &name, bool isFirst) {
    mlir::OpBuilder b(terminator_);
    if (isFirst && value.getDefiningOp()) b.setInsertionPointAfter(value.getDefiningOp());
    if (isFirst && !value.getDefiningOp()) b.setInsertionPointToStart(&entry_.getBody().front());
    const auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
    const llvm::SmallVector<int64_t> starts(type.getRank(), 0), steps(type.getRank(), 1);
    mlir::Operation *op = SliceOp::create(b, entry_.getLoc(), type, value, starts, type.getShape(), steps);
    op->setAttr(CleaveDialect::kName,
                b.getStringAttr("copy(" + name + ")" + (copies_ ? "." + std::to_string(copies_) : "")));
    op->setAttr(CleaveDialect::kPhase, b.getStringAttr("update"));
    ++copies_;
    return op->getResult(0);
  }

  const ModuleVariables &variables_;
  mlir::func::FuncOp entry_;
  mlir::Operation *terminator_;
  llvm::DenseMap<int, mlir::Value> old_;  // by variable
  llvm::DenseSet<mlir::Value> claimed_;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Operation *, 1>> later_;  // as order_
  OverwriteOrder order_;
  int copies_ = 0;
};

}  // namespace

OverwriteOrder placeUpdates(mlir::func::FuncOp entry, const ModuleVariables &variables) {
  return UpdatePlacer(entry, variables).run();
}

}  // namespace cleave
