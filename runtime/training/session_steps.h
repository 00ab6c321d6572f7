// What a session runs in training, one step at a time: the loop of `train` and callers with loops of their own share
// it.

#ifndef CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H
#define CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/session.h"
#include "runtime/training/metrics.h"

namespace cleave {

// Draws all parameters by seed: entry "initialize" (input "rng").
absl::Status drawParameters(Session &session, uint64_t seed);

// Reads all parameters from a file of weights. Those of an adapter are drawn where the file has none of it.
absl::Status loadParameters(Session &session, const std::string &path, uint64_t seed);

// Takes step `step` (from 1) on a batch: entry "step" (inputs: the data's, "lr" f32, "rng" i32[4]; outputs "loss",
// "tokens", "grad_norm", all f32 scalars). The metrics lack what only the caller knows: dataMs, evalLoss.
absl::StatusOr<StepMetrics> takeStep(Session &session, uint64_t seed, int64_t step, Inputs data);

struct LossSum {
  double sum = 0, tokens = 0;  // over the labels that count, and their number
};

// Entry "evaluate" (the data's; "loss_sum", "tokens").
absl::StatusOr<LossSum> evaluateBatch(Session &session, const Inputs &data);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_SESSION_STEPS_H
