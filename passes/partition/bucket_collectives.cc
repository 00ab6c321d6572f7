// Joins collectives that only updates wait for, or that wait for nothing, so that their latency is paid once.
//
//   %1 = all_reduce %dw    -->    %1:2 = bucket "all_reduce"(%dw, %db)
//   %2 = all_reduce %db
//
// Gradients join in the order in which they become ready in the backward pass, and so do gathers of updated parameters.
// One never meets another that it depends on: those of a bucket have equally many in a row before them. Gathers of
// parameters join in the order in which they are read, with those of their layer, which are needed at about the same
// time.

#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "passes/cost/op_cost.h"
#include "passes/figures.h"
#include "passes/module_view.h"
#include "passes/passes.h"
#include "passes/schedule/op_graph.h"

namespace cleave {
#define GEN_PASS_DEF_BUCKETCOLLECTIVESPASS
#include "passes/passes.h.inc"

namespace {

constexpr double kFullAt = 4;         // the time that a full bucket's bytes take, in latencies
constexpr double kForcedBytes = 4e6;  // of a bucket where the machine is not asked
constexpr llvm::StringLiteral kUpdate = "update";

struct Candidate {
  mlir::Operation *op;
  int64_t readyAt = 0;  // the place in the block of the op of the backward pass that it waits for, else its own
};

enum class Purpose { kReduceGradient, kReplaceVariable, kReadParameter };

// What may meet in a bucket: purpose, phase and layer (of gathers of parameters), step, how many candidates it depends
// on one behind the other, axes, element type, and combiner.
using Kind = std::tuple<Purpose, std::string, const void *, std::string, int, std::vector<int64_t>, const void *, int>;

struct Saving {
  int before = 0, after = 0;  // collectives
  double seconds = 0;
};

// Finds what only updates wait for.
class Finder {
 public:
  explicit Finder(mlir::func::FuncOp entry) : entry_(entry), terminator_(entry.getBody().front().getTerminator()) {
    mlir::Block &block = entry.getBody().front();
    for (mlir::Operation &op : llvm::reverse(block.without_terminator())) feedsUpdates_[&op] = isReadByUpdatesOnly(&op);
    int64_t place = 0;
    for (mlir::Operation &op : block.without_terminator()) visit(&op, place++);
    for (auto &[kind, candidates] : all_)
      llvm::stable_sort(candidates, [](const Candidate &a, const Candidate &b) { return a.readyAt < b.readyAt; });
  }

  const std::map<Kind, std::vector<Candidate>> &all() const { return all_; }

 private:
  // Updates, and collectives and views on the way to them; what the host reads is not among them.
  bool isReadByUpdatesOnly(mlir::Operation *op) const {
    return llvm::all_of(op->getUsers(), [&](mlir::Operation *user) {
      if (user == terminator_) return false;
      const bool passesOn = mlir::isa<CollectiveOpInterface>(user) || isView(user);
      return phaseOf(user) == kUpdate || (passesOn && feedsUpdates_.lookup(user));
    });
  }

  bool replacesVariable(mlir::Operation *op) {
    return !op->use_empty() && llvm::all_of(op->getUses(), [&](mlir::OpOperand &use) {
      return use.getOwner() == terminator_ && entry_.getResultAttr(use.getOperandNumber(), CleaveDialect::kUpdates);
    });
  }

  std::optional<Purpose> purposeOf(mlir::Operation *op) {
    if (!movesBytes(op) || op->getNumResults() != 1) return std::nullopt;
    switch (transferOf(op)) {
      case TransferKind::kAllReduce:
      case TransferKind::kReduceScatter:
        if (phaseOf(op) == "backward" && !op->use_empty() && feedsUpdates_.lookup(op)) return Purpose::kReduceGradient;
        return std::nullopt;
      case TransferKind::kAllGather:
        if (replacesVariable(op)) return Purpose::kReplaceVariable;
        if (mlir::isa<mlir::BlockArgument>(op->getOperand(0)) && parameterOf(op->getOperand(0)))
          return Purpose::kReadParameter;
        return std::nullopt;
      default: return std::nullopt;
    }
  }

  void visit(mlir::Operation *op, int64_t place) {
    State &state = states_[op];
    const bool computes = phaseOf(op) != kUpdate && !mlir::isa<CollectiveOpInterface>(op);
    if (computes) state.readyAt = place;
    for (mlir::Value operand : op->getOperands()) {
      const auto before = states_.find(operand.getDefiningOp());
      if (before == states_.end()) continue;
      state.readyAt = std::max(state.readyAt, before->second.readyAt);
      state.depth = std::max(state.depth, before->second.depth);
    }
    const std::optional<Purpose> purpose = purposeOf(op);
    if (!purpose) return;
    const bool waitsForNothing = *purpose == Purpose::kReadParameter;
    all_[kindOf(op, *purpose, state.depth)].push_back({op, waitsForNothing ? place : state.readyAt});
    if (!waitsForNothing) ++state.depth;
  }

  static Kind kindOf(mlir::Operation *op, Purpose purpose, int depth) {
    const bool staysInLayer = purpose == Purpose::kReadParameter;
    auto collective = mlir::cast<CollectiveOpInterface>(op);
    const llvm::ArrayRef<int64_t> axes = collective.alongAxes();
    const AxisPlacement &from = placementOf(op->getOperand(0)).getAxes()[axes.front()];
    return {purpose,
            staysInLayer ? phaseOf(op).str() : "",
            staysInLayer ? op->getAttr(CleaveDialect::kLayer).getAsOpaquePointer() : nullptr,
            collective.stepName().str(),
            depth,
            std::vector<int64_t>(axes.begin(), axes.end()),
            mlir::getElementTypeOrSelf(op->getOperand(0)).getAsOpaquePointer(),
            from.isPartial() ? int(from.combiner) : -1};
  }

  struct State {
    int64_t readyAt = -1;
    int depth = 0;  // candidates before it, one behind the other
  };

  mlir::func::FuncOp entry_;
  mlir::Operation *terminator_;
  llvm::DenseMap<mlir::Operation *, bool> feedsUpdates_;
  llvm::DenseMap<mlir::Operation *, State> states_;
  std::map<Kind, std::vector<Candidate>> all_;
};

class Bucketing {
 public:
  Bucketing(const Machine &machine, ShardTable &table, bool isForced)
      : machine_(machine), table_(table), isForced_(isForced) {}

  void apply(mlir::func::FuncOp entry) {
    const Finder finder(entry);
    Saving saving;
    for (const auto &[kind, candidates] : finder.all())
      join(candidates, /*waitsForNothing=*/std::get<Purpose>(kind) == Purpose::kReadParameter, saving);
    if (saving.after < saving.before) mlir::sortTopologically(&entry.getBody().front());
    if (saving.before < 2) return;
    auto remark = mlir::emitRemark(entry.getLoc()) << "buckets of '" << entry.getName() << "': ";
    if (saving.after < saving.before) {
      remark << saving.before << " collectives in " << saving.after << ", which saves "
             << inMicroseconds(saving.seconds) << " of latency";
    } else {
      remark << saving.before << " collectives differ, or are too long for latency to matter, left as they are";
    }
  }

 private:
  void join(llvm::ArrayRef<Candidate> candidates, bool waitsForNothing, Saving &saving) {
    llvm::SmallVector<mlir::Operation *> open;
    const auto close = [&] {
      saving.before += int(open.size());
      saving.after += open.empty() ? 0 : 1;
      if (open.size() > 1) saving.seconds += makeBucket(open, waitsForNothing);
      open.clear();
    };
    double bytes = 0;
    for (const Candidate &candidate : candidates) {
      open.push_back(candidate.op);
      bytes += double(collectiveBytes(candidate.op, table_));
      if (!isFull(candidate.op, bytes)) continue;
      close();
      bytes = 0;
    }
    close();
  }

  double secondsOf(mlir::Operation *like, double bytes) const {
    const auto axes = mlir::cast<CollectiveOpInterface>(like).alongAxes();
    return machine_.transfer(transferOf(like), absl::MakeConstSpan(axes.data(), axes.size()), bytes).seconds();
  }

  bool isFull(mlir::Operation *like, double bytes) const {
    if (isForced_) return bytes >= kForcedBytes;
    const double latency = secondsOf(like, 0);
    return secondsOf(like, bytes) - latency >= kFullAt * latency;
  }

  // Returns the seconds that it saves.
  double makeBucket(llvm::ArrayRef<mlir::Operation *> members, bool waitsForNothing) {
    mlir::Operation *first = members.front();
    mlir::Operation *last = *std::max_element(
        members.begin(), members.end(), [](mlir::Operation *a, mlir::Operation *b) { return a->isBeforeInBlock(b); });
    mlir::OpBuilder b(waitsForNothing ? first : last);
    llvm::SmallVector<mlir::Value> operands;
    llvm::SmallVector<mlir::Type> types;
    for (mlir::Operation *member : members) {
      operands.push_back(member->getOperand(0));
      types.push_back(member->getResult(0).getType());
    }
    auto collective = mlir::cast<CollectiveOpInterface>(first);
    auto bucket = BucketOp::create(b, first->getLoc(), types, b.getStringAttr(collective.stepName()), operands,
                                   b.getDenseI64ArrayAttr(collective.alongAxes()));
    const double saved = double(members.size() - 1) * secondsOf(first, 0);
    mark(bucket, members, saved);
    for (auto [member, value] : llvm::zip(members, bucket.getValues())) {
      member->getResult(0).replaceAllUsesWith(value);
      member->erase();
    }
    return saved;
  }

  static void mark(BucketOp bucket, llvm::ArrayRef<mlir::Operation *> members, double saved) {
    mlir::Operation *first = members.front();
    mlir::Builder b(bucket.getContext());
    copyMarks(first, bucket);
    bucket->setAttr(CleaveDialect::kName, b.getStringAttr(nameOf(first) + ".bucket"));
    const mlir::Attribute layer = first->getAttr(CleaveDialect::kLayer);
    if (!llvm::all_of(members, [&](mlir::Operation *op) { return op->getAttr(CleaveDialect::kLayer) == layer; }))
      bucket->removeAttr(CleaveDialect::kLayer);
    const std::string text =
        absl::StrCat(members.size(), " values in one bucket, which saves ", inMicroseconds(saved), " of latency");
    bucket->setAttr(CleaveDialect::kReason, b.getStringAttr(text));
  }

  const Machine &machine_;
  ShardTable &table_;
  const bool isForced_;
};

struct BucketCollectivesPass : impl::BucketCollectivesPassBase<BucketCollectivesPass> {
  void runOnOperation() final {
    const bool isForced = forcesOverlap(getOperation(), "buckets");
    if (getOperation()->hasAttr(kOverlap) && !isForced) return;
    auto table = ShardTable::of(getOperation());
    if (failed(table)) return signalPassFailure();
    const auto machine = machineOf(getOperation(), table->mesh());
    if (failed(machine)) return signalPassFailure();
    Bucketing pass(*machine, *table, isForced);
    for (mlir::func::FuncOp entry : entriesOf(getOperation())) pass.apply(entry);
  }
};

}  // namespace
}  // namespace cleave
