// What a session runs in training, one step at a time: the loop of `train` and callers with loops of their own share
// it.

#ifndef CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H
#define CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/session.h"
#include "runtime/training/metrics.h"
#include "runtime/weights/weight_map.h"

namespace cleave {

// Draws all parameters by seed: entry "initialize" (input "rng").
absl::Status drawParameters(Session &session, uint64_t seed);

// Reads all parameters from a file of weights. Those of an adapter are drawn where the file has none of it. What was read.
absl::StatusOr<WeightPart> loadParameters(Session &session, const std::string &path, uint64_t seed);

// Takes step `step` (from 1) on a batch: entry "step" (inputs: the data's, "lr" f32, "rng" i32[4]; outputs "loss",
// "tokens", "grad_norm" and "metrics.NAME", all f32 scalars). The metrics lack what only the caller knows: dataMs and what
// is evaluated.
absl::StatusOr<StepMetrics> takeStep(Session &session, uint64_t seed, int64_t step, Inputs data);

// Losses and metrics of batches that are evaluated one after the other.
class Evaluation {
 public:
  // Runs entry "evaluate" (the data's inputs; outputs "loss_sum", "tokens", and metrics).
  absl::Status add(Session &session, const Inputs &data);

  double loss() const { return loss_.mean(); }         // over all labels that count; 0 where there are none
  std::map<std::string, double> named() const;         // over what they count, or over batches

 private:
  struct Sum {
    double sum = 0, count = 0;
    double mean() const { return count > 0 ? sum / count : 0; }
  };

  Sum loss_;
  std::map<std::string, Sum> named_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H
