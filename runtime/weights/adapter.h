// Low-rank adapters (Hu et al., "LoRA", 2021) as Hugging Face PEFT stores them: a folder with adapter_config.json and
// adapter_model.safetensors. Which parameters of a plan are an adapter's, weight_map.h says.

#ifndef CLEAVE_RUNTIME_WEIGHTS_ADAPTER_H
#define CLEAVE_RUNTIME_WEIGHTS_ADAPTER_H

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/plan/program.h"
#include "runtime/weights/slabs.h"

namespace cleave {

inline constexpr int64_t kLargestRank = 1 << 24;
inline constexpr double kLargestAlpha = 1e9, kLargestDropout = 0.999;

// A module M computes M(x) + alpha / rank * B A dropout(x).
struct AdapterConfig {
  int64_t rank = 8;
  double alpha = 8;
  double dropout = 0;
  std::vector<std::string> targets;  // modules of these names, or that end in a dot and one of them
  bool isInputMajor = false;         // of the modules' own weights: [in, out]
  std::string baseModel, taskType;   // empty: not said
};

// Reads a folder's adapter_config.json. Other kinds of adapters, and what else changes what a module computes, are
// errors that name the field.
absl::StatusOr<AdapterConfig> readAdapterConfig(const std::string &folder);

// Writes both files; the folder is made where it is missing.
absl::Status saveAdapter(const std::string &folder, const AdapterConfig &config, const LoadedPlan &plan,
                         VisitPart fill);

// Hands every parameter of the plan's adapter to `take`.
absl::Status loadAdapter(const std::string &folder, const LoadedPlan &plan, VisitPart take);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_WEIGHTS_ADAPTER_H
