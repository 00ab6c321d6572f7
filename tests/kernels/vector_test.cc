// The loops of each instruction set that this CPU has, against the C library in double.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/cpu/cpu_features.h"
#include "tests/kernels/testing.h"

namespace cleave {
namespace {

// The largest error over many arguments in [low, high], relative to max(|expected|, floor).
double errorOf(Unary *loop, double (*expected)(double), double low, double high, double floor) {
  constexpr int64_t kCount = 100003;
  std::vector<float> x(kCount), y(kCount);
  for (int64_t i = 0; i < kCount; ++i) x[i] = static_cast<float>(low + (high - low) * double(i) / (kCount - 1));
  loop(x.data(), y.data(), kCount);
  double error = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const double want = expected(x[i]);
    error = std::max(error, std::abs(y[i] - want) / std::max(std::abs(want), floor));
  }
  return error;
}

double geluOf(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double sigmoidOf(double x) { return 1 / (1 + std::exp(-x)); }

TEST(VectorLoops, ComputeTranscendentalFunctionsToWithinTwoRoundings) {
  for (const VectorKernels *loops : supportedVectorKernels()) {
    SCOPED_TRACE(loops->name);
    EXPECT_LE(errorOf(loops->exp, std::exp, -87, 88, 0), 2e-7);
    EXPECT_LE(errorOf(loops->tanh, std::tanh, -10, 10, 1e-9), 2.5e-7);
    EXPECT_LE(errorOf(loops->tanh, std::tanh, -0.7, 0.7, 1e-9), 2.5e-7);
    EXPECT_LE(errorOf(loops->sigmoid, sigmoidOf, -80, 80, 0), 3e-7);
    EXPECT_LE(errorOf(loops->gelu, geluOf, -6, 6, 1), 3e-7);
  }
}

TEST(VectorLoops, AgreeBetweenInstructionSets) {
  std::mt19937 random(static_cast<unsigned>(testing::testSeed()));
  std::normal_distribution<float> normal;
  for (int64_t n : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 65, 129, 1000}) {
    std::vector<float> a(n), b(n);
    for (float &value : a) value = normal(random);
    for (float &value : b) value = normal(random);
    for (const VectorKernels *loops : supportedVectorKernels()) {
      SCOPED_TRACE(loops->name);
      double sum = 0, dot = 0, squares = 0, high = -HUGE_VAL, low = HUGE_VAL, exponentials = 0;
      for (int64_t i = 0; i < n; ++i) {
        sum += a[i];
        dot += double(a[i]) * b[i];
        squares += double(a[i]) * a[i];
        high = std::max<double>(high, a[i]);
        low = std::min<double>(low, a[i]);
        exponentials += std::exp(double(a[i]) - 1);
      }
      EXPECT_NEAR(loops->sum(a.data(), n), sum, 1e-4);
      EXPECT_NEAR(loops->dot(a.data(), b.data(), n), dot, 1e-4);
      EXPECT_NEAR(loops->sumSquares(a.data(), n), squares, 1e-9 * squares);
      EXPECT_EQ(loops->largest(a.data(), n), high);
      EXPECT_EQ(loops->smallest(a.data(), n), low);
      EXPECT_NEAR(loops->expShifted(a.data(), 1, nullptr, n), exponentials, 1e-5 * exponentials);
    }
  }
}

TEST(VectorLoops, LetNoNaNGetLost) {
  for (const VectorKernels *loops : supportedVectorKernels())
    for (int64_t n : {1, 5, 16, 100})
      for (int64_t at = 0; at < n; ++at) {
        std::vector<float> x(n, 1);
        x[at] = NAN;
        EXPECT_TRUE(std::isnan(loops->largest(x.data(), n))) << loops->name << " " << at << " of " << n;
        EXPECT_TRUE(std::isnan(loops->smallest(x.data(), n))) << loops->name << " " << at << " of " << n;
        EXPECT_TRUE(std::isnan(loops->sum(x.data(), n))) << loops->name;
      }
}

}  // namespace
}  // namespace cleave
