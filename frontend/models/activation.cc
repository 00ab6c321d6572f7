#include "frontend/models/activation.h"

#include "absl/strings/str_cat.h"

namespace cleave {
namespace {

struct NamedActivation {
  const char *name;
  Activation activation;
};

constexpr NamedActivation kActivations[] = {
    {"gelu", Activation::kGelu},
    {"gelu_python", Activation::kGelu},
    {"gelu_new", Activation::kTanhGelu},
    {"gelu_pytorch_tanh", Activation::kTanhGelu},
    {"gelu_python_tanh", Activation::kTanhGelu},
    {"gelu_accurate", Activation::kTanhGelu},
    {"gelu_fast", Activation::kTanhGelu},
    {"relu", Activation::kRelu},
    {"silu", Activation::kSilu},
    {"swish", Activation::kSilu},
    {"tanh", Activation::kTanh},
    {"sigmoid", Activation::kSigmoid},
    {"linear", Activation::kLinear},
    {"quick_gelu", Activation::kQuickGelu},
    {"relu2", Activation::kSquaredRelu},
};

}  // namespace

std::optional<Activation> findActivation(absl::string_view name) {
  for (const NamedActivation &known : kActivations)
    if (name == known.name) return known.activation;
  return std::nullopt;
}

std::string activationNames() {
  std::string names;
  for (const NamedActivation &known : kActivations) absl::StrAppend(&names, names.empty() ? "" : ", ", known.name);
  return names;
}

}  // namespace cleave
