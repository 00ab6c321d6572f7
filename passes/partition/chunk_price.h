// What a strip takes in chunks, and whole.

#ifndef CLEAVE_PASSES_PARTITION_CHUNK_PRICE_H
#define CLEAVE_PASSES_PARTITION_CHUNK_PRICE_H

#include <algorithm>

#include "passes/cost/op_cost.h"
#include "passes/partition/chunk_strip.h"

namespace cleave {

// Part of the work of a strip in chunks.
struct Piece {
  enum class Kind { kSlice, kOp, kConcat };

  Kind kind;
  size_t member = 0;
  unsigned value = 0;  // kSlice: the member's operand, kConcat: its result
  int64_t chunk = 0;   // of a concat: the last
  double start = 0;    // seconds, where computing and transfers run side by side and nothing else does
};

struct PricedStrip {
  std::vector<Piece> pieces;  // by start, and definitions first
  double seconds = 0;         // until all is over
  double busy = 0;            // of these, those in which the device computes or copies

  // Where other work fills the rest, as far as it goes.
  double secondsBeside(double other) const { return busy + std::max(0.0, seconds - busy - other); }
};

// One chunk is the strip as it is. Whoever reads a member's result and is none gets the chunks joined, which is a copy,
// and so is each chunk of a value from outside.
PricedStrip priceStrip(const Strip &strip, int64_t count, ShardTable &table, const Machine &machine);

// Work that may run while a strip waits for its transfers: of its layer and phase, and neither before nor behind it.
// What one strip counts on is not there for the next.
class OtherWork {
 public:
  OtherWork(mlir::func::FuncOp entry, ShardTable &table, const Machine &machine);

  double seconds(const Strip &strip) const { return secondsOf(opsBeside(strip)); }
  void use(const Strip &strip, double seconds);

 private:
  using Place = std::pair<mlir::StringRef, mlir::Attribute>;  // phase and layer

  llvm::SmallVector<mlir::Operation *> opsBeside(const Strip &strip) const;
  double secondsOf(llvm::ArrayRef<mlir::Operation *> ops) const;

  llvm::DenseMap<Place, llvm::SmallVector<mlir::Operation *>> places_;
  llvm::DenseMap<mlir::Operation *, double> left_;  // seconds that no strip counts on yet
};

}  // namespace cleave

#endif  // CLEAVE_PASSES_PARTITION_CHUNK_PRICE_H
