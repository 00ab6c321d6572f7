// One tensor-parallel chain along one mesh axis: from matmuls that split their outputs to matmuls that split their input.

#ifndef CLEAVE_PASSES_PLACE_CHAIN_H
#define CLEAVE_PASSES_PLACE_CHAIN_H

#include <optional>

#include "llvm/ADT/MapVector.h"
#include "passes/module_view.h"

namespace cleave {

// Splits along one axis, in the order in which they were found.
using Splits = llvm::MapVector<mlir::Value, AxisPlacement>;

// A matmul in the eyes of the rules: an op with a parameter of which one index goes to the result (an output feature) and
// another is reduced together with the other operand's (an input feature).
struct WeightUse {
  mlir::Operation *op = nullptr;
  unsigned operand = 0;           // the parameter
  const Strategy *outputs = nullptr;  // splits output features
  const Strategy *inputs = nullptr;   // splits input features
};

// Null op if it is none.
WeightUse weightUseOf(mlir::Operation *op, Rules &rules);

// A chain that grows from one matmul along def-use chains, forward and, where splits meet, backward. Each op on its way must
// take the split by its own rule. It does not change the program.
class Chain {
 public:
  // `known` are the splits (and whole pins) along this axis that stand already; `shares` is how many ways the model axes split.
  Chain(Rules &rules, const Splits &known, int64_t shares) : rules_(rules), known_(known), shares_(shares) {}

  enum class End {
    Closed,       // every path ends in a matmul that splits its input
    Stuck,        // some op can't take the split
    NeedsUnit,    // would go further if counted in `neededUnit` elements
    NeedsGeneric  // stuck at an op that reduces the split dimension away: its generic form, if it has one, may go further
  };
  // `generic` are the ops that stand for a decomposed one: a split may end in them.
  End grow(const WeightUse &seed, int64_t unit, llvm::ArrayRef<mlir::Operation *> generic);

  const Splits &splits() const { return splits_; }
  int64_t neededUnit() const { return neededUnit_; }
  mlir::Operation *stuckAt() const { return stuckAt_; }
  mlir::Operation *closedBy() const { return closedBy_; }

 private:
  struct Candidate {
    const Strategy *pattern;
    int64_t unit;
    int newSplits;
    bool isEven;
  };

  std::optional<AxisPlacement> find(mlir::Value value) const;
  std::optional<Candidate> fit(mlir::Operation *op, const Strategy &pattern);
  bool mayAssign(mlir::Value value, const AxisPlacement &placement) const;
  void assign(mlir::Value value, const AxisPlacement &placement);
  bool apply(mlir::Operation *op);
  bool adopt(mlir::Operation *op, const Candidate &candidate);
  bool closes(mlir::Operation *op);

  Rules &rules_;
  const Splits &known_;
  int64_t shares_;
  llvm::ArrayRef<mlir::Operation *> generic_;
  Splits splits_;
  std::vector<mlir::Value> open_;
  int64_t seedUnit_ = 1, neededUnit_ = 1;
  mlir::Operation *stuckAt_ = nullptr;
  mlir::Operation *closedBy_ = nullptr;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_PLACE_CHAIN_H
