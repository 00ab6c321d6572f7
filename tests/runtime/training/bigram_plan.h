// A whole training plan that is small enough to make by hand.

#ifndef CLEAVE_TESTS_RUNTIME_TRAINING_BIGRAM_PLAN_H
#define CLEAVE_TESTS_RUNTIME_TRAINING_BIGRAM_PLAN_H

#include <cstdint>
#include <string>

#include "kernels/api/registry.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {

struct BigramSizes {
  int64_t ranks = 2;
  int64_t batch = 4;  // split over the ranks
  int64_t sequence = 8;
  int64_t vocabulary = 16;
  double dropout = 0.1;
  double momentum = 0.9;
};

// Next-token prediction from a table [v, v] of logits, with dropout on them and SGD with momentum: entries "step",
// "evaluate", "logits" and "initialize", parameter "table.weight", state "momentum(table.weight)".
plan::Plan makeBigramPlan(const BigramSizes &sizes = {});

// Writes it as a file.
std::string bigramPlanBytes(const BigramSizes &sizes = {});

// The reference kernels.
Registry makeReferenceRegistry();

}  // namespace cleave

#endif  // CLEAVE_TESTS_RUNTIME_TRAINING_BIGRAM_PLAN_H
