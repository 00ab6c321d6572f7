// What passes ask of a module, in one place.

#ifndef CLEAVE_PASSES_MODULE_VIEW_H
#define CLEAVE_PASSES_MODULE_VIEW_H

#include <optional>
#include <string>
#include <vector>

#include "ir/cleave.h"
#include "llvm/ADT/DenseMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// Attribute of an argument or a module: how an argument is to lie, one entry for each axis.
inline constexpr llvm::StringLiteral kAxes = "cleave.axes";
// Attribute of an argument: bits of the axes that a user has pinned.
inline constexpr llvm::StringLiteral kPinned = "cleave.pinned";
// Attribute of an entry: i64, in how many slices of the batch its forward and backward are to run.
inline constexpr llvm::StringLiteral kMicrobatches = "cleave.microbatches";

// Attribute of a module: what is split along data axes, as --zero says: 0 nothing, 1 optimizer state, 2 gradients too, 3
// parameters too. Absent: what pays.
inline constexpr llvm::StringLiteral kZeroStage = "cleave.zero";

// Attribute of a module: i64, bytes that a plan may take on each device, as --memory says. Absent: as many as it likes.
inline constexpr llvm::StringLiteral kMemoryBudget = "cleave.memory_budget";

// Attribute of a module: names of the overlap passes that --overlap forces, none with an empty list. Absent: what pays.
inline constexpr llvm::StringLiteral kOverlap = "cleave.overlap";
// Attribute of a module: how many slices of the batch run side by side, so that one's communication hides behind the other's
// compute.
inline constexpr llvm::StringLiteral kSlices = "cleave.slices";
// Attribute of a module: whether ops are ordered for overlap. Absent: where that is predicted to pay.
inline constexpr llvm::StringLiteral kSplit = "cleave.split";
// Attribute of a module: activations between tensor-parallel chains lie split by tokens.
inline constexpr llvm::StringLiteral kSequence = "cleave.sequence";
// Attribute of a module: products of matrices run in chunks with the collectives beside them, where that pays.
inline constexpr llvm::StringLiteral kChunks = "cleave.chunks";
// Attribute of an entry: predicted seconds of a run, and those of all its transfers in which no core is busy.
inline constexpr llvm::StringLiteral kPredicted = "cleave.predicted";

// The module's only mesh; null, with an error, if there is none or more than one.
MeshOp onlyMesh(mlir::ModuleOp module);

// Entries in the order of the module, `step` first.
std::vector<mlir::func::FuncOp> entriesOf(mlir::ModuleOp module);

// Bytes that a plan may take on each device, where the module limits them.
std::optional<int64_t> memoryBudgetOf(mlir::ModuleOp module);

// Whether kOverlap names the pass.
bool forcesOverlap(mlir::ModuleOp module, llvm::StringRef name);

// Whether collectives that move bytes are started and waited for later. Else (--overlap none, or a list without split and
// prefetch) each holds its device until it is over.
bool startsCollectives(mlir::ModuleOp module);

// The parameter that a value is, perhaps through views; null if it is none.
mlir::BlockArgument parameterOf(mlir::Value value);

// Name of the parameter, state or input that an argument is; empty if it has none.
llvm::StringRef argumentName(mlir::BlockArgument argument, llvm::StringRef kind);

// How an argument is to lie: its `cleave.axes`, or whole.
llvm::SmallVector<AxisPlacement, 4> argumentAxes(mlir::func::FuncOp function, unsigned index, size_t axes);
void setArgumentAxes(mlir::func::FuncOp function, unsigned index, llvm::ArrayRef<AxisPlacement> axes, llvm::StringRef reason);

// Bytes of a whole value.
double bytesOf(mlir::Value value);

// Whether the compiler chooses placements (--strategy rules), or takes only what pins ask for.
bool choosesPlacements(mlir::ModuleOp module);

// Whether a user has pinned the argument along the axis.
bool isPinned(mlir::BlockArgument argument, size_t axis);

// Puts a pin right behind `value`, with its marks; the value's users stay as they are.
PinOp pinBehind(mlir::Value value, llvm::ArrayRef<mlir::Attribute> axisNames, llvm::ArrayRef<AxisPlacement> placements,
                llvm::StringRef reason);

// "forward" where an op says nothing.
llvm::StringRef phaseOf(mlir::Operation *op);

// Name of an op; its kind, if it has none.
std::string nameOf(mlir::Operation *op);

// Name of the op that makes a value (with ":1" and so on for results behind the first), or of the parameter, state or input
// that it is; inside a region, of what its argument stands for. Empty where nothing has a name.
std::string nameOf(mlir::Value value);

// Rules of ops, made once.
class Rules {
 public:
  const ShardingRule &of(mlir::Operation *op);
  void forget(mlir::Operation *op) { rules_.erase(op); }

 private:
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<ShardingRule>> rules_;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_MODULE_VIEW_H
