// The calls of ModelBuilder that make an optimizer's update.

#include "absl/strings/str_join.h"
#include "frontend/builder_state.h"

namespace cleave {

using mlir::Value;

Update ModelBuilder::beginUpdate(const std::vector<int64_t> &shape, const std::vector<StateSpec> &states) {
  State &state = *state_;
  const std::string name = absl::StrCat("update_", shape.empty() ? "scalar" : absl::StrJoin(shape, "x"));
  beginEntry(name);
  if (!state.canMake(name, {}) || !state.checkShape(name, shape)) return {};
  state.function->setAttr(CleaveDialect::kEntry, state.ops.getStringAttr("update"));
  const auto add = [&](llvm::StringRef kind, const std::string &argument, const std::vector<int64_t> &sizes) -> Value {
    State::Argument added;
    added.name = argument;
    added.value = state.function.front().addArgument(state.typeOf(sizes, ElementType::kFloat32), state.location);
    added.attributes.push_back(state.ops.getNamedAttr(kind, state.ops.getStringAttr(argument)));
    state.inputs.push_back(added);
    return added.value;
  };
  Update update;
  update.parameter = add(CleaveDialect::kInput, "parameter", shape);
  update.gradient = add(CleaveDialect::kInput, "gradient", shape);
  for (const StateSpec &spec : states) {
    for (const State::Argument &known : state.inputs)
      if (known.name == spec.name) {
        state.refuse(name, absl::StrCat("requires states of names of their own, got \"", spec.name, "\""));
        return {};
      }
    update.states.push_back(add(CleaveDialect::kState, spec.name, shape));
    const auto init = InitAttr::get(state.ops.getContext(), "constant", spec.value, 0, -1);
    state.inputs.back().attributes.push_back(state.ops.getNamedAttr(CleaveDialect::kInit, init));
  }
  update.step = add(CleaveDialect::kInput, "step", {});
  update.rate = add(CleaveDialect::kInput, "lr", {});
  update.weightDecay = add(CleaveDialect::kInput, "weight_decay", {});
  return update;
}

void ModelBuilder::endUpdate(Value parameter, const std::vector<Value> &states) {
  State &state = *state_;
  llvm::SmallVector<Value> values = {parameter};
  values.append(states.begin(), states.end());
  if (!state.canMake("end of update", values)) return;
  if (!state.gradients.empty()) {
    state.refuse(state.gradients.back().path, "requires that the gradient ends before its update does");
    return;
  }
  if (state.random || !state.parameters.empty())
    return fail(absl::InvalidArgumentError("update: requires what it is given alone, got a parameter or random numbers"));
  std::vector<std::string> names = {"parameter"};
  for (const State::Argument &argument : state.inputs)
    if (argument.attributes[0].getName() == CleaveDialect::kState) names.push_back(argument.name);
  if (names.size() != values.size())
    return fail(absl::InvalidArgumentError(
        absl::StrCat("update: requires ", names.size() - 1, " new states, got ", states.size())));
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].getType() != state.inputs[0].value.getType())
      return fail(absl::InvalidArgumentError(absl::StrCat("update: requires the parameter's type for the new ", names[i],
                                                          ", ", absl::StrJoin(sizesOf(state.inputs[0].value), "x"),
                                                          " of float32, got ", absl::StrJoin(sizesOf(values[i]), "x"))));
  state.finishFunction(values, CleaveDialect::kUpdates, names);
}

}  // namespace cleave
