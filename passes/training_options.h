// What a training run is asked for, and its form as the module attribute "cleave.training": a dictionary with the
// fields below under their names in snake_case.

#ifndef CLEAVE_PASSES_TRAINING_OPTIONS_H
#define CLEAVE_PASSES_TRAINING_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace cleave {

// Parameters whose name matches the glob differ from the others in the fields that are given. The first match wins.
struct ParameterGroup {
  std::string match;
  std::optional<double> lr;            // factor of the learning rate
  std::optional<double> weightDecay;   // whatever the parameter's rank
  std::optional<bool> trainable;
};

struct TrainingOptions {
  std::string optimizer = "adamw";  // or "sgd", or any other name, which states have, for updates of the module's own
  double learningRate = 1e-3, weightDecay = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // AdamW
  double momentum = 0;                                // SGD
  std::optional<double> clipNorm;
  int64_t microbatches = 1;
  std::string schedule = "constant";  // or "cosine"
  int64_t warmup = 0, totalSteps = 0;  // steps
  double minLearningRate = 0;
  int64_t batch = 0, seq = 0, targetSeq = 0;  // examples, tokens; 0 where the model doesn't say
  std::vector<ParameterGroup> groups;

  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;
  // Absent fields keep their defaults. An error names the field that is unknown, of another type or out of range.
  static absl::StatusOr<TrainingOptions> fromAttribute(mlir::DictionaryAttr attribute);
  // Values are in range.
  absl::Status check() const;
};

// Whether `name` matches `glob` (*, ?, [..], {a,b}); an error if the glob is malformed.
absl::StatusOr<bool> matchesGlob(const std::string &glob, const std::string &name);

}  // namespace cleave

#endif  // CLEAVE_PASSES_TRAINING_OPTIONS_H
