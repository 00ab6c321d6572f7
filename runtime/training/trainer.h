// Runs the steps of a plan on data: the loop around a session.

#ifndef CLEAVE_RUNTIME_TRAINING_TRAINER_H
#define CLEAVE_RUNTIME_TRAINING_TRAINER_H

#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/links.h"
#include "runtime/plan/program.h"
#include "runtime/session.h"

namespace cleave {

struct TrainOptions {
  std::string data;   // a path, as all texts below; empty: not asked for
  int64_t steps = 0;  // in all, those before a resumption included
  int tokenBytes = 2;
  // Absent: the resumed run's, else shuffled and 0.
  std::optional<std::string> order;  // "shuffled" or "sequential"
  std::optional<uint64_t> seed;
  int threads = 0;  // of each device; 0: cores / devices
  double deadlineSeconds = 60;
  std::string init;  // weights
  std::string save;  // weights
  std::string checkpoint;
  int64_t checkpointEvery = 0;  // steps; 0: at the end alone
  std::string resume;
  std::string evalData;
  int64_t evalEvery = 0;  // steps; 0: at the end alone
  std::string metrics;
  std::string tensorboard;  // a folder
  std::string trace;
  bool allowNonfinite = false;
  LinkSpeeds links;           // that collectives act as if they had
  // Transfers are left out: numbers are wrong, which metrics and progress say, need not be finite, and can't be saved.
  bool withoutCommunication = false;
  std::string kernelChoices;  // what this machine's kernels are, for the run's record
  // Asked before each step; true ends the run as an interruption. May be empty.
  std::function<bool()> shouldStop;
  // The devices that are here, where several processes train together: the first one alone writes files and metrics.
  SessionPart part;
  std::FILE *progress = nullptr;  // for a person; null: silent
};

struct TrainOutcome {
  int64_t steps = 0;  // that have been taken in all
  bool isInterrupted = false;
};

// The plan's entries: "step" (inputs: the data's, "lr" f32, "rng" i32[4]; outputs "loss", "tokens", "grad_norm" and
// metrics, all f32 scalars), "initialize" (input "rng") and, where evaluation is asked for, "evaluate" (the data's; "loss_sum",
// "tokens"). An error of the run itself is a status; files that were written up to then are whole.
absl::StatusOr<TrainOutcome> train(const LoadedPlan &plan, const TrainOptions &options);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_TRAINER_H
