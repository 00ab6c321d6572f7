// Runs forward and backward of an entry on microbatches: one slice of the batch after the other.
//
//   %y = cleave.matmul %x, %w            -->   %dw = cleave.chunked 2 (%x', %w) [S(0), B] -> [P(sum)] {
//   %dy = ...                                    %a = cleave.reshape %part
//   %dw = cleave.outer %x, %dy                   %y = cleave.matmul %a, %w
//   %w' = cleave.sgd %w, %dw                     ...
//                                              }
//                                              %w' = cleave.sgd %w, %dw

#include "llvm/ADT/SetVector.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "passes/module_view.h"
#include "passes/passes.h"
#include "passes/place/time_slicer.h"

namespace cleave {
#define GEN_PASS_DEF_CHUNKBATCHPASS
#include "passes/passes.h.inc"

namespace {

using mlir::Operation;
using mlir::Value;

// Puts one chunked op in the place of what an entry does before the update. What does not depend on the batch stays
// outside.
class BatchChunker {
 public:
  // Of microbatches, or of slices that run side by side.
  BatchChunker(mlir::func::FuncOp function, int64_t count)
      : function_(function), entry_(function.front()), count_(count), b_(function.getContext()), slicer_(b_, count) {}

  mlir::LogicalResult run();
  // Where the program can't be sliced it stays as it is, with a remark.
  void runIfPossible();

 private:
  // A value that the region reads, and how.
  struct Input {
    Value value;
    AxisPlacement mode;
  };

  mlir::LogicalResult findData();
  std::optional<TimeSlicer::Obstacle> writeSlices();
  mlir::LogicalResult finish();
  mlir::RankedTensorType microbatches(mlir::BlockArgument argument) const;
  void addData(mlir::BlockArgument argument);
  void findResults();
  void hoistSame();
  void captureOthers();
  ChunkedOp writeChunked();
  void eraseSliced();
  void reshapeData(ChunkedOp chunked);

  mlir::func::FuncOp function_;
  mlir::Block &entry_;
  const int64_t count_;
  mlir::OpBuilder b_;
  TimeSlicer slicer_;
  mlir::Region region_;  // of the chunked op, until there is one
  mlir::Block *block_ = nullptr;
  llvm::SmallVector<mlir::BlockArgument> data_;  // arguments that hold the batch
  llvm::SmallVector<Operation *> ops_;           // forward and backward
  llvm::SetVector<Operation *> sliced_;          // those that depend on the batch
  llvm::SmallVector<Input> inputs_;
  llvm::SmallVector<Value> results_;  // values that the update reads
};

mlir::LogicalResult BatchChunker::findData() {
  for (mlir::BlockArgument argument : entry_.getArguments()) {
    const auto dim = function_.getArgAttrOfType<mlir::IntegerAttr>(argument.getArgNumber(), CleaveDialect::kBatchDim);
    if (!dim) continue;
    if (dim.getInt() != 0)
      return function_.emitError("requires ") << CleaveDialect::kBatchDim << " = 0 of what is run in microbatches, got "
                                              << dim.getInt() << " for input \"" << nameOf(Value(argument)) << '"';
    const int64_t batch = mlir::cast<mlir::RankedTensorType>(argument.getType()).getDimSize(0);
    if (batch % count_ != 0)
      return function_.emitError("requires microbatches that divide the batch, got ")
             << count_ << " for input \"" << nameOf(Value(argument)) << "\" of batch " << batch;
    data_.push_back(argument);
  }
  return mlir::success();
}

// Microbatches are a dimension of their own, so that each of them can split over devices.
mlir::RankedTensorType BatchChunker::microbatches(mlir::BlockArgument argument) const {
  auto type = mlir::cast<mlir::RankedTensorType>(argument.getType());
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape[0] /= count_;
  shape.insert(shape.begin(), count_);
  return mlir::RankedTensorType::get(shape, type.getElementType());
}

void BatchChunker::addData(mlir::BlockArgument argument) {
  if (argument.use_empty()) return;
  const auto all = microbatches(argument);
  llvm::SmallVector<int64_t> shape(all.getShape());
  shape[0] = 1;
  const auto one = mlir::RankedTensorType::get(shape, all.getElementType());
  const auto examples = mlir::RankedTensorType::get(one.getShape().drop_front(), one.getElementType());
  auto slice = ReshapeOp::create(b_, argument.getLoc(), examples, block_->addArgument(one, argument.getLoc()));
  slice->setAttr(CleaveDialect::kName, b_.getStringAttr(nameOf(Value(argument)) + ".microbatch"));
  slice->setAttr(CleaveDialect::kPhase, b_.getStringAttr("forward"));
  inputs_.push_back({argument, AxisPlacement::split(0)});
  slicer_.setInput(argument, {AxisPlacement::split(0), slice});
}

// Whatever is read outside: each run has its slice of it or its term.
void BatchChunker::findResults() {
  for (Operation *op : ops_)
    if (!slicer_.isSame(op)) sliced_.insert(op);
  for (Operation *op : sliced_)
    for (Value result : op->getResults())
      if (llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !sliced_.contains(entry_.findAncestorOpInBlock(*user)); }))
        results_.push_back(result);
}

// A slice of what does not depend on the batch is often the same in each run: a constant, a value that is repeated.
void BatchChunker::hoistSame() {
  for (Operation &op : llvm::make_early_inc_range(*block_)) {
    const bool isFromOutside =
        llvm::none_of(op.getOperands(), [&](Value operand) { return operand.getParentBlock() == block_; });
    auto tensorOp = mlir::dyn_cast<TensorOpInterface>(op);
    if (tensorOp && isFromOutside && !drawsByRun(tensorOp)) op.moveBefore(entry_.getTerminator());
  }
}

// What the region reads from outside comes in through arguments.
void BatchChunker::captureOthers() {
  llvm::DenseMap<Value, Value> arguments;
  for (Operation &op : *block_)
    for (mlir::OpOperand &operand : op.getOpOperands()) {
      Value value = operand.get();
      if (value.getParentBlock() == block_) continue;
      Value &argument = arguments[value];
      if (!argument) {
        argument = block_->addArgument(value.getType(), value.getLoc());
        inputs_.push_back({value, AxisPlacement::broadcast()});
      }
      operand.set(argument);
    }
}

ChunkedOp BatchChunker::writeChunked() {
  llvm::SmallVector<Value> inputs;
  llvm::SmallVector<mlir::Type> types;
  llvm::SmallVector<AxisPlacement> inputModes, resultModes;
  for (const Input &input : inputs_) {
    inputs.push_back(input.value);
    inputModes.push_back(input.mode);
  }
  for (Value result : results_) {
    const AxisPlacement mode = slicer_.sliceOf(result).mode;
    types.push_back(result.getType());
    resultModes.push_back(mode.isSplit() ? AxisPlacement::split(mode.dim) : mode);
  }
  b_.setInsertionPoint(entry_.getTerminator());
  auto chunked =
      ChunkedOp::create(b_, function_.getLoc(), types, inputs, count_, AxesAttr::get(b_.getContext(), inputModes),
                        AxesAttr::get(b_.getContext(), resultModes));
  chunked->setAttr(CleaveDialect::kName, b_.getStringAttr("microbatches"));
  chunked.getBody().takeBody(region_);
  for (auto [whole, result] : llvm::zip(results_, chunked.getResults())) whole.replaceAllUsesWith(result);
  return chunked;
}

// Also what was only there to be sliced.
void BatchChunker::eraseSliced() {
  for (Operation *op : llvm::reverse(ops_))
    if (sliced_.contains(op) || op->use_empty()) op->erase();
}

void BatchChunker::reshapeData(ChunkedOp chunked) {
  llvm::SmallVector<mlir::Type> types(function_.getArgumentTypes());
  for (mlir::BlockArgument argument : data_) {
    const mlir::Type whole = argument.getType();
    argument.setType(microbatches(argument));
    types[argument.getArgNumber()] = argument.getType();
    function_.setArgAttr(argument.getArgNumber(), CleaveDialect::kBatchDim, b_.getI64IntegerAttr(1));
    if (llvm::all_of(argument.getUsers(), [&](Operation *user) { return user == chunked; })) continue;
    b_.setInsertionPointToStart(&entry_);
    auto batch = ReshapeOp::create(b_, argument.getLoc(), whole, argument);
    batch->setAttr(CleaveDialect::kName, b_.getStringAttr(nameOf(Value(argument)) + ".batch"));
    batch->setAttr(CleaveDialect::kPhase, b_.getStringAttr("update"));
    argument.replaceUsesWithIf(
        batch, [&](mlir::OpOperand &use) { return use.getOwner() != chunked && use.getOwner() != batch; });
  }
  function_.setFunctionType(mlir::FunctionType::get(b_.getContext(), types, function_.getResultTypes()));
}

std::optional<TimeSlicer::Obstacle> BatchChunker::writeSlices() {
  block_ = b_.createBlock(&region_);
  for (mlir::BlockArgument argument : data_) addData(argument);
  for (Operation &op : entry_.without_terminator())
    if (phaseOf(&op) != "update") ops_.push_back(&op);
  return slicer_.write(ops_);
}

mlir::LogicalResult BatchChunker::run() {
  if (failed(findData())) return mlir::failure();
  if (const auto obstacle = writeSlices())
    return obstacle->op->emitOpError("can't run on microbatches: ") << obstacle->reason;
  return finish();
}

void BatchChunker::runIfPossible() {
  const bool divides = llvm::all_of(entry_.getArguments(), [&](mlir::BlockArgument argument) {
    const bool isData = function_.getArgAttr(argument.getArgNumber(), CleaveDialect::kBatchDim) != nullptr;
    return !isData || mlir::cast<mlir::RankedTensorType>(argument.getType()).getDimSize(0) % count_ == 0;
  });
  if (!divides || failed(findData())) {
    mlir::emitRemark(function_.getLoc()) << "slicing: requires a batch that " << count_ << " divides, left as it is";
    return;
  }
  if (const auto obstacle = writeSlices()) {
    obstacle->op->emitRemark("slicing: ") << obstacle->reason << ", left as it is";
    return;
  }
  (void)finish();
}

mlir::LogicalResult BatchChunker::finish() {
  findResults();
  llvm::SmallVector<Value> yielded;
  for (Value result : results_) yielded.push_back(slicer_.sliceOf(result).value);
  YieldOp::create(b_, function_.getLoc(), yielded);
  slicer_.eraseUnused();
  hoistSame();
  captureOthers();
  ChunkedOp chunked = writeChunked();
  eraseSliced();
  reshapeData(chunked);
  if (!mlir::sortTopologically(&entry_))
    return function_.emitError("requires that what runs on microbatches reads nothing that is made of their results");
  return mlir::success();
}

struct ChunkBatchPass : impl::ChunkBatchPassBase<ChunkBatchPass> {
  void runOnOperation() final {
    const auto slices = getOperation()->getAttrOfType<mlir::IntegerAttr>(kSlices);
    for (auto function : getOperation().getOps<mlir::func::FuncOp>())
      if (failed(chunk(function, slices ? slices.getInt() : 1))) return signalPassFailure();
  }

  // Microbatches are slices already.
  static mlir::LogicalResult chunk(mlir::func::FuncOp function, int64_t slices) {
    const mlir::Attribute mark = function->removeAttr(kMicrobatches);
    if (!mark) {
      if (slices > 1 && function.getName() == "step") BatchChunker(function, slices).runIfPossible();
      return mlir::success();
    }
    auto count = mlir::dyn_cast<mlir::IntegerAttr>(mark);
    if (!count || count.getInt() < 1)
      return function.emitError("requires at least 1 as ") << kMicrobatches << ", got " << mark;
    return BatchChunker(function, count.getInt()).run();
  }
};

}  // namespace
}  // namespace cleave
