// What ops and collectives of a placed program cost: asks the ops, then the machine.

#ifndef CLEAVE_PASSES_COST_OP_COST_H
#define CLEAVE_PASSES_COST_OP_COST_H

#include "ir/cleave.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/cost/machine.h"
#include "passes/schedule/shard_table.h"

namespace cleave {

// Of the module: what it will run on, a string with the name of a shipped cluster or a cluster in text form.
inline constexpr llvm::StringLiteral kCluster = "cleave.cluster";
// Of the module: the speed of axes' links, a dictionary such as {model = "1GB/s,50us"}.
inline constexpr llvm::StringLiteral kLinks = "cleave.links";

// The machine that the module is compiled for: the default one where it names none. Fails, with a diagnostic, where the
// attributes are malformed.
mlir::FailureOr<Machine> machineOf(mlir::ModuleOp module, MeshOp mesh);

// Products of matrices, attention, and their gradients: operands share an index that a result lacks, and no value spans
// the whole space that is summed over. (In a reduction, or a norm's gradient, the operand does.)
bool multipliesMatrices(const ShardingRule &rule);

// The whole op, and parts of it.
class OpWork {
 public:
  // Holds no reference to `rule`.
  OpWork(TensorOpInterface op, const ShardingRule &rule);

  // On a device that does `share` of the op's arithmetic and holds so many elements of each operand, then each result.
  Work part(double share, llvm::ArrayRef<double> elements) const;

  llvm::ArrayRef<double> wholeElements() const { return elements_; }

 private:
  absl::string_view kernel_;  // empty: a view
  double flops_ = 0, depth_ = 0;
  bool multipliesMatrices_ = false, drawsRandom_ = false;
  absl::string_view dtype_ = "f32";
  llvm::SmallVector<double, 8> elements_, elementBytes_;  // by operand, then result
  llvm::SmallVector<bool, 8> isPicked_;                   // only as much is touched as the largest other value holds
};

// What a rank does in a task: an op's shard, or a step of a reshard that moves nothing between devices.
Work workOf(mlir::Operation *op, size_t rank, ShardTable &table);

// What it takes on the rank where it takes longest: the others wait for it sooner or later.
double slowestSeconds(mlir::Operation *op, ShardTable &table, const Machine &machine);

// The same for one of `count` slices in time: it does its share of the arithmetic, and holds its share of the values
// that are cut (by operand, then result).
double slowestSeconds(mlir::Operation *op, llvm::ArrayRef<bool> isCut, double count, ShardTable &table,
                      const Machine &machine);

// A collective that moves bytes, by the largest shard.
TransferCost transferCost(mlir::Operation *collective, ShardTable &table, const Machine &machine);

// The kernel of a step of a reshard that moves nothing between devices.
llvm::StringRef localStepKernel(mlir::Operation *op);

// What runs an op or a step of a reshard: a kernel's name, or the kind of collective. Empty: a view.
std::string kernelOf(mlir::Operation *op);

// What one device's operands hold (its results where shares become a whole), the largest over ranks.
int64_t collectiveBytes(mlir::Operation *collective, ShardTable &table);

// What a member of it sends.
double sentBytes(mlir::Operation *collective, ShardTable &table);

// What it does between devices.
TransferKind transferOf(mlir::Operation *collective);

}  // namespace cleave

#endif  // CLEAVE_PASSES_COST_OP_COST_H
