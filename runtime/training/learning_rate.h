// The learning rate of each step.

#ifndef CLEAVE_RUNTIME_TRAINING_LEARNING_RATE_H
#define CLEAVE_RUNTIME_TRAINING_LEARNING_RATE_H

#include <cstdint>

#include "runtime/plan/program.h"

namespace cleave {

// At step t, from 1: rises as lr * t / warmup up to warmup; then it stays, or ("cosine") falls to the minimum at
// totalSteps and stays there.
double learningRateAt(const program::Training &training, int64_t step);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_LEARNING_RATE_H
