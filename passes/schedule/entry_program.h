// An entry of the module as the tasks and registers that its ranks will run: what memory planning, the proofs and the
// emitter have in common. All rank classes share it; they differ in sizes and offsets.

#ifndef CLEAVE_PASSES_SCHEDULE_ENTRY_PROGRAM_H
#define CLEAVE_PASSES_SCHEDULE_ENTRY_PROGRAM_H

#include <string>
#include <vector>

#include "ir/cleave.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/module_view.h"

namespace cleave {

// Attributes that the phase leaves.
inline constexpr llvm::StringLiteral kStream = "cleave.stream";    // of an op: i64, see Stream
inline constexpr llvm::StringLiteral kAfter = "cleave.after";      // of an op: the name of one that must have ended first
inline constexpr llvm::StringLiteral kTurn = "cleave.turn";        // of an op that computes: the name of one in front
inline constexpr llvm::StringLiteral kOffsets =
    "cleave.offsets";  // where values lie in a device's memory, by rank class
inline constexpr llvm::StringLiteral kMemory = "cleave.memory";    // of the module: what each rank class needs

enum Stream : int { kCompute = 0, kCommunicate = 1 };
inline constexpr int kStreams = 2;
inline constexpr const char *kStreamNames[kStreams] = {"compute", "communicate"};

// Parameters and optimizer state: one for all entries.
struct ModuleVariable {
  std::string name;
  bool isState = false;
  bool isTrainable = true;
  mlir::Type type;
  std::string parameter;  // that a state belongs to
  double fill = 0;        // that a state starts with
};

class ModuleVariables {
 public:
  // Fails, with a diagnostic, where two entries don't agree on one.
  static mlir::FailureOr<ModuleVariables> of(mlir::ModuleOp module);

  const std::vector<ModuleVariable> &all() const { return all_; }
  int find(llvm::StringRef name) const;  // -1 if there is none
  // The variable that an argument is, or that a result replaces; -1: neither.
  int ofArgument(mlir::func::FuncOp entry, unsigned argument) const;
  int ofResult(mlir::func::FuncOp entry, unsigned result) const;

 private:
  mlir::LogicalResult add(mlir::func::FuncOp entry, ModuleVariable variable);

  std::vector<ModuleVariable> all_;
  llvm::StringMap<int> byName_;
};

// Bytes that are not worth an op's place.
inline constexpr int64_t kNegligible = 1024;

// The op only renames its operands' bytes, or some of them in a row: it gives no task. Result i shows viewedBy(i).
bool isView(mlir::Operation *op);
mlir::Value viewedBy(mlir::OpResult view);

// The value whose bytes `value` shows: itself, or what a view shows.
mlir::Value shownBy(mlir::Value value);

// How many devices meet in a collective of `op`.
int64_t groupSize(CollectiveOpInterface op);

// A collective between two or more devices.
bool movesBytes(mlir::Operation *op);

// The stream that an op runs on: what it is marked with, or what it will be.
Stream streamOf(mlir::Operation *op);

// The operand whose bytes the result of a task may take, or -1: an op's own say, or an all_reduce and its like.
int inPlaceOperand(mlir::Operation *op, unsigned result);

// A device's share of a variable that is updated in place before all shares are gathered:
//
//   %s = local_slice %p    %t = adamw %s, ...    %q = all_gather %t, which replaces %p
//
// Null unless `replacement` is such a %q for `old`; else the result %t, which may lie in the bytes of %s.
mlir::OpResult shareUpdatedInPlace(mlir::Value replacement, mlir::Value old);

struct EntryProgram {
  struct Register {
    mlir::Value value;
    int viewOf = -1;    // the register whose bytes it shows, or some of them; never itself a view
    int variable = -1;  // in ModuleVariables
    bool isInput = false, isOutput = false;
  };
  struct Task {
    mlir::Operation *op;
    int stream = kCompute;
    llvm::SmallVector<int, 4> reads, writes;  // registers
    llvm::SmallVector<int, 2> after;          // tasks before in the order that must have ended first
  };

  int rootOf(int held) const { return registers[held].viewOf < 0 ? held : registers[held].viewOf; }

  std::vector<Register> registers;
  std::vector<Task> tasks;  // in the order of the function
  llvm::DenseMap<mlir::Value, int> registerOf;
};

// Fails, with a diagnostic, where the function is not as order-ops leaves it: a result that replaces a variable is the
// variable itself, or the direct result of an op that may write over it.
mlir::FailureOr<EntryProgram> buildEntryProgram(mlir::func::FuncOp entry, const ModuleVariables &variables);

}  // namespace cleave

#endif  // CLEAVE_PASSES_SCHEDULE_ENTRY_PROGRAM_H
