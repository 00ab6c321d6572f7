// Which ops run in chunks together with a collective, and how that cuts their values.

#ifndef CLEAVE_PASSES_PARTITION_CHUNK_STRIP_H
#define CLEAVE_PASSES_PARTITION_CHUNK_STRIP_H

#include <optional>
#include <string>
#include <vector>

#include "llvm/ADT/DenseSet.h"
#include "passes/module_view.h"

namespace cleave {

// Ops that follow each other and all work on chunks: at least one collective, and products of matrices beside it.
struct Strip {
  struct Member {
    mlir::Operation *op = nullptr;
    // How operands, then results, lie over the chunks: S(d), each has its share of dimension d, or B, each has all of
    // it. Results are S.
    llvm::SmallVector<AxisPlacement, 4> modes;

    const AxisPlacement &resultMode(unsigned number) const { return modes[op->getNumOperands() + number]; }
  };

  std::vector<Member> members;  // definitions first

  bool contains(mlir::Operation *op) const;
  // How a result of a member lies; none for other values.
  std::optional<AxisPlacement> modeOf(mlir::Value value) const;
  // Whether a value is made from what a member makes, or is it.
  bool isBehind(mlir::Value value) const;
  // Whether each value that is cut gives so many equal chunks.
  bool divides(int64_t count) const;
};

// An equal share of a value's type; null where there is none.
mlir::RankedTensorType chunkOf(mlir::Type type, const AxisPlacement &mode, int64_t count);

// Asks rules which strips there are. Changes nothing.
class StripFinder {
 public:
  StripFinder(MeshOp mesh, Rules &rules) : mesh_(mesh), rules_(rules) {}

  // Its members are in no strip that is found later.
  void take(const Strip &strip);

  // Whether there may be a strip around it: a reduction of what a product of matrices gives, or a gather of what one
  // reads.
  bool isSeed(mlir::Operation *op);

  // The collective with what stands beside it, the value that it moves cut along `dim`. Where there is none, `whyNot`
  // says why.
  std::optional<Strip> around(mlir::Operation *collective, unsigned dim, std::string &whyNot);

  // A strip that goes on to the next reduction, if all that stands between works on chunks.
  std::optional<Strip> extended(const Strip &strip);

 private:
  bool multiplies(mlir::Operation *op);
  std::string obstacleTo(mlir::Value value, const AxisPlacement &mode);
  bool addOp(Strip &strip, mlir::Operation *op, std::optional<unsigned> result, const AxisPlacement &mode);
  bool addStrategy(Strip &strip, TensorOpInterface op, const Strategy &strategy);
  bool addCollective(Strip &strip, mlir::Operation *op, const AxisPlacement &mode);
  bool extend(Strip &strip, mlir::Value value, int depth, llvm::DenseSet<mlir::Value> &dead);

  MeshOp mesh_;
  Rules &rules_;
  llvm::DenseSet<mlir::Operation *> taken_;
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_PARTITION_CHUNK_STRIP_H
