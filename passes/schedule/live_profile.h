// How many bytes are live at each op of an entry, in the order in which its ops stand: what recompute decides by.
// Counts as memory planning does, but for gaps between values and for what transfers that run ahead hold.

#ifndef CLEAVE_PASSES_SCHEDULE_LIVE_PROFILE_H
#define CLEAVE_PASSES_SCHEDULE_LIVE_PROFILE_H

#include <vector>

#include "passes/cost/op_cost.h"
#include "passes/schedule/entry_program.h"

namespace cleave {

// What ops and values of an entry are, asked once. Stays right while ops come and go, as long as none of them writes
// over a variable.
class EntryFacts {
 public:
  // Of an ordered entry; fails as buildEntryProgram does.
  static mlir::FailureOr<EntryFacts> of(mlir::func::FuncOp entry, const ModuleVariables &variables,
                                        const Machine &machine, ShardTable &table);

  int64_t variableBytes() const { return variableBytes_; }
  // Of a value that is no view, on the device that holds most; 0 for one that lies in a variable's bytes.
  int64_t bytesOf(mlir::Value value);
  bool isView(mlir::Operation *op);
  bool movesBytes(mlir::Operation *op);
  bool isStarted(mlir::Operation *op);  // it moves bytes on a stream of its own
  mlir::Value shownBy(mlir::Value value);
  // The first op that writes over a variable; null where none does.
  mlir::Operation *overwriterOf(mlir::Value variable) const { return overwriters_.lookup(variable); }
  bool isInVariable(mlir::Value value) const { return inVariables_.contains(value); }
  int inPlaceOperand(mlir::OpResult result);
  // On the slowest device.
  double secondsOf(mlir::Operation *op);
  // Before the op is erased.
  void forget(mlir::Operation *op) { ops_.erase(op); }

 private:
  struct OpFacts {
    bool isView = false, movesBytes = false, isStarted = false;
    llvm::SmallVector<int, 2> inPlace;  // by result
    double seconds = -1;                // below 0: not asked yet
  };

  EntryFacts(const Machine &machine, ShardTable &table) : machine_(&machine), table_(&table) {}
  OpFacts &factsOf(mlir::Operation *op);

  const Machine *machine_;
  ShardTable *table_;
  int64_t variableBytes_ = 0;
  llvm::DenseSet<mlir::Value> inVariables_;
  llvm::DenseMap<mlir::Value, mlir::Operation *> overwriters_;
  llvm::DenseMap<mlir::Operation *, OpFacts> ops_;
  llvm::DenseMap<mlir::Type, int64_t> bytes_;
};

// Of one moment: ops that are moved, made or erased afterwards are not in it.
class LiveProfile {
 public:
  // Bytes that views share. Places are indices of ops.
  struct Held {
    mlir::Value value;
    int64_t bytes = 0;
    bool isKept = false;               // returned
    llvm::SmallVector<int, 4> places;  // of the ops that write and read it, ascending

    int first() const { return places.front(); }
    int last() const { return places.back(); }
  };

  LiveProfile(mlir::func::FuncOp entry, EntryFacts &facts);

  const std::vector<mlir::Operation *> &ops() const { return ops_; }
  int placeOf(mlir::Operation *op) const { return places_.lookup(op); }
  const std::vector<Held> &held() const { return held_; }
  // Null for a variable.
  const Held *heldFor(mlir::Value root) const;
  int64_t liveAt(int place) const { return live_[size_t(place)]; }  // variables included
  int peak() const { return peak_; }                                // the first place where most is live
  int64_t peakBytes() const { return ops_.empty() ? 0 : live_[size_t(peak_)]; }

 private:
  void access(mlir::Value root, int place, EntryFacts &facts);
  std::vector<int> transfersSeen(EntryFacts &facts) const;
  int64_t takenOver(mlir::Operation *op, int place, EntryFacts &facts) const;

  std::vector<mlir::Operation *> ops_;
  llvm::DenseMap<mlir::Operation *, int> places_;
  std::vector<Held> held_;
  llvm::DenseMap<mlir::Value, int> heldOf_;
  std::vector<int64_t> live_;
  int peak_ = 0;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_LIVE_PROFILE_H
