// Lets values of the forward pass die early and computes them again where the backward pass reads them.

#ifndef CLEAVE_PASSES_SCHEDULE_REMATERIALIZE_H
#define CLEAVE_PASSES_SCHEDULE_REMATERIALIZE_H

#include "llvm/ADT/StringSet.h"
#include "passes/schedule/live_profile.h"

namespace cleave {

// Works on an ordered entry, in place. Each step takes the value that is live, but not read, where most is live, and
// that saves the most bytes times places above the target for each second of recompute.
class Rematerializer {
 public:
  Rematerializer(mlir::func::FuncOp entry, EntryFacts &facts);

  // Until at most `target` bytes are live at a time, or nothing helps any more: false. Collectives run again only where
  // `mayCommunicate` says so.
  bool reach(int64_t target, bool mayCommunicate);

  int64_t peakBytes() const { return profile_.peakBytes(); }
  int copies() const { return copies_; }            // ops that run again
  int collectives() const { return collectives_; }  // of these
  double seconds() const { return seconds_; }       // that they take

 private:
  // A value to drop, and what must run again in front of its next reader.
  struct Drop {
    mlir::Value value;
    int from = 0, to = 0;  // places of the last op that reads it early, and of the first late one
    llvm::SmallVector<mlir::OpOperand *, 4> uses;  // late ones
    llvm::SetVector<mlir::Operation *> ops;
    llvm::DenseMap<mlir::Value, mlir::Value> copies;  // that are there already
    double seconds = 0, saved = 0;                    // saved: bytes times places above the target
    double score() const { return saved / seconds; }
  };
  struct Copies {
    llvm::SmallVector<mlir::Operation *> ops;
    llvm::SmallVector<std::pair<mlir::OpOperand *, mlir::Value>> redirected;  // and what they were
  };

  std::vector<Drop> drops(int64_t target, bool mayCommunicate);
  bool consider(const LiveProfile::Held &held, int64_t target, bool mayCommunicate, Drop &drop);
  void collectUses(mlir::Value value, Drop &drop);
  bool need(mlir::Value value, bool mayCommunicate, Drop &drop);
  bool keep(const LiveProfile::Held *held, Drop &drop);
  mlir::Value copyInTime(mlir::OpResult result, const Drop &drop) const;
  bool mayRunAgain(mlir::Operation *op, bool mayCommunicate);
  bool tryDrop(const Drop &drop, int64_t target);
  Copies apply(const Drop &drop);
  mlir::Operation *computedBefore(int place);
  void undo(const Copies &copies);
  void count(mlir::Operation *op, int sign);
  mlir::Operation *originOf(mlir::Operation *op) const;
  std::string nameFor(mlir::Operation *op);
  int placesAbove(int from, int to) const;  // the target, in [from, to)

  mlir::func::FuncOp entry_;
  EntryFacts &facts_;
  LiveProfile profile_;
  std::vector<int> above_;  // by place: how many places in front of it are above the target
  llvm::DenseMap<mlir::Operation *, mlir::Operation *> origins_;                         // of copies
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Operation *, 2>> copiesOf_;  // by origin
  llvm::DenseSet<mlir::Value> rejected_;
  llvm::StringSet<> names_;
  int copies_ = 0, collectives_ = 0;
  double seconds_ = 0;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_REMATERIALIZE_H
