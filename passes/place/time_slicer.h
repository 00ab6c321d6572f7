// Writes a part of a program for one of several equal slices in time.

#ifndef CLEAVE_PASSES_PLACE_TIME_SLICER_H
#define CLEAVE_PASSES_PLACE_TIME_SLICER_H

#include <optional>
#include <string>

#include "ir/cleave.h"
#include "llvm/ADT/DenseSet.h"

namespace cleave {

// Whether the op draws other random numbers in each run of a chunked region.
bool drawsByRun(TensorOpInterface op);

// The instance of a rule's strategy in which one of its placements becomes `mode`; none if it can't.
std::optional<Strategy> instanceWith(const Strategy &pattern, const AxisPlacement &placement,
                                     const AxisPlacement &mode);

// Slices in time obey the rules of placement: along "time" a value is S(d) (the slice sees its share of dimension d), B
// (the same for each slice) or P (what the slices give is combined to the value). Values from outside are B, unless
// setInput says otherwise. From there each op takes the strategy of its rule that fits its operands. An op whose
// operands are all B gives the same each time: it is not written, and what is written reads its results. Where such a
// value is wanted in slices, what makes it is written for the slice; where a term is wanted, each slice has an equal
// share.
class TimeSlicer {
 public:
  // How a value lies in time, and what stands for it in a slice: the value itself, where it is B.
  struct Slice {
    AxisPlacement mode;
    mlir::Value value;
  };
  // An op that can't work on slices, and why: "requires ..., got ...".
  struct Obstacle {
    mlir::Operation *op;
    std::string reason;
  };

  // Ops go to where `b` stands, which need not be in a function yet.
  TimeSlicer(mlir::OpBuilder &b, int64_t count) : b_(b), count_(count) {}

  // What stands for a value from outside. Before write.
  void setInput(mlir::Value whole, const Slice &slice) { variants_[whole] = {slice}; }

  // Writes ops, which are in order: definitions first. Stops at the first that can't work on slices.
  std::optional<Obstacle> write(llvm::ArrayRef<mlir::Operation *> ops);

  // What follows from the inputs for a value: an operand or a result of the ops.
  Slice sliceOf(mlir::Value whole) const;

  // Whether an op gives and reads the same in all slices.
  bool isSame(mlir::Operation *op) const;

  // Removes what nobody has used. Call it when all that is wanted has a user.
  void eraseUnused();

 private:
  using Variants = llvm::SmallVector<Slice, 2>;  // the first is what follows from the inputs

  std::optional<Obstacle> writeOp(mlir::Operation *op);
  mlir::Operation *writeWith(TensorOpInterface op, const Strategy &strategy);
  mlir::Value obtain(mlir::Value whole, const AxisPlacement &mode, mlir::Operation *user);
  mlir::Value shareOut(mlir::Value whole, mlir::Operation *user);
  mlir::Value writeAgain(mlir::Value whole, const AxisPlacement &mode);
  Variants &variantsOf(mlir::Value whole);

  mlir::OpBuilder &b_;
  const int64_t count_;
  llvm::DenseSet<mlir::Operation *> own_;  // the ops to write
  llvm::DenseMap<mlir::Value, Variants> variants_;
  llvm::SmallVector<mlir::Operation *> written_;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_PLACE_TIME_SLICER_H
