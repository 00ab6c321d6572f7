// Gives every value a placement, and reshards where producer and consumer disagree.
//
// One walk in program order: what lies where is known of all operands when an op is reached; along each axis it takes the
// strategy of its rule that costs least. A split always comes from somewhere (an argument, a pin): values that are whole are
// not split for nothing, and those that are split keep their dimension. Variables stay where they are. A partial value with one reader may stay partial through it; otherwise it is resolved once.

#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringMap.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/passes.h"
#include "passes/cost/op_cost.h"
#include "passes/module_view.h"
#include "passes/place/strategy_cost.h"

namespace cleave {
#define GEN_PASS_DEF_PROPAGATEPLACEMENTSPASS
#include "passes/passes.h.inc"

namespace {

using Axes = llvm::SmallVector<AxisPlacement, 4>;

// Placements of all operands and results of an op.
struct OpAxes {
  llvm::SmallVector<Axes, 4> operands;
  llvm::SmallVector<Axes, 2> results;
  llvm::SmallVector<Strategy, 4> strategies;  // along the axes that are chosen so far
};

// What a strategy costs. To move a share of a variable is dearer than any activation.
struct Cost {
  int variablesMoved = 0;
  double seconds = 0;

  // By more than what rounding may be.
  bool isBelow(const Cost &other) const {
    if (variablesMoved != other.variablesMoved) return variablesMoved < other.variablesMoved;
    return seconds < other.seconds - kRounding * std::abs(other.seconds);
  }
  static constexpr double kRounding = 1e-12;
};

constexpr double kNever = std::numeric_limits<double>::infinity();

// All axes that split one dimension count it in one unit, which divides it.
bool isValid(mlir::Value value, const Axes &axes) {
  auto type = mlir::cast<mlir::RankedTensorType>(value.getType());
  for (size_t a = 0; a < axes.size(); ++a) {
    if (!axes[a].isSplit()) continue;
    if (axes[a].dim >= type.getRank() || type.getDimSize(axes[a].dim) % axes[a].unit != 0) return false;
    for (size_t b = 0; b < a; ++b)
      if (axes[b].isSplit() && axes[b].dim == axes[a].dim && axes[b].unit != axes[a].unit) return false;
  }
  return true;
}

class Propagation {
 public:
  // `variables` says how parameters and states lie in the entries before, and learns how they lie in this one.
  Propagation(mlir::func::FuncOp function, MeshOp mesh, const Machine &machine, llvm::StringMap<Axes> &variables)
      : function_(function), mesh_(mesh), machine_(machine), variables_(variables) {}

  mlir::LogicalResult run() {
    if (failed(placeArguments())) return mlir::failure();
    llvm::SmallVector<mlir::Operation *> ops;
    for (mlir::Operation &op : function_.getBody().front()) ops.push_back(&op);
    for (mlir::Operation *op : ops)
      if (failed(placeOp(op))) return mlir::failure();
    eraseUnused();
    function_.setType(mlir::FunctionType::get(function_.getContext(), function_.getBody().front().getArgumentTypes(),
                                              function_.getBody().front().getTerminator()->getOperandTypes()));
    return mlir::success();
  }

 private:
  size_t axisCount() { return mesh_.getSizes().size(); }
  double sizeOf(size_t axis) { return double(mesh_.getSizes()[axis]); }

  Axes axesOf(mlir::Value value) const { return Axes(placementOf(value).getAxes()); }
  void place(mlir::Value value, const Axes &axes) {
    auto placement = PlacementAttr::get(value.getContext(), mlir::FlatSymbolRefAttr::get(mesh_.getSymNameAttr()), axes);
    value.setType(placed(value.getType(), placement));
  }

  mlir::LogicalResult placeArguments() {
    for (mlir::BlockArgument argument : function_.getArguments()) {
      Axes axes = argumentAxes(function_, argument.getArgNumber(), axisCount());
      for (size_t axis = 0; axis < axes.size(); ++axis)
        if (sizeOf(axis) == 1) axes[axis] = AxisPlacement::broadcast();
      if (axes.size() != axisCount() || !isValid(argument, axes))
        return function_.emitError("requires a placement that fits argument ")
               << argument.getArgNumber() << " of type " << argument.getType();
      place(argument, axes);
      for (llvm::StringRef kind : {CleaveDialect::kParameter, CleaveDialect::kState})
        if (llvm::StringRef name = argumentName(argument, kind); !name.empty()) variables_.try_emplace(name, axes);
      function_.removeArgAttr(argument.getArgNumber(), kAxes);
      function_.removeArgAttr(argument.getArgNumber(), kPinned);
    }
    return mlir::success();
  }

  mlir::LogicalResult placeOp(mlir::Operation *op) {
    if (failed(placeWaiting(op))) return mlir::failure();
    if (mayWait(op)) return waiting_.insert(op), mlir::success();
    return placeNow(op);
  }

  // Adding a partial value to a whole one would resolve it here and now. Where the sum only goes into another sum, it waits:
  // there may be another partial term, and all of them are resolved together.
  bool mayWait(mlir::Operation *op) {
    if (!isSum(op) || !op->getResult(0).hasOneUse() || !isSum(*op->getResult(0).user_begin())) return false;
    const Axes lhs = axesOf(op->getOperand(0)), rhs = axesOf(op->getOperand(1));
    for (size_t axis = 0; axis < axisCount(); ++axis)
      if (lhs[axis].isPartial() != rhs[axis].isPartial() && sizeOf(axis) > 1) return true;
    return false;
  }

  bool isSum(mlir::Operation *op) {
    if (!op->hasTrait<mlir::OpTrait::IsCommutative>() || op->getNumOperands() != 2 || !mlir::isa<TensorOpInterface>(op)) return false;
    const AxisPlacement term = AxisPlacement::partial(Combiner::Sum);
    return rules_.of(op).match(Strategy{{term, term}, {term}}) != nullptr;
  }

  // Turns (partial + whole) + other, where the first sum has waited, into (partial + other) + whole.
  mlir::LogicalResult placeWaiting(mlir::Operation *op) {
    for (mlir::OpOperand &operand : op->getOpOperands()) {
      mlir::Operation *first = operand.get().getDefiningOp();
      if (!first || !waiting_.erase(first)) continue;
      mlir::Value other = op->getOperand(1 - operand.getOperandNumber());
      if (mlir::Operation *second = other.getDefiningOp(); second && waiting_.erase(second) && failed(placeNow(second)))
        return mlir::failure();
      const bool isPartial = llvm::any_of(axesOf(first->getOperand(0)), [](const AxisPlacement &p) { return p.isPartial(); });
      mlir::Value whole = first->getOperand(isPartial ? 1 : 0);
      first->moveBefore(op);
      first->setOperand(isPartial ? 1 : 0, other);
      op->setOperand(1 - operand.getOperandNumber(), whole);
      if (failed(placeNow(first))) return mlir::failure();
    }
    return mlir::success();
  }

  mlir::LogicalResult placeNow(mlir::Operation *op) {
    if (mlir::isa<mlir::func::ReturnOp>(op)) return placeReturn(op);
    if (auto pin = mlir::dyn_cast<PinOp>(op)) return adopt(pin, choosePinned(pin)), mlir::success();
    if (!mlir::isa<TensorOpInterface>(op))
      return op->emitOpError("requires an op with a sharding rule, so that it can be placed");
    adopt(op, chooseStrategies(op));
    return mlir::success();
  }

  // Updated variables lie as they did; what the host reads is not partial.
  mlir::LogicalResult placeReturn(mlir::Operation *op) {
    for (mlir::OpOperand &operand : op->getOpOperands()) {
      Axes wanted = axesOf(operand.get());
      for (AxisPlacement &axis : wanted)
        if (axis.isPartial()) axis = AxisPlacement::broadcast();
      if (auto updates = function_.getResultAttrOfType<mlir::StringAttr>(operand.getOperandNumber(), CleaveDialect::kUpdates))
        if (auto known = variables_.find(updates.getValue()); known != variables_.end()) wanted = known->second;
      operand.set(reshard(operand.get(), wanted, op));
    }
    return mlir::success();
  }

  OpAxes choosePinned(PinOp pin) {
    Axes axes = axesOf(pin.getInput());
    llvm::SmallVector<bool> isPinned(axisCount(), false);
    for (auto [name, placement] : llvm::zip(pin.getAxes(), pin.getPlacements().getAxes()))
      for (size_t axis = 0; axis < axisCount(); ++axis) {
        if (mesh_.axisName(axis) != mlir::cast<mlir::StringAttr>(name).getValue() || sizeOf(axis) == 1) continue;
        axes[axis] = placement;
        isPinned[axis] = true;
      }
    // A split that counts the dimension in another unit than the pin gives way.
    for (size_t axis = 0; axis < axisCount(); ++axis)
      for (size_t other = 0; other < axisCount(); ++other)
        if (!isPinned[axis] && isPinned[other] && axes[axis].isSplit() && axes[other].isSplit() &&
            axes[axis].dim == axes[other].dim && axes[axis].unit != axes[other].unit)
          axes[axis] = AxisPlacement::broadcast();
    return {{axes}, {axes}, {}};
  }

  OpAxes chooseStrategies(mlir::Operation *op) {
    OpAxes chosen;
    chosen.operands.assign(op->getNumOperands(), Axes(axisCount()));
    chosen.results.assign(op->getNumResults(), Axes(axisCount()));
    const ShardingRule &rule = rules_.of(op);
    const OpWork work(mlir::cast<TensorOpInterface>(op), rule);
    std::string reason;
    for (size_t axis = 0; axis < axisCount(); ++axis) {
      if (sizeOf(axis) == 1) {
        chosen.strategies.push_back(rule.strategies().front());
        continue;
      }
      const Strategy best = cheapestAlong(op, rule, work, axis, chosen);
      chosen.strategies.push_back(best);
      for (auto [axes, placement] : llvm::zip(chosen.operands, best.operands)) axes[axis] = placement;
      for (auto [axes, placement] : llvm::zip(chosen.results, best.results)) axes[axis] = placement;
      const bool isWhole = llvm::all_of(best.operands, [](const AxisPlacement &p) { return p.isBroadcast(); }) &&
                           llvm::all_of(best.results, [](const AxisPlacement &p) { return p.isBroadcast(); });
      if (!isWhole) reason += (reason.empty() ? "" : "; ") + mesh_.axisName(axis).str() + ": " + best.str() + " costs least";
    }
    if (reason.empty()) reason = "whole, as its operands are";
    op->setAttr(CleaveDialect::kReason, mlir::StringAttr::get(op->getContext(), reason));
    return chosen;
  }

  // Among all strategies of the rule, in all units that the operands lie in, the cheapest; the first of equals.
  Strategy cheapestAlong(mlir::Operation *op, const ShardingRule &rule, const OpWork &work, size_t axis, OpAxes &chosen) {
    Strategy best = rule.strategies().front();
    std::optional<Cost> least;
    for (const Strategy &pattern : rule.strategies())
      for (auto [unit, minor] : unitsFor(op, pattern, axis)) {
        const Strategy strategy = instantiate(pattern, unit, minor);
        if (!fits(op, strategy, axis, chosen)) continue;
        const Cost cost = costOf(op, strategy, work, axis, chosen);
        if (cost.seconds < kNever && (!least || cost.isBelow(*least))) {
          least = cost;
          best = strategy;
        }
      }
    return best;
  }

  std::vector<std::pair<int64_t, bool>> unitsFor(mlir::Operation *op, const Strategy &pattern, size_t axis) {
    std::vector<std::pair<int64_t, bool>> units{{1, false}};
    for (auto [operand, want] : llvm::zip(op->getOperands(), pattern.operands)) {
      const AxisPlacement now = axesOf(operand)[axis];
      if (!want.isSplit() || !now.isSplit() || now.dim != want.dim || now.unit % want.unit != 0) continue;
      const std::pair<int64_t, bool> unit{now.unit / want.unit, now.minor};
      if (!llvm::is_contained(units, unit)) units.push_back(unit);
    }
    return units;
  }

  // A split comes from an operand that lies so already, and agrees with the axes that are chosen.
  bool fits(mlir::Operation *op, const Strategy &strategy, size_t axis, OpAxes &chosen) {
    bool splits = false, comesFromSomewhere = false;
    auto check = [&](mlir::Value value, Axes axes, const AxisPlacement &placement) {
      axes[axis] = placement;
      splits |= placement.isSplit();
      return isValid(value, axes);
    };
    for (auto [operand, axes, placement] : llvm::zip(op->getOperands(), chosen.operands, strategy.operands)) {
      if (!check(operand, axes, placement)) return false;
      comesFromSomewhere |= placement.isSplit() && axesOf(operand)[axis] == placement;
    }
    for (auto [result, axes, placement] : llvm::zip(op->getResults(), chosen.results, strategy.results))
      if (!check(result, axes, placement)) return false;
    if (splits && !comesFromSomewhere) return false;
    llvm::SmallVector<Strategy, 4> all = chosen.strategies;
    all.push_back(strategy);
    return !findConflict(all);
  }

  // Bytes of a value as the axes but `axis` leave it.
  double bytesBut(size_t axis, mlir::Value value, llvm::ArrayRef<AxisPlacement> axes) {
    double bytes = bytesOf(value);
    for (size_t other = 0; other < axes.size(); ++other)
      if (other != axis && axes[other].isSplit()) bytes /= sizeOf(other);
    return bytes;
  }

  Cost costOf(mlir::Operation *op, const Strategy &strategy, const OpWork &work, size_t axis, OpAxes &chosen) {
    Cost cost;
    const double ofByte = machine_.sendSeconds(axis, 1);
    const bool isPartialView = op->getNumOperands() == 1;
    for (auto [operand, want] : llvm::zip(op->getOperands(), strategy.operands)) {
      AxisPlacement now = axesOf(operand)[axis];
      // With several readers it is resolved for all of them, whatever this one does.
      if (now.isPartial() && !operand.hasOneUse()) {
        if (want.isPartial()) return {0, kNever};
        now = AxisPlacement::broadcast();
      }
      // Variables stay where they are: activations come to them.
      if (now.isSplit() && now != want && mlir::isa<mlir::BlockArgument>(operand)) ++cost.variablesMoved;
      cost.seconds += conversion(now, want, bytesBut(axis, operand, axesOf(operand)), axis);
    }
    for (auto [result, want, axes] : llvm::zip(op->getResults(), strategy.results, chosen.results)) {
      if (!want.isPartial() || result.use_empty()) continue;
      // It will be resolved later; of equals, what is resolved now is simpler, but views carry it on.
      cost.seconds += conversion(want, AxisPlacement::broadcast(), bytesBut(axis, result, axes), axis) +
                      (isPartialView ? -ofByte : ofByte);
    }
    cost.seconds += machine_.seconds(localWork(strategy, work, axis, chosen));
    return cost;
  }

  double conversion(const AxisPlacement &from, const AxisPlacement &to, double bytes, size_t axis) {
    return conversionSeconds(from, to, bytes, machine_, int64_t(axis), sizeOf(axis));
  }

  // A device's part, by even shares, of the axes that are chosen and this one.
  Work localWork(const Strategy &strategy, const OpWork &work, size_t axis, const OpAxes &chosen) {
    llvm::SmallVector<double, 8> elements(work.wholeElements());
    double share = 1;
    for (size_t at = 0; at <= axis; ++at) {
      bool isSplit = false;
      size_t value = 0;
      auto cut = [&](const AxisPlacement &placement) {
        if (placement.isSplit()) elements[value] /= sizeOf(at);
        isSplit |= placement.isSplit();
        ++value;
      };
      const Strategy &along = at == axis ? strategy : chosen.strategies[at];
      for (const AxisPlacement &placement : along.operands) cut(placement);
      for (const AxisPlacement &placement : along.results) cut(placement);
      if (isSplit) share /= sizeOf(at);
    }
    return work.part(share, elements);
  }

  void adopt(mlir::Operation *op, const OpAxes &chosen) {
    for (auto [i, axes] : llvm::enumerate(chosen.operands)) op->setOperand(i, reshard(op->getOperand(i), axes, op));
    for (auto [result, axes] : llvm::zip(op->getResults(), chosen.results)) place(result, axes);
  }

  // The value laid as wanted: itself, one made before, its producer again if that is free, or a reshard.
  mlir::Value reshard(mlir::Value value, const Axes &wanted, mlir::Operation *consumer) {
    if (axesOf(value) == wanted) return value;
    auto placement = PlacementAttr::get(value.getContext(), mlir::FlatSymbolRefAttr::get(mesh_.getSymNameAttr()), wanted);
    mlir::Value &known = reshards_[{value.getAsOpaquePointer(), placement.getAsOpaquePointer()}];
    if (known) return known;
    // A partial value is resolved once: others start from the whole one.
    if (mlir::Value whole = resolved(value, wanted, consumer)) return known = reshard(whole, wanted, consumer);
    if (mlir::Value again = makeAgain(value, wanted)) return known = again;
    mlir::OpBuilder b(consumer);
    mlir::Operation *producer = value.getDefiningOp();
    auto made = ReshardOp::create(b, value.getLoc(), placed(value.getType(), placement), value);
    if (producer) copyMarks(producer, made);
    else if (consumer->hasAttr(CleaveDialect::kPhase)) made->setAttr(CleaveDialect::kPhase, consumer->getAttr(CleaveDialect::kPhase));
    nameReshard(made, value, consumer);
    // The map may have grown meanwhile.
    return reshards_[{value.getAsOpaquePointer(), placement.getAsOpaquePointer()}] = made.getResult();
  }

  // With several readers, the value with its partial axes whole; null if `wanted` is that value or there is one reader.
  mlir::Value resolved(mlir::Value value, const Axes &wanted, mlir::Operation *consumer) {
    if (value.hasOneUse()) return {};
    Axes whole = axesOf(value);
    bool isPartial = false;
    for (AxisPlacement &axis : whole) {
      if (!axis.isPartial()) continue;
      axis = AxisPlacement::broadcast();
      isPartial = true;
    }
    if (!isPartial || whole == wanted) return {};
    return reshard(value, whole, consumer);
  }

  // An op without work whose result can be split as wanted while its operands stay as they are is made again, split.
  mlir::Value makeAgain(mlir::Value value, const Axes &wanted) {
    auto producer = value.getDefiningOp<TensorOpInterface>();
    if (!producer || producer.flops() > 0 || producer->getNumResults() != 1 || mlir::isa<PinOp>(producer)) return {};
    const ShardingRule rule = producer.shardingRule();
    for (size_t axis = 0; axis < wanted.size(); ++axis) {
      Strategy strategy = strategyAlong(axis, producer);
      strategy.results[0] = wanted[axis];
      if (!rule.match(strategy)) return {};
    }
    mlir::OpBuilder b(producer);
    b.setInsertionPointAfter(producer);
    mlir::Operation *again = b.clone(*producer);
    again->setAttr(CleaveDialect::kName, b.getStringAttr(nameOf(producer) + "/" + std::to_string(++made_)));
    place(again->getResult(0), wanted);
    return again->getResult(0);
  }

  void nameReshard(ReshardOp made, mlir::Value value, mlir::Operation *consumer) {
    const std::string source = nameOf(value);
    std::string reason;
    llvm::raw_string_ostream os(reason);
    const PlacementAttr from = placementOf(value), to = placementOf(made.getResult());
    for (size_t axis = 0; axis < axisCount(); ++axis)
      if (from.getAxes()[axis] != to.getAxes()[axis])
        os << (reason.empty() ? "" : "; ") << source << " is " << from.getAxes()[axis] << " along " << mesh_.axisName(axis)
           << ", " << nameOf(consumer) << " needs " << to.getAxes()[axis];
    mlir::Builder b(made);
    made->setAttr(CleaveDialect::kName, b.getStringAttr(source + ":reshard." + std::to_string(++made_)));
    made->setAttr(CleaveDialect::kReason, b.getStringAttr(reason));
  }

  void eraseUnused() {
    for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(function_.getBody().front())))
      if (mlir::isOpTriviallyDead(&op)) op.erase();
  }

  mlir::func::FuncOp function_;
  MeshOp mesh_;
  const Machine &machine_;
  llvm::StringMap<Axes> &variables_;
  Rules rules_;
  llvm::SmallPtrSet<mlir::Operation *, 4> waiting_;  // sums that are placed when their reader is
  std::map<std::pair<const void *, const void *>, mlir::Value> reshards_;  // by value and placement
  int64_t made_ = 0;
};

struct PropagatePlacementsPass : impl::PropagatePlacementsPassBase<PropagatePlacementsPass> {
  void runOnOperation() final {
    MeshOp mesh = onlyMesh(getOperation());
    if (!mesh) return signalPassFailure();
    const auto machine = machineOf(getOperation(), mesh);
    if (failed(machine)) return signalPassFailure();
    llvm::StringMap<Axes> variables;
    for (mlir::func::FuncOp function : entriesOf(getOperation()))
      if (failed(Propagation(function, mesh, *machine, variables).run())) return signalPassFailure();
  }
};

}  // namespace
}  // namespace cleave
