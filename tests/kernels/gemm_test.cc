#include "kernels/cpu/gemm.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <random>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/kernels/testing.h"

namespace cleave {
namespace {

constexpr GemmLibrary kLibraries[] = {GemmLibrary::kOneDnn, GemmLibrary::kOneDnnMatmul, GemmLibrary::kOpenBlas};

const char *nameOf(GemmLibrary library) {
  if (library == GemmLibrary::kOpenBlas) return "OpenBLAS";
  return library == GemmLibrary::kOneDnn ? "oneDNN" : "oneDNN's matmul";
}

// Integer-valued, so that every order of summation gives the same bits.
std::vector<float> draw(int64_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> values(count);
  for (float &value : values) value = static_cast<float>(int64_t(random() % 17) - 8);
  return values;
}

// A product whose lines lie three elements further apart than they are long.
struct Product {
  Product(int64_t m, int64_t n, int64_t k, bool transposeA, bool transposeB, uint64_t seed)
      : m(m), n(n), k(k), aStride((transposeA ? m : k) + 3), bStride((transposeB ? k : n) + 3), cStride(n + 3) {
    aValues = draw((transposeA ? k : m) * aStride, seed);
    bValues = draw((transposeB ? n : k) * bStride, seed + 1);
    before = draw(m * cStride, seed + 2);
    a = {aValues.data(), aStride, transposeA};
    b = {bValues.data(), bStride, transposeB};
  }

  std::vector<float> by(GemmLibrary library, float alpha, float beta) const {
    std::vector<float> c = before;
    gemmWith(library, m, n, k, alpha, a, b, beta, c.data(), cStride);
    return c;
  }

  std::vector<float> expected(float alpha, float beta) const {
    std::vector<float> c = before;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        float sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += a.data[a.isTransposed ? l * aStride + i : i * aStride + l] *
                 b.data[b.isTransposed ? j * bStride + l : l * bStride + j];
        c[i * cStride + j] = alpha * sum + beta * c[i * cStride + j];
      }
    return c;
  }

  int64_t m, n, k, aStride, bStride, cStride;
  std::vector<float> aValues, bValues, before;
  GemmMatrix a, b;
};

TEST(Gemm, EqualsPlainLoopsInEachLibrary) {
  for (const auto &[m, n, k] : std::vector<std::tuple<int64_t, int64_t, int64_t>>{
           {1, 1, 1}, {5, 1, 7}, {1, 33, 16}, {17, 19, 23}, {64, 64, 64}, {130, 70, 257}, {3, 5, 0}, {0, 4, 4}})
    for (bool transposeA : {false, true})
      for (bool transposeB : {false, true}) {
        const Product product(m, n, k, transposeA, transposeB, testing::testSeed());
        for (GemmLibrary library : kLibraries)
          for (float beta : {0.0f, 1.0f, 2.0f})
            EXPECT_EQ(product.by(library, 0.5f, beta), product.expected(0.5f, beta))
                << nameOf(library) << " " << m << "x" << n << "x" << k << " " << transposeA << transposeB;
      }
}

TEST(Gemm, GivesThreadsThatMultiplyAtOnceTheirOwnProducts) {
  for (GemmLibrary library : kLibraries) {
    std::atomic<int> wrong{0};
    auto multiply = [&](int number) {
      for (int64_t size : {7, 24, 90}) {
        const Product product(size, size, size, /*transposeA=*/true, /*transposeB=*/false, number);
        const std::vector<float> expected = product.expected(1, 0);
        for (int repeat = 0; repeat < 200; ++repeat) wrong += product.by(library, 1, 0) != expected;
      }
    };
    std::vector<std::thread> threads;
    for (int number = 0; number < 4; ++number) threads.emplace_back(multiply, number);
    for (std::thread &thread : threads) thread.join();
    EXPECT_EQ(wrong, 0) << nameOf(library);
  }
}

TEST(Gemm, DoesNotReadWhatItOverwrites) {
  for (GemmLibrary library : kLibraries) {
    Product product(9, 9, 9, false, false, testing::testSeed());
    const std::vector<float> expected = product.expected(1, 0);
    for (int64_t i = 0; i < 9; ++i)
      for (int64_t j = 0; j < 9; ++j) product.before[i * product.cStride + j] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(product.by(library, 1, 0), expected) << nameOf(library);
  }
}

}  // namespace
}  // namespace cleave
