#include "passes/partition/chunk_price.h"

#include <limits>
#include <algorithm>
#include <map>

#include "llvm/ADT/SmallPtrSet.h"
#include "passes/schedule/entry_program.h"

namespace cleave {
namespace {

using mlir::Operation;
using mlir::Value;

struct Timed {
  Piece piece;
  double compute = 0, wire = 0;  // seconds of the device, and of its link
  llvm::SmallVector<size_t, 4> after;
};

double copySeconds(double bytes, const Machine &machine, absl::string_view kernel, mlir::Type type) {
  Work copy;
  copy.kernel = kernel;
  copy.bytes = 2 * bytes;
  copy.elements = copy.bytes / double(elementBytes(type));
  return machine.seconds(copy);
}

// Writes down all pieces, chunk by chunk.
class PieceList {
 public:
  PieceList(const Strip &strip, int64_t count, ShardTable &table, const Machine &machine)
      : strip_(strip), count_(count), table_(table), machine_(machine) {
    for (size_t m = 0; m < strip.members.size(); ++m) timeMember(m);
    for (int64_t chunk = 0; chunk < count; ++chunk) addChunk(chunk);
    for (size_t m = 0; m < strip.members.size() && count > 1; ++m) addConcats(m);
  }

  std::vector<Timed> take() { return std::move(pieces_); }

 private:
  // The same for each chunk.
  void timeMember(size_t m) {
    const Strip::Member &member = strip_.members[m];
    Timed timed;
    if (movesBytes(member.op)) {
      const auto axes = mlir::cast<CollectiveOpInterface>(member.op).alongAxes();
      const TransferCost cost = machine_.transfer(transferOf(member.op), absl::MakeConstSpan(axes.data(), axes.size()),
                                                  double(collectiveBytes(member.op, table_)) / double(count_));
      timed.compute = cost.work;
      timed.wire = cost.wire;
    } else if (!isView(member.op)) {
      llvm::SmallVector<bool, 8> isCut;
      for (const AxisPlacement &mode : member.modes) isCut.push_back(mode.isSplit());
      timed.compute = slowestSeconds(member.op, isCut, double(count_), table_, machine_);
    }
    members_.push_back(timed);
  }

  size_t add(Timed timed) {
    pieces_.push_back(std::move(timed));
    return pieces_.size() - 1;
  }

  void addChunk(int64_t chunk) {
    std::map<std::pair<void *, unsigned>, size_t> slices;  // by value and dimension
    for (size_t m = 0; m < strip_.members.size(); ++m) {
      const Strip::Member &member = strip_.members[m];
      Timed timed = members_[m];
      timed.piece = {Piece::Kind::kOp, m, 0, chunk};
      for (auto [i, operand] : llvm::enumerate(member.op->getOperands())) {
        if (strip_.modeOf(operand)) {
          timed.after.push_back(opPieces_[{operand.getDefiningOp(), chunk}]);
        } else if (member.modes[i].isSplit() && count_ > 1) {
          const std::pair<void *, unsigned> key = {operand.getAsOpaquePointer(), member.modes[i].dim};
          const auto [known, isNew] = slices.try_emplace(key, pieces_.size());
          if (isNew) add(slice(m, unsigned(i), chunk));
          timed.after.push_back(known->second);
        }
      }
      opPieces_[{member.op, chunk}] = add(std::move(timed));
    }
  }

  Timed slice(size_t m, unsigned operand, int64_t chunk) {
    const mlir::Type type = strip_.members[m].op->getOperand(operand).getType();
    Timed timed;
    timed.piece = {Piece::Kind::kSlice, m, operand, chunk};
    timed.compute = copySeconds(double(table_.mostBytes(type)) / double(count_), machine_, "slice", type);
    return timed;
  }

  void addConcats(size_t m) {
    Operation *op = strip_.members[m].op;
    for (mlir::OpResult result : op->getResults()) {
      if (llvm::all_of(result.getUsers(), [&](Operation *user) { return strip_.contains(user); })) continue;
      Timed timed;
      timed.piece = {Piece::Kind::kConcat, m, result.getResultNumber(), count_ - 1};
      timed.compute = copySeconds(double(table_.mostBytes(result.getType())), machine_, "concat", result.getType());
      for (int64_t chunk = 0; chunk < count_; ++chunk) timed.after.push_back(opPieces_[{op, chunk}]);
      add(std::move(timed));
    }
  }

  const Strip &strip_;
  const int64_t count_;
  ShardTable &table_;
  const Machine &machine_;
  std::vector<Timed> members_, pieces_;
  std::map<std::pair<Operation *, int64_t>, size_t> opPieces_;
};

// Runs the pieces on one device and one link: always the one that can begin first, the earlier one of two.
PricedStrip play(const std::vector<Timed> &pieces) {
  PricedStrip priced;
  std::vector<double> ends(pieces.size(), -1);
  double device = 0, link = 0;
  for (size_t step = 0; step < pieces.size(); ++step) {
    size_t next = 0;
    double start = std::numeric_limits<double>::infinity();
    for (size_t p = 0; p < pieces.size(); ++p) {
      if (ends[p] >= 0) continue;
      const Timed &timed = pieces[p];
      if (llvm::any_of(timed.after, [&](size_t before) { return ends[before] < 0; })) continue;
      double ready = timed.wire > 0 ? link : device;
      for (size_t before : timed.after) ready = std::max(ready, ends[before]);
      if (ready < start) {
        start = ready;
        next = p;
      }
    }
    const Timed &timed = pieces[next];
    ends[next] = start + std::max(timed.compute, timed.wire);
    if (timed.wire > 0) {
      link = ends[next];
      device = std::max(device, start) + timed.compute;  // which copies for it
    } else {
      device = ends[next];
    }
    priced.busy += timed.compute;
    priced.seconds = std::max(priced.seconds, ends[next]);
    priced.pieces.push_back(timed.piece);
    priced.pieces.back().start = start;
  }
  priced.seconds = std::max(priced.seconds, device);
  return priced;
}

}  // namespace

PricedStrip priceStrip(const Strip &strip, int64_t count, ShardTable &table, const Machine &machine) {
  return play(PieceList(strip, count, table, machine).take());
}

OtherWork::OtherWork(mlir::func::FuncOp entry, ShardTable &table, const Machine &machine) {
  for (Operation &op : entry.getBody().front().without_terminator()) {
    if (movesBytes(&op) || isView(&op)) continue;
    places_[{phaseOf(&op), op.getAttr(CleaveDialect::kLayer)}].push_back(&op);
    left_[&op] = slowestSeconds(&op, table, machine);
  }
}

llvm::SmallVector<Operation *> OtherWork::opsBeside(const Strip &strip) const {
  Operation *first = strip.members.front().op;
  const Place place = {phaseOf(first), first->getAttr(CleaveDialect::kLayer)};
  const auto isHere = [&](Operation *op) {
    return phaseOf(op) == place.first && op->getAttr(CleaveDialect::kLayer) == place.second;
  };
  llvm::SmallPtrSet<Operation *, 32> before, behind;
  llvm::SmallVector<Operation *> open;
  const auto visit = [&](Operation *op, llvm::SmallPtrSet<Operation *, 32> &seen) {
    if (op && isHere(op) && seen.insert(op).second) open.push_back(op);
  };
  for (const Strip::Member &member : strip.members) visit(member.op, before);
  while (!open.empty())
    for (Value operand : open.pop_back_val()->getOperands()) visit(operand.getDefiningOp(), before);
  for (const Strip::Member &member : strip.members) visit(member.op, behind);
  while (!open.empty())
    for (Operation *user : open.pop_back_val()->getUsers()) visit(user, behind);
  llvm::SmallVector<Operation *> beside;
  if (const auto here = places_.find(place); here != places_.end())
    for (Operation *op : here->second)
      if (!before.contains(op) && !behind.contains(op)) beside.push_back(op);
  return beside;
}

double OtherWork::secondsOf(llvm::ArrayRef<Operation *> ops) const {
  double sum = 0;
  for (Operation *op : ops) sum += left_.lookup(op);
  return sum;
}

void OtherWork::use(const Strip &strip, double seconds) {
  for (Operation *op : opsBeside(strip)) {
    double &left = left_[op];
    const double used = std::min(left, seconds);
    left -= used;
    seconds -= used;
  }
}

}  // namespace cleave
