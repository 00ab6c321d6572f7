// Activations by the names that configs use.

#ifndef CLEAVE_FRONTEND_MODELS_ACTIVATION_H
#define CLEAVE_FRONTEND_MODELS_ACTIVATION_H

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cleave {

enum class Activation { kGelu, kTanhGelu, kRelu, kSilu, kTanh, kSigmoid, kLinear, kQuickGelu, kSquaredRelu };

// "gelu" is the exact one, "gelu_new" and its kin the tanh form.
std::optional<Activation> findActivation(absl::string_view name);
std::string activationNames();  // "gelu, gelu_python, ..."

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_MODELS_ACTIVATION_H
