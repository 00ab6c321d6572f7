// The calls of ModelBuilder that compare values and choose among them.

#include "frontend/builder_state.h"

namespace cleave {

using mlir::Value;

#define CLEAVE_EXTREME(METHOD, OP)                                                                       \
  Value ModelBuilder::METHOD(absl::string_view name, Value a, Value b) {                                 \
    if (!state_->canMake(pathOf(name), {a, b}) || !state_->checkSameType(pathOf(name), a, b)) return {}; \
    if (!state_->checkFloat(pathOf(name), a, 0)) return {};                                              \
    auto op = OP::create(state_->ops, state_->location, a, b);                                           \
    mark(name, op);                                                                                      \
    return op.getResult();                                                                               \
  }
CLEAVE_EXTREME(maximum, MaximumOp)
CLEAVE_EXTREME(minimum, MinimumOp)
#undef CLEAVE_EXTREME

Value ModelBuilder::abs(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 0)) return {};
  auto op = AbsOp::create(state_->ops, state_->location, x);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::compare(absl::string_view name, Value a, Value b, absl::string_view direction) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {a, b}) || !state.checkSameType(path, a, b)) return {};
  if (mlir::getElementTypeOrSelf(a).isInteger(1)) return state.noValue(path, "requires numbers, got bools");
  const llvm::StringRef text(direction.data(), direction.size());
  if (!llvm::is_contained({"eq", "ne", "lt", "le", "gt", "ge"}, text))
    return state.noValue(path, absl::StrCat("requires eq, ne, lt, le, gt or ge, got ", direction));
  auto op = CompareOp::create(state.ops, state.location, a, b, text);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::select(absl::string_view name, Value condition, Value a, Value b) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, {condition, a, b}) || !state.checkSameType(path, a, b)) return {};
  if (!mlir::getElementTypeOrSelf(condition).isInteger(1))
    return state.noValue(path, "requires a condition of bools, as a comparison gives them");
  if (!state.checkShapeIs(path, "a condition", condition, sizesOf(a))) return {};
  auto op = SelectOp::create(state.ops, state.location, condition, a, b);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::toFloat(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x})) return {};
  const mlir::RankedTensorType type = state_->typeOf(sizesOf(x), ElementType::kFloat32);
  if (type == x.getType()) return x;
  auto op = ConvertOp::create(state_->ops, state_->location, type, x);
  mark(name, op);
  return op.getResult();
}

Value ModelBuilder::sign(absl::string_view name, Value x) {
  if (!state_->canMake(pathOf(name), {x}) || !state_->checkFloat(pathOf(name), x, 0)) return {};
  const std::string part(name);
  const Value zero = fill(part + ".zero", sizesOf(x).vec(), ElementType::kFloat32, 0);
  const Value isAbove = toFloat(part + ".above", compare(part + ".is_above", x, zero, "gt"));
  const Value isBelow = toFloat(part + ".below", compare(part + ".is_below", x, zero, "lt"));
  return subtract(name, isAbove, isBelow);
}

}  // namespace cleave
