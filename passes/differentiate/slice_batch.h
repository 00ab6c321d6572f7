// Writes a forward program for one of several equal slices of the batch.

#ifndef CLEAVE_PASSES_DIFFERENTIATE_SLICE_BATCH_H
#define CLEAVE_PASSES_DIFFERENTIATE_SLICE_BATCH_H

#include "ir/cleave.h"

namespace cleave {

// Slices in time obey the rules of placement: along "time" a value is S(d) (the slice sees its share of dimension d), B
// (the same for each slice) or P(sum) (the sum over slices is the value). Starting from the arguments, each op takes
// the strategy of its rule that fits its operands. Where an operand is whole and a slice is needed, what makes it is
// written once more for the slice.
class BatchSlicer {
 public:
  // Ops go to where `b` stands.
  BatchSlicer(mlir::OpBuilder &b, int64_t count) : b_(b), count_(count) {}

  // What stands for an argument of the program.
  void setArgument(mlir::Value argument, mlir::Value slice, const AxisPlacement &mode) {
    variants_[argument].push_back({mode, slice});
  }

  // Writes all ops of a block but its terminator. An error names the op that can't work on slices.
  mlir::LogicalResult write(mlir::Block &block);

  // A value whose sum over the slices is `whole`; null if there is none.
  mlir::Value termOf(mlir::Value whole) { return obtain(whole, AxisPlacement::partial(Combiner::Sum)); }

  // Removes what nobody has used. Call it last.
  void eraseUnused();

 private:
  struct Variant {
    AxisPlacement mode;
    mlir::Value value;
  };

  mlir::LogicalResult writeOp(mlir::Operation *op);
  bool writeWith(TensorOpInterface op, const Strategy &strategy);
  mlir::Value obtain(mlir::Value whole, const AxisPlacement &mode);
  mlir::Value find(mlir::Value whole, const AxisPlacement &mode);

  mlir::OpBuilder &b_;
  const int64_t count_;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Variant, 2>> variants_;  // the first is what follows from the arguments
  llvm::SmallVector<mlir::Operation *> written_;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_DIFFERENTIATE_SLICE_BATCH_H
