// Cuts products of matrices and the collectives beside them into chunks: one moves while another is computed.
//
//   %g = all_gather %x       -->    %x0 = slice %x    %g0 = all_gather %x0    %y0 = matmul %g0, %w
//   %y = matmul %g, %w              %x1 = slice %x    %g1 = all_gather %x1    %y1 = matmul %g1, %w
//                                   %y = concat %y0, %y1
//
// and in the same way a matmul and the reduction of its result, or both at once.

#include "mlir/Analysis/TopologicalSortUtils.h"
#include "passes/figures.h"
#include "passes/partition/chunk_price.h"
#include "passes/partition/chunk_strip.h"
#include "passes/passes.h"
#include "passes/schedule/entry_program.h"

namespace cleave {
#define GEN_PASS_DEF_CHUNKCOLLECTIVESPASS
#include "passes/passes.h.inc"

namespace {

using mlir::Operation;
using mlir::Value;

constexpr int64_t kCounts[] = {2, 4};
constexpr double kWorthwhile = 0.98;  // of the time of the whole strip

struct ChunkPlan {
  Strip strip;
  int64_t count = 1;
  PricedStrip priced;
  double seconds = 0, wholeSeconds = 0;  // beside other work
};

// Chooses strips and their chunks. Changes nothing.
class Chooser {
 public:
  Chooser(const Machine &machine, ShardTable &table, bool isForced, mlir::func::FuncOp entry)
      : machine_(machine), table_(table), isForced_(isForced), entry_(entry), finder_(table.mesh(), rules_),
        other_(entry, table, machine) {}

  std::vector<ChunkPlan> run() {
    std::vector<ChunkPlan> chosen;
    for (Operation &op : entry_.getBody().front().without_terminator()) {
      if (!finder_.isSeed(&op) || onlyUpdatesWaitFor(&op)) continue;
      std::string whyNot;
      std::optional<ChunkPlan> plan = cheapest(&op, whyNot);
      auto remark = mlir::emitRemark(op.getLoc()) << "chunked-matmul: ";
      if (!plan) {
        remark << "requires a dimension that can be cut, got " << whyNot << ", left whole";
        continue;
      }
      const unsigned dim = plan->strip.modeOf(op.getResult(0))->dim;
      const bool isColumns = dim + 1 == mlir::cast<mlir::RankedTensorType>(op.getResult(0).getType()).getRank();
      remark << plan->count << " chunks of " << (isColumns ? "columns" : "rows") << " (dimension " << dim << ") of "
             << plan->strip.members.size() << " ops take " << inMicroseconds(plan->seconds) << " instead of "
             << inMicroseconds(plan->wholeSeconds);
      if (!isForced_ && plan->seconds >= kWorthwhile * plan->wholeSeconds) {
        remark << ": too little, left whole";
        continue;
      }
      finder_.take(plan->strip);
      other_.use(plan->strip, plan->priced.seconds - plan->priced.busy);
      chosen.push_back(*std::move(plan));
    }
    return chosen;
  }

 private:
  // They are reduced in buckets.
  static bool onlyUpdatesWaitFor(Operation *op) {
    return llvm::all_of(op->getUsers(), [](Operation *user) {
      const bool passesOn = mlir::isa<CollectiveOpInterface>(user) || isView(user);
      return phaseOf(user) == "update" || (passesOn && !user->use_empty() && onlyUpdatesWaitFor(user));
    });
  }

  // The one that gains most; for none, all reasons.
  std::optional<ChunkPlan> cheapest(Operation *collective, std::string &whyNot) {
    std::optional<ChunkPlan> best;
    const auto type = mlir::cast<mlir::RankedTensorType>(collective->getResult(0).getType());
    for (unsigned dim = 0; dim < type.getRank(); ++dim) {
      std::string reason;
      const std::optional<Strip> strip = finder_.around(collective, dim, reason);
      if (!strip) {
        whyNot += (dim ? "; dimension " : "dimension ") + std::to_string(dim) + " " + reason;
        continue;
      }
      consider(*strip, best);
      if (const auto longer = finder_.extended(*strip)) consider(*longer, best);
    }
    return best;
  }

  void consider(const Strip &strip, std::optional<ChunkPlan> &best) {
    const double other = other_.seconds(strip);
    const double whole = priceStrip(strip, 1, table_, machine_).secondsBeside(other);
    for (const int64_t count : kCounts) {
      if (!strip.divides(count)) continue;
      ChunkPlan plan{strip, count, priceStrip(strip, count, table_, machine_), 0, whole};
      plan.seconds = plan.priced.secondsBeside(other);
      if (!best || plan.seconds - plan.wholeSeconds < best->seconds - best->wholeSeconds) best = std::move(plan);
    }
  }

  const Machine &machine_;
  ShardTable &table_;
  const bool isForced_;
  mlir::func::FuncOp entry_;
  Rules rules_;
  StripFinder finder_;
  OtherWork other_;
};

// Writes one strip in chunks.
class ChunkWriter {
 public:
  explicit ChunkWriter(const ChunkPlan &plan)
      : plan_(plan), members_(plan.strip.members), b_(members_.back().op), chunks_(size_t(plan.count)) {}

  void run() {
    for (const Piece &piece : plan_.priced.pieces) {
      switch (piece.kind) {
        case Piece::Kind::kSlice: slice(piece); break;
        case Piece::Kind::kOp: op(piece); break;
        case Piece::Kind::kConcat: concat(piece); break;
      }
    }
    for (auto [value, whole] : wholes_)
      value.replaceUsesWithIf(whole, [&](mlir::OpOperand &use) { return !plan_.strip.contains(use.getOwner()); });
    for (const Strip::Member &member : llvm::reverse(members_)) member.op->erase();
  }

 private:
  using Key = std::pair<Value, unsigned>;  // a value and the dimension that is cut

  static void mark(Operation *like, Operation *op, const std::string &name) {
    copyMarks(like, op);
    op->setAttr(CleaveDialect::kName, mlir::StringAttr::get(op->getContext(), name));
  }

  void slice(const Piece &piece) {
    const Strip::Member &member = members_[piece.member];
    const Value operand = member.op->getOperand(piece.value);
    const AxisPlacement &mode = member.modes[piece.value];
    const mlir::RankedTensorType part = chunkOf(operand.getType(), mode, plan_.count);
    const int64_t start = piece.chunk * part.getDimSize(mode.dim);
    const Value value = sliceLike(b_, member.op->getLoc(), operand, part, mode.dim, start);
    mlir::cast<mlir::OpResult>(value).setType(part);
    mark(member.op, value.getDefiningOp(),
         nameOf(member.op) + "/slice" + std::to_string(piece.value) + "/" + std::to_string(piece.chunk));
    chunks_[size_t(piece.chunk)][Key(operand, mode.dim)] = value;
  }

  void op(const Piece &piece) {
    const Strip::Member &member = members_[piece.member];
    auto &known = chunks_[size_t(piece.chunk)];
    Operation *copy = b_.clone(*member.op);
    for (auto [i, operand] : llvm::enumerate(member.op->getOperands()))
      if (member.modes[i].isSplit()) copy->setOperand(unsigned(i), known.lookup(Key(operand, member.modes[i].dim)));
    for (mlir::OpResult result : copy->getResults()) {
      const AxisPlacement &mode = member.resultMode(result.getResultNumber());
      result.setType(chunkOf(result.getType(), mode, plan_.count));
      known[Key(member.op->getResult(result.getResultNumber()), mode.dim)] = result;
    }
    mark(member.op, copy, nameOf(member.op) + "/chunk" + std::to_string(piece.chunk));
    if (auto tensorOp = mlir::dyn_cast<TensorOpInterface>(copy))
      (void)tensorOp.enterSlice(b_, member.op);  // the strip's finder has tried it
  }

  void concat(const Piece &piece) {
    Operation *maker = members_[piece.member].op;
    const Value value = maker->getResult(piece.value);
    const unsigned dim = members_[piece.member].resultMode(piece.value).dim;
    llvm::SmallVector<Value> parts;
    for (auto &known : chunks_) parts.push_back(known.lookup(Key(value, dim)));
    auto whole = ConcatOp::create(b_, maker->getLoc(), parts, int64_t(dim));
    whole.getResult().setType(mlir::cast<mlir::RankedTensorType>(value.getType()));
    mark(maker, whole, nameOf(maker) + (piece.value ? ":" + std::to_string(piece.value) : ""));
    wholes_.push_back({value, whole});
  }

  const ChunkPlan &plan_;
  const std::vector<Strip::Member> &members_;
  mlir::OpBuilder b_;
  std::vector<llvm::DenseMap<Key, Value>> chunks_;  // by chunk
  llvm::SmallVector<std::pair<Value, Value>> wholes_;
};

struct ChunkCollectivesPass : impl::ChunkCollectivesPassBase<ChunkCollectivesPass> {
  void runOnOperation() final {
    const bool isForced = forcesOverlap(getOperation(), "chunked-matmul");
    if (!isForced && !getOperation()->hasAttr(kChunks)) return;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(machine)) return signalPassFailure();
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) {
      const std::vector<ChunkPlan> plans = Chooser(*machine, *table, isForced, entry).run();
      for (const ChunkPlan &plan : plans) ChunkWriter(plan).run();
      if (!plans.empty()) mlir::sortTopologically(&entry.getBody().front());
    }
  }
};

}  // namespace
}  // namespace cleave
