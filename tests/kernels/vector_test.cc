// The loops of each instruction set that this CPU has, against the C library in double.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/api/random.h"
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

// Inputs of one length, and what a table's loops make of them.
class Outcome {
 public:
  Outcome(const VectorKernels &loops, const std::vector<float> &a, const std::vector<float> &b) : n_(a.size()) {
    const VectorKernels &k = loops;
    for (Unary *loop : {k.neg, k.abs, k.relu, k.exp, k.tanh, k.sigmoid, k.silu, k.gelu, k.geluTanh})
      loop(a.data(), next(), n_);
    for (Binary *loop : {k.add, k.sub, k.mul, k.div, k.maximum, k.minimum, k.reluGradient, k.siluGradient,
                         k.geluGradient, k.geluTanhGradient})
      loop(a.data(), b.data(), next(), n_);
    std::vector<float> positive(n_);
    k.abs(a.data(), positive.data(), n_);
    k.sqrt(positive.data(), next(), n_);
    k.rsqrt(positive.data(), next(), n_);
    k.scale(a.data(), 0.3f, next(), n_);
    const std::vector<uint8_t> condition(n_, 1);
    k.select(condition.data(), a.data(), b.data(), next(), n_);
    const float *terms[] = {a.data(), b.data(), a.data()};
    k.addN(terms, 3, 0, next(), n_);
    k.dropout({{1, 2, 3, 4}, 5}, 1u << 30, 1.3f, 3, a.data(), next(), n_);
    k.expShifted(a.data(), 0.5f, next(), n_);
    std::copy(b.begin(), b.end(), next());
    k.axpy(0.7f, a.data(), outputs_.back().data(), n_);
    k.softmaxGradientRow(a.data(), b.data(), 0.2f, next(), n_);
    k.crossEntropyGradientRow(a.data(), 1, 0.5f, next(), n_);
    addRows(k, a, b, positive);
  }

  const std::vector<std::vector<float>> &outputs() const { return outputs_; }

 private:
  float *next() {
    outputs_.emplace_back(n_ + 1);  // some place to point to, even of nothing
    return outputs_.back().data();
  }

  void addRows(const VectorKernels &k, const std::vector<float> &a, const std::vector<float> &b,
               const std::vector<float> &positive) {
    float *statistics = next();
    if (n_ > 0) k.layerNormRow(a.data(), b.data(), a.data(), 1e-3f, next(), statistics, statistics + n_, n_);
    float *gamma = next(), *beta = next();
    k.layerNormGradientRow(a.data(), b.data(), a.data(), 0.1f, 0.9f, next(), gamma, beta, n_);
    k.rmsNormRow(a.data(), b.data(), 1e-3f, next(), statistics, n_);
    gamma = next();
    k.rmsNormGradientRow(a.data(), b.data(), a.data(), 0.9f, next(), gamma, n_);
    float *second = next();
    k.rotateHalves(a.data(), b.data(), a.data(), b.data(), next(), second, n_);
    float *m = next(), *v = next();
    k.adamw({0.1f, 0.5f, 1e-6f, 0.99f, 0.9f, 0.1f, 0.99f, 0.01f, 2, 3}, a.data(), b.data(), b.data(), positive.data(),
            next(), m, v, n_);
    float *buffer = next();
    k.sgd({0.1f, 0.5f, 0.9f, 0.01f}, a.data(), b.data(), b.data(), next(), buffer, n_);
    k.sgd({0.1f, 0.5f, 0, 0.01f}, a.data(), b.data(), nullptr, next(), nullptr, n_);
  }

  int64_t n_;
  std::vector<std::vector<float>> outputs_;
};

TEST(VectorLoops, DoTheSameInEveryInstructionSet) {
  std::mt19937 random(static_cast<unsigned>(testing::testSeed()));
  std::normal_distribution<float> normal;
  for (int64_t n : {0, 1, 5, 16, 37, 300}) {
    std::vector<float> a(n), b(n);
    for (float &value : a) value = normal(random);
    for (float &value : b) value = normal(random);
    const Outcome expected(baseline::kVectorKernels, a, b);
    for (const VectorKernels *loops : supportedVectorKernels()) {
      const Outcome seen(*loops, a, b);
      for (size_t i = 0; i < expected.outputs().size(); ++i)
        for (int64_t j = 0; j < n; ++j)
          EXPECT_NEAR(seen.outputs()[i][j], expected.outputs()[i][j],
                      2e-5 * std::max(1.0f, std::abs(expected.outputs()[i][j])))
              << loops->name << " output " << i << " element " << j << " of " << n << ", seed " << testing::testSeed();
    }
  }
}

TEST(VectorLoops, DrawTheWordsOfPhilox) {
  for (const VectorKernels *loops : supportedVectorKernels())
    for (uint64_t first : {uint64_t{0}, uint64_t{77}, (uint64_t{1} << 32) - 5}) {
      std::vector<uint32_t> words(4 * kRandomBlocks);
      loops->randomWords({{1, 2, 3, 4}, 5}, first, words.data());
      for (int64_t i = 0; i < 4 * kRandomBlocks; ++i)
        EXPECT_EQ(words[i], randomBlock({1, 2, 3, 4}, 5, first + i / 4)[i % 4])
            << loops->name << " " << first << " " << i;
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
