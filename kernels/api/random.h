// Random numbers that depend on nothing but their key: the same on every device, placement, slicing and order.

#ifndef CLEAVE_KERNELS_API_RANDOM_H
#define CLEAVE_KERNELS_API_RANDOM_H

#include <array>
#include <cmath>
#include <cstdint>

namespace cleave {

// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four words for each counter.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key[1], uint32_t(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// The key of a step: four words of the run's "rng" input: seed low, seed high, step low, step high.
struct RandomKey {
  uint32_t seedLow, seedHigh, stepLow, stepHigh;
};

// 32 random bits of global element `element` of the op with stable id `op`. Four neighbours share one philox block.
inline std::array<uint32_t, 4> randomBlock(const RandomKey &key, uint32_t op, uint64_t block) {
  return philox({uint32_t(block), uint32_t(block >> 32) ^ key.stepHigh, key.stepLow, op}, {key.seedLow, key.seedHigh});
}
inline uint32_t randomBits(const RandomKey &key, uint32_t op, uint64_t element) {
  return randomBlock(key, op, element / 4)[element % 4];
}

// An element is kept by dropout of rate p if its bits are at least p * 2^32.
inline uint32_t dropoutThreshold(double rate) { return uint32_t(rate * 4294967296.0); }

// Uniform in (0, 1).
inline double uniformOf(uint32_t bits) { return (bits + 0.5) * (1.0 / 4294967296.0); }

// Standard normal of a global element (Box-Muller on the first two words of its own block).
inline double normalOfWords(uint32_t first, uint32_t second) {
  return std::sqrt(-2.0 * std::log(uniformOf(first))) * std::cos(6.283185307179586 * uniformOf(second));
}
inline double normalOf(const RandomKey &key, uint32_t op, uint64_t element) {
  const auto words = randomBlock(key, op, element);
  return normalOfWords(words[0], words[1]);
}

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_RANDOM_H
