// Optimizers of the user's own: functions of the module that update parameters of one type each.
//
//   func.func @update(%p: T {cleave.input = "parameter"}, %g: T {cleave.input = "gradient"}, %m: T {cleave.state = "m"},
//                     %t: tensor<f32> {cleave.input = "step"}, %lr: tensor<f32> {cleave.input = "lr"})
//       -> (T {cleave.updates = "parameter"}, T {cleave.updates = "m"}) attributes {cleave.entry = "update"}
//
// Arguments may stand in any order, and all but the parameter may be absent. "step" counts updates from 1; besides "lr"
// there is "weight_decay", as groups and the parameter's rank say. A state starts with the mean of its cleave.init, else
// with 0.

#ifndef CLEAVE_PASSES_DIFFERENTIATE_CUSTOM_UPDATE_H
#define CLEAVE_PASSES_DIFFERENTIATE_CUSTOM_UPDATE_H

#include <string>
#include <vector>

#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace cleave {

inline constexpr llvm::StringLiteral kUpdateEntry = "update";

struct CustomUpdate {
  // What an update reads besides the states; null where nothing is there.
  struct Inputs {
    mlir::Value parameter, gradient, step, rate, weightDecay;
  };
  struct State {
    std::string name;
    InitAttr init;  // or null
  };

  mlir::func::FuncOp function;
  mlir::RankedTensorType type;  // of the parameter, the gradient and the states
  std::vector<State> states;

  // Writes the update's ops, whose names begin with `name` and a dot. The new parameter, then the new states.
  llvm::SmallVector<mlir::Value> write(mlir::OpBuilder &b, const Inputs &inputs, llvm::ArrayRef<mlir::Value> states,
                                       const std::string &name, LayerAttr layer) const;
};

// The module's updates, one a type of parameter; an error names what is wrong with one.
mlir::FailureOr<std::vector<CustomUpdate>> customUpdatesOf(mlir::ModuleOp module);

}  // namespace cleave

#endif  // CLEAVE_PASSES_DIFFERENTIATE_CUSTOM_UPDATE_H
