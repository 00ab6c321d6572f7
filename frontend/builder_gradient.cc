// Gradients inside a model: a region of ops that the compiler differentiates, and then differentiates again.

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "frontend/builder_state.h"

namespace cleave {

using mlir::Value;

std::vector<Value> ModelBuilder::beginGradient(absl::string_view name, const std::vector<Value> &inputs) {
  State &state = *state_;
  const std::string path = pathOf(name);
  if (!state.canMake(path, inputs)) return {};
  if (inputs.empty()) {
    state.refuse(path, "requires values that a gradient is wanted of, got none");
    return {};
  }
  for (const Value input : inputs)
    if (!state.checkFloat(path, input, 0)) return {};
  State::Gradient gradient;
  gradient.path = path;
  gradient.inputs.assign(inputs.begin(), inputs.end());
  gradient.before = state.ops.saveInsertionPoint();
  gradient.region = std::make_unique<mlir::Region>();
  mlir::Block &block = gradient.region->emplaceBlock();
  for (const Value input : inputs) block.addArgument(input.getType(), state.location);
  state.ops.setInsertionPointToStart(&block);
  state.gradients.push_back(std::move(gradient));
  return {block.args_begin(), block.args_end()};
}

std::vector<Value> ModelBuilder::endGradient(absl::string_view name, Value loss) {
  State &state = *state_;
  if (!state.canMake(pathOf(name), {loss})) return {};
  if (state.gradients.empty()) {
    state.refuse(pathOf(name), "requires a gradient that has begun, got none");
    return {};
  }
  State::Gradient &gradient = state.gradients.back();
  if (!mlir::getElementTypeOrSelf(loss).isF32() || !sizesOf(loss).empty()) {
    state.refuse(gradient.path, "requires a scalar of float32 to differentiate");
    return {};
  }
  YieldOp::create(state.ops, state.location, mlir::ValueRange(loss));
  state.ops.restoreInsertionPoint(gradient.before);
  llvm::SmallVector<mlir::Type> types = {loss.getType()};
  llvm::SmallVector<int64_t> wrt;
  for (const Value input : gradient.inputs) {
    wrt.push_back(static_cast<int64_t>(wrt.size()));
    types.push_back(input.getType());
  }
  auto op = GradientOp::create(state.ops, state.location, types, gradient.inputs, wrt);
  op.getBody().takeBody(*gradient.region);
  state.gradients.pop_back();
  mark(name, op);
  return {op->result_begin(), op->result_end()};
}

}  // namespace cleave
