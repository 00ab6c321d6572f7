// Generic forms of clipping and optimizer updates: what is differentiated where a step of training is itself inside a
// gradient (learned initial weights, unrolled optimizers).

#include "ir/cleave.h"

namespace cleave {
namespace {

using mlir::Location;
using mlir::OpBuilder;
using mlir::Value;

Value scaled(OpBuilder &b, Location loc, Value value, double factor) {
  return ScaleOp::create(b, loc, value, b.getF64FloatAttr(factor));
}

// Repeats a scalar in the shape of `like`.
Value everywhere(OpBuilder &b, Location loc, Value scalar, Value like) {
  mlir::Type type = withElement(like.getType(), mlir::getElementTypeOrSelf(scalar.getType()));
  return BroadcastOp::create(b, loc, type, scalar, llvm::ArrayRef<int64_t>{});
}

// decay moment + (1 - decay) value
Value moved(OpBuilder &b, Location loc, Value moment, Value value, double decay) {
  return AddOp::create(b, loc, scaled(b, loc, moment, decay), scaled(b, loc, value, 1 - decay));
}

// What a moment that began at 0 lacks after `count` steps: 1 - decay^count. Without decay it lacks nothing.
Value correction(OpBuilder &b, Location loc, Value count, double decay) {
  Value one = splat(b, loc, count.getType(), 1);
  if (decay == 0) return one;
  return SubOp::create(b, loc, one, PowOp::create(b, loc, splat(b, loc, count.getType(), decay), count));
}

Value whereActive(OpBuilder &b, Location loc, Value active, Value after, Value before) {
  return SelectOp::create(b, loc, everywhere(b, loc, active, before), after, before);
}

}  // namespace

Value decomposeClipScale(OpBuilder &b, ClipScaleOp op) {
  Location loc = op.getLoc();
  mlir::Type type = op.getNorm().getType();
  Value positive = AddOp::create(b, loc, op.getNorm(), splat(b, loc, type, 1e-6));
  Value ratio = DivOp::create(b, loc, splat(b, loc, type, op.getMaxNorm().convertToDouble()), positive);
  return MinimumOp::create(b, loc, splat(b, loc, type, 1), ratio);
}

llvm::SmallVector<Value> decomposeAdamw(OpBuilder &b, AdamwOp op) {
  Location loc = op.getLoc();
  Value p = op.getParam(), count = op.getCount();
  auto number = [](const llvm::APFloat &value) { return value.convertToDouble(); };
  const double beta1 = number(op.getBeta1()), beta2 = number(op.getBeta2()), decay = number(op.getWeightDecay());
  auto ratio = [&](Value value, double beta) -> Value {
    return DivOp::create(b, loc, value, everywhere(b, loc, correction(b, loc, count, beta), p));
  };

  Value gradient = MulOp::create(b, loc, op.getGrad(), everywhere(b, loc, op.getScale(), p));
  Value m = moved(b, loc, op.getM(), gradient, beta1);
  Value v = moved(b, loc, op.getV(), MulOp::create(b, loc, gradient, gradient), beta2);
  Value root = SqrtOp::create(b, loc, ratio(v, beta2));
  Value divisor = AddOp::create(b, loc, root, splat(b, loc, root.getType(), number(op.getEpsilon())));
  Value direction = DivOp::create(b, loc, ratio(m, beta1), divisor);
  if (decay != 0) direction = AddOp::create(b, loc, direction, scaled(b, loc, p, decay));
  Value rate = everywhere(b, loc, scaled(b, loc, op.getLr(), number(op.getLrFactor())), p);
  Value updated = SubOp::create(b, loc, p, MulOp::create(b, loc, rate, direction));

  auto keep = [&](Value after, Value before) { return whereActive(b, loc, op.getActive(), after, before); };
  return {keep(updated, p), keep(m, op.getM()), keep(v, op.getV())};
}

llvm::SmallVector<Value> decomposeSgd(OpBuilder &b, SgdOp op) {
  Location loc = op.getLoc();
  Value p = op.getParam(), buffer = op.getBuffer();
  const double decay = op.getWeightDecay().convertToDouble();
  Value direction = MulOp::create(b, loc, op.getGrad(), everywhere(b, loc, op.getScale(), p));
  if (decay != 0) direction = AddOp::create(b, loc, direction, scaled(b, loc, p, decay));
  if (buffer) direction = AddOp::create(b, loc, scaled(b, loc, buffer, op.getMomentum().convertToDouble()), direction);
  Value rate = everywhere(b, loc, scaled(b, loc, op.getLr(), op.getLrFactor().convertToDouble()), p);
  Value updated = SubOp::create(b, loc, p, MulOp::create(b, loc, rate, direction));

  llvm::SmallVector<Value> results{whereActive(b, loc, op.getActive(), updated, p)};
  if (buffer) results.push_back(whereActive(b, loc, op.getActive(), direction, buffer));
  return results;
}

}  // namespace cleave
