#include "kernels/cpu/vector/loops.h"
#include "kernels/cpu/vector/simd.h"

namespace cleave {
namespace CLEAVE_ISA {
namespace {

// The words, four each, of `kBlocks` blocks from `first`, as kernels/api/random.h defines them. Plain loops over arrays
// vectorise.
template <int kBlocks>
void drawBlocks(const RandomDraw &draw, uint64_t first, uint32_t *words) {
  uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks], c3[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    const uint64_t block = first + i;
    c0[i] = uint32_t(block);
    c1[i] = uint32_t(block >> 32) ^ draw.key[3];
    c2[i] = draw.key[2];
    c3[i] = draw.id;
  }
  uint32_t k0 = draw.key[0], k1 = draw.key[1];
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < kBlocks; ++i) {
      const uint64_t a = uint64_t{0xD2511F53} * c0[i], b = uint64_t{0xCD9E8D57} * c2[i];
      const uint32_t n0 = uint32_t(b >> 32) ^ c1[i] ^ k0, n2 = uint32_t(a >> 32) ^ c3[i] ^ k1;
      c0[i] = n0;
      c1[i] = uint32_t(b);
      c2[i] = n2;
      c3[i] = uint32_t(a);
    }
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  for (int i = 0; i < kBlocks; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

}  // namespace

void randomWords(const RandomDraw &draw, uint64_t firstBlock, uint32_t *words) {
  drawBlocks<kRandomBlocks>(draw, firstBlock, words);
}

void dropout(const RandomDraw &draw, uint32_t threshold, float factor, uint64_t element, const float *x, float *y,
             int64_t n) {
  constexpr int kFew = 16;  // blocks, for what is left of a row
  uint32_t words[4 * kRandomBlocks];
  for (int64_t i = 0; i < n;) {
    const int64_t skipped = (element + i) % 4, left = n - i;
    int64_t count = 4 * kFew - skipped;
    if (left <= count) {
      drawBlocks<kFew>(draw, (element + i) / 4, words);
    } else {
      drawBlocks<kRandomBlocks>(draw, (element + i) / 4, words);
      count = 4 * kRandomBlocks - skipped;
    }
    if (count > left) count = left;
    for (int64_t j = 0; j < count; ++j) y[i + j] = words[skipped + j] >= threshold ? x[i + j] * factor : 0.0f;
    i += count;
  }
}

}  // namespace CLEAVE_ISA
}  // namespace cleave
