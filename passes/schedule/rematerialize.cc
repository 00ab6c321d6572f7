#include "passes/schedule/rematerialize.h"

#include <algorithm>

#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace cleave {
namespace {

constexpr size_t kMostOps = 256;        // that run again for one value
constexpr double kLeastSeconds = 1e-9;  // of a view
// An input of so many times fewer bytes than the value is kept, rather than computed again.
constexpr int64_t kSmallInput = 8;

double bytesAbove(const LiveProfile &profile, int64_t target) {
  double bytes = 0;
  for (int place = 0; place < int(profile.ops().size()); ++place)
    bytes += double(std::max<int64_t>(profile.liveAt(place) - target, 0));
  return bytes;
}

}  // namespace

Rematerializer::Rematerializer(mlir::func::FuncOp entry, EntryFacts &facts)
    : entry_(entry), facts_(facts), profile_(entry, facts) {
  for (mlir::Operation *op : profile_.ops()) names_.insert(nameOf(op));
}

bool Rematerializer::reach(int64_t target, bool mayCommunicate) {
  rejected_.clear();
  bool hasChanged = false;
  while (profile_.peakBytes() > target) {
    std::vector<Drop> all = drops(target, mayCommunicate);
    std::stable_sort(all.begin(), all.end(), [](const Drop &a, const Drop &b) { return a.score() > b.score(); });
    const bool done = llvm::any_of(all, [&](const Drop &drop) { return tryDrop(drop, target); });
    hasChanged |= done;
    if (done) continue;
    if (!hasChanged) return false;
    hasChanged = false;
    rejected_.clear();
  }
  return true;
}

int Rematerializer::placesAbove(int from, int to) const {
  return from < to ? above_[size_t(to)] - above_[size_t(from)] : 0;
}

std::vector<Rematerializer::Drop> Rematerializer::drops(int64_t target, bool mayCommunicate) {
  above_.assign(1, 0);
  for (int place = 0; place < int(profile_.ops().size()); ++place)
    above_.push_back(above_.back() + (profile_.liveAt(place) > target));
  std::vector<Drop> all;
  for (const LiveProfile::Held &held : profile_.held())
    if (Drop drop; consider(held, target, mayCommunicate, drop)) all.push_back(std::move(drop));
  return all;
}

// Whether the value sleeps through the peak, and dropping it saves something.
bool Rematerializer::consider(const LiveProfile::Held &held, int64_t target, bool mayCommunicate, Drop &drop) {
  const int peak = profile_.peak();
  mlir::Operation *writer = held.value.getDefiningOp();
  if (!writer || held.isKept || held.first() >= peak || held.last() <= peak || rejected_.contains(held.value))
    return false;
  if (phaseOf(writer) != "forward") return false;
  const auto late = llvm::lower_bound(held.places, peak);
  if (*late == peak) return false;
  drop.value = held.value;
  drop.to = *late;
  drop.from = *std::prev(late);
  if (phaseOf(profile_.ops()[size_t(drop.to)]) != "backward") return false;
  collectUses(held.value, drop);
  drop.saved = double(held.bytes) * placesAbove(drop.from + 1, drop.to);
  for (mlir::OpOperand *use : drop.uses)
    if (!need(use->get(), mayCommunicate, drop)) return false;
  drop.seconds = std::max(drop.seconds, kLeastSeconds);
  return drop.saved > 0;
}

// Late uses; views are looked through as long as they stand early.
void Rematerializer::collectUses(mlir::Value value, Drop &drop) {
  for (mlir::OpOperand &use : value.getUses()) {
    mlir::Operation *user = use.getOwner();
    if (profile_.placeOf(user) >= drop.to) {
      drop.uses.push_back(&use);
    } else if (facts_.isView(user)) {
      collectUses(user->getResult(0), drop);
    }
  }
}

// Makes sure that a value is there at `drop.to`: it is anyway, it is kept until then, or its op runs again.
bool Rematerializer::need(mlir::Value value, bool mayCommunicate, Drop &drop) {
  const mlir::Value root = facts_.shownBy(value);
  mlir::Operation *op = value.getDefiningOp();
  if (op && drop.ops.contains(op)) return true;
  if (facts_.isInVariable(root)) {
    mlir::Operation *overwriter = facts_.overwriterOf(root);
    return !root.getDefiningOp() && (!overwriter || profile_.placeOf(overwriter) >= drop.to);
  }
  const LiveProfile::Held *held = profile_.heldFor(root);
  const bool isSmall = held && held->bytes * kSmallInput <= facts_.bytesOf(drop.value);
  if (root != drop.value && held) {
    if (held->isKept || held->last() >= drop.to) return held->first() < drop.to;
    if (!root.getDefiningOp() || isSmall || placesAbove(held->last() + 1, drop.to) == 0) return keep(held, drop);
  }
  if (mlir::Value copy = copyInTime(mlir::cast<mlir::OpResult>(value), drop)) {
    drop.copies[value] = copy;
    return keep(profile_.heldFor(facts_.shownBy(copy)), drop);
  }
  if (!mayRunAgain(op, mayCommunicate)) return root != drop.value && keep(held, drop);
  if (drop.ops.size() >= kMostOps) return false;
  for (mlir::Value operand : op->getOperands())
    if (!need(operand, mayCommunicate, drop)) return false;
  drop.ops.insert(op);
  drop.seconds += facts_.secondsOf(op);
  return true;
}

// The value lives until the drop's copies read it.
bool Rematerializer::keep(const LiveProfile::Held *held, Drop &drop) {
  if (!held || held->first() >= drop.to) return false;
  drop.saved -= double(held->bytes) * placesAbove(held->last() + 1, drop.to);
  return true;
}

// What an op gave when it ran again behind the peak, but in front of the drop's readers.
mlir::Value Rematerializer::copyInTime(mlir::OpResult result, const Drop &drop) const {
  mlir::Operation *origin = originOf(result.getOwner());
  const auto copies = copiesOf_.find(origin);
  if (copies == copiesOf_.end()) return {};
  for (mlir::Operation *copy : copies->second) {
    const int place = profile_.placeOf(copy);
    if (copy != result.getOwner() && place > profile_.peak() && place < drop.to)
      return copy->getResult(result.getResultNumber());
  }
  return {};
}

bool Rematerializer::mayRunAgain(mlir::Operation *op, bool mayCommunicate) {
  if (!op || op->getNumRegions() > 0 || !mlir::isMemoryEffectFree(op)) return false;
  if (phaseOf(op) != "forward" && !origins_.contains(op)) return false;
  if (llvm::any_of(op->getResults(),
                   [&](mlir::Value result) { return facts_.isInVariable(result) && !facts_.isView(op); }))
    return false;
  return mayCommunicate || !facts_.movesBytes(op);
}

bool Rematerializer::tryDrop(const Drop &drop, int64_t target) {
  const double above = bytesAbove(profile_, target);
  const int64_t peak = profile_.peakBytes();
  const Copies copies = apply(drop);
  LiveProfile changed(entry_, facts_);
  if (changed.peakBytes() <= peak && bytesAbove(changed, target) < above) {
    profile_ = std::move(changed);
    return true;
  }
  undo(copies);
  rejected_.insert(drop.value);
  return false;
}

Rematerializer::Copies Rematerializer::apply(const Drop &drop) {
  Copies made;
  mlir::OpBuilder b(profile_.ops()[size_t(drop.to)]);
  mlir::Operation *turn = computedBefore(drop.to);
  mlir::IRMapping map;
  for (auto [value, copy] : drop.copies) map.map(value, copy);
  for (mlir::Operation *op : drop.ops) {
    mlir::Operation *copy = b.clone(*op, map);
    copy->setAttr(CleaveDialect::kName, b.getStringAttr(nameFor(originOf(op))));
    copy->setAttr(CleaveDialect::kPhase, b.getStringAttr("backward"));
    copy->removeAttr(kTurn);
    if (turn && !facts_.movesBytes(copy)) copy->setAttr(kTurn, b.getStringAttr(nameOf(turn)));
    origins_[copy] = originOf(op);
    copiesOf_[originOf(op)].push_back(copy);
    made.ops.push_back(copy);
    count(copy, 1);
  }
  for (mlir::OpOperand *use : drop.uses) {
    made.redirected.push_back({use, use->get()});
    use->set(map.lookup(use->get()));
  }
  return made;
}

// The last op in front that computes, and will stay: copies run behind it in any order.
mlir::Operation *Rematerializer::computedBefore(int place) {
  while (--place >= 0) {
    mlir::Operation *op = profile_.ops()[size_t(place)];
    if (!facts_.isView(op) && !facts_.movesBytes(op) && !origins_.contains(op)) return op;
  }
  return nullptr;
}

void Rematerializer::undo(const Copies &copies) {
  for (auto [use, value] : copies.redirected) use->set(value);
  for (mlir::Operation *copy : llvm::reverse(copies.ops)) {
    count(copy, -1);
    copiesOf_[originOf(copy)].pop_back();
    origins_.erase(copy);
    names_.erase(nameOf(copy));
    facts_.forget(copy);
    copy->erase();
  }
}

void Rematerializer::count(mlir::Operation *op, int sign) {
  if (facts_.isView(op)) return;
  copies_ += sign;
  collectives_ += sign * int(facts_.movesBytes(op));
  seconds_ += sign * facts_.secondsOf(op);
}

mlir::Operation *Rematerializer::originOf(mlir::Operation *op) const {
  mlir::Operation *origin = origins_.lookup(op);
  return origin ? origin : op;
}

std::string Rematerializer::nameFor(mlir::Operation *op) {
  const std::string first = nameOf(op) + ".again";
  std::string name = first;
  for (int n = 2; !names_.insert(name).second; ++n) name = first + "." + std::to_string(n);
  return name;
}

}  // namespace cleave
