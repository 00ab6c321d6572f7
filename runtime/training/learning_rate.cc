#include "runtime/training/learning_rate.h"

#include <algorithm>
#include <cmath>

namespace cleave {

double learningRateAt(const program::Training &training, int64_t step) {
  const double highest = training.learningRate;
  if (step < training.warmup) return highest * double(step) / double(training.warmup);
  if (training.schedule != "cosine") return highest;
  const double steps = double(std::max<int64_t>(1, training.totalSteps - training.warmup));
  const double progress = std::min(1.0, double(step - training.warmup) / steps);
  const double lowest = training.minLearningRate;
  return lowest + (highest - lowest) * 0.5 * (1.0 + std::cos(3.14159265358979323846 * progress));
}

}  // namespace cleave
