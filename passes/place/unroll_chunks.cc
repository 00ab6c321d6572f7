// Writes a chunked region out, once for each slice.
//
//   %s = cleave.chunked 2 (%x) [S(0)] -> [P(sum)] {     -->   %a0 = cleave.slice %x [0, 4)
//     %t = cleave.sum_squares %a                              %t0 = cleave.sum_squares %a0
//     cleave.yield %t                                         %a1 = cleave.slice %x [4, 8)
//   }                                                         %t1 = cleave.sum_squares %a1
//                                                             %s  = cleave.add %t0, %t1

#include "ir/cleave.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/module_view.h"
#include "passes/passes.h"

namespace cleave {
#define GEN_PASS_DEF_UNROLLCHUNKSPASS
#include "passes/passes.h.inc"

namespace {

using mlir::Operation;
using mlir::Value;

std::string numbered(llvm::StringRef name, int64_t index) { return name.str() + "/" + std::to_string(index); }

void markName(Operation *op, const std::string &name) {
  op->setAttr(CleaveDialect::kName, mlir::StringAttr::get(op->getContext(), name));
}

// Writes out one chunked op and those inside it.
class Unroller {
 public:
  // `outer` counts the runs of regions around the op that come before this one.
  Unroller(ChunkedOp op, int64_t outer)
      : op_(op), block_(op.getBody().front()), yield_(mlir::cast<YieldOp>(block_.back())), outer_(outer), b_(op),
        runs_(op.getNumResults()), sums_(op.getNumResults()) {
    for (auto [i, value] : llvm::enumerate(yield_.getValues())) yielded_[value].push_back(i);
  }

  // Sums that may take over the bytes of what they add to.
  llvm::ArrayRef<Operation *> run() {
    for (int64_t index = 0; index < int64_t(op_.getCount()); ++index) writeRun(index);
    for (auto [i, result] : llvm::enumerate(op_.getResults())) result.replaceAllUsesWith(finish(i));
    op_->erase();
    return added_;
  }

 private:
  const AxisPlacement &resultMode(size_t i) { return op_.getResultModes().getAxes()[i]; }

  Value slice(size_t operand, int64_t index) {
    const Value input = op_.getInputs()[operand];
    const AxisPlacement &mode = op_.getOperandModes().getAxes()[operand];
    if (!mode.isSplit()) return input;
    const mlir::Type part = block_.getArgument(operand).getType();
    const int64_t extent = mlir::cast<mlir::RankedTensorType>(part).getDimSize(mode.dim);
    const Value value = sliceLike(b_, op_.getLoc(), input, part, mode.dim, index * extent);
    markName(value.getDefiningOp(), numbered(nameOf(input).empty() ? "slice" : nameOf(input), index));
    value.getDefiningOp()->setAttr(CleaveDialect::kPhase, b_.getStringAttr("forward"));
    return value;
  }

  // Results are added as soon as they are there, so that few of them live at a time.
  void writeRun(int64_t index) {
    mlir::IRMapping map;
    for (size_t i = 0; i < op_.getInputs().size(); ++i) map.map(block_.getArgument(i), slice(i, index));
    for (Operation &op : block_.without_terminator()) {
      Operation *copy = b_.clone(op, map);
      enterChunk(copy, index);
      if (auto inner = mlir::dyn_cast<ChunkedOp>(copy)) {
        // Its results are replaced, so they are read through a value that stays.
        unrollInner(inner, &op, map, outer_ * op_.getCount() + index);
      }
      for (Value result : op.getResults()) addWhereYielded(result, map.lookup(result), index);
    }
    for (auto [i, value] : llvm::enumerate(yield_.getValues()))
      if (!value.getDefiningOp() || value.getDefiningOp()->getBlock() != &block_)
        add(i, map.lookupOrDefault(value), index);
  }

  void enterChunk(Operation *copy, int64_t index) {
    copy->walk([&](Operation *op) {
      if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op)) tensorOp.enterChunk(outer_ * op_.getCount() + index);
      if (auto name = op->getAttrOfType<mlir::StringAttr>(CleaveDialect::kName))
        markName(op, numbered(name.getValue(), index));
    });
  }

  void unrollInner(ChunkedOp inner, Operation *original, mlir::IRMapping &map, int64_t outer) {
    Unroller unroller(inner, outer);
    llvm::append_range(added_, unroller.run());
    for (auto [i, result] : llvm::enumerate(original->getResults())) map.map(result, unroller.finished_[i]);
  }

  void addWhereYielded(Value original, Value copy, int64_t index) {
    if (auto found = yielded_.find(original); found != yielded_.end())
      for (size_t i : found->second) add(i, copy, index);
  }

  void add(size_t i, Value value, int64_t index) {
    runs_[i].push_back(value);
    if (resultMode(i).isSplit()) return;
    if (index == 0) {
      sums_[i] = value;
      return;
    }
    const mlir::Location loc = yield_.getValues()[i].getLoc();
    switch (resultMode(i).combiner) {
      case Combiner::Sum: sums_[i] = AddOp::create(b_, loc, sums_[i], value); break;
      case Combiner::Max: sums_[i] = MaximumOp::create(b_, loc, sums_[i], value); break;
      case Combiner::Min: sums_[i] = MinimumOp::create(b_, loc, sums_[i], value); break;
    }
    mark(i, sums_[i].getDefiningOp(), index + 1 == int64_t(op_.getCount()) ? "" : "/sum_to/" + std::to_string(index));
    added_.push_back(sums_[i].getDefiningOp());
  }

  Value finish(size_t i) {
    Value value = sums_[i];
    if (resultMode(i).isSplit()) {
      value = ConcatOp::create(b_, op_.getLoc(), runs_[i], resultMode(i).dim);
      mark(i, value.getDefiningOp(), "");
    }
    finished_.push_back(value);
    return value;
  }

  // Marks of the op that made what the region yields.
  void mark(size_t i, Operation *op, llvm::StringRef suffix) {
    const Value yielded = yield_.getValues()[i];
    if (Operation *maker = yielded.getDefiningOp()) copyMarks(maker, op);
    if (const std::string name = nameOf(yielded); !name.empty()) markName(op, name + suffix.str());
  }

  ChunkedOp op_;
  mlir::Block &block_;
  YieldOp yield_;
  const int64_t outer_;
  mlir::OpBuilder b_;
  llvm::DenseMap<Value, llvm::SmallVector<size_t, 1>> yielded_;  // results by what the region yields
  std::vector<llvm::SmallVector<Value>> runs_;  // by result: what each run yielded
  std::vector<Value> sums_;                     // by result: the sum so far
  llvm::SmallVector<Value> finished_;
  llvm::SmallVector<Operation *> added_;
};

struct UnrollChunksPass : impl::UnrollChunksPassBase<UnrollChunksPass> {
  void runOnOperation() final {
    // From the outside: an inner op is written out with each copy of the outer one.
    llvm::SmallVector<ChunkedOp> outermost;
    getOperation()->walk<mlir::WalkOrder::PreOrder>([&](ChunkedOp op) {
      outermost.push_back(op);
      return mlir::WalkResult::skip();
    });
    mlir::RewritePatternSet patterns(&getContext());
    AddOp::getCanonicalizationPatterns(patterns, &getContext());
    const mlir::FrozenRewritePatternSet accumulate(std::move(patterns));
    for (ChunkedOp op : outermost) {
      const llvm::SmallVector<Operation *> added(Unroller(op, /*outer=*/0).run());
      (void)mlir::applyOpPatternsGreedily(
          added, accumulate, mlir::GreedyRewriteConfig().setStrictness(mlir::GreedyRewriteStrictness::ExistingOps));
    }
  }
};

}  // namespace
}  // namespace cleave
