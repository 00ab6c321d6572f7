// Single-threaded matrix products by a library.

#ifndef CLEAVE_KERNELS_CPU_GEMM_H
#define CLEAVE_KERNELS_CPU_GEMM_H

#include <cstdint>
#include <string>

namespace cleave {

// Row-major, lines `stride` elements apart; `isTransposed` says that it is stored the other way round.
struct GemmMatrix {
  const float *data;
  int64_t stride;
  bool isTransposed = false;
};

// Of oneDNN its BLAS call, or its matmul primitive.
enum class GemmLibrary { kOneDnn, kOneDnnMatmul, kOpenBlas };

// The fastest for a product of these extents on this CPU: a fixed table, never timed in a run.
GemmLibrary chooseGemm(int64_t m, int64_t n, int64_t k, const GemmMatrix &a, const GemmMatrix &b);

// What decides the bits of a product besides its extents: both libraries' versions and the CPU that they see.
std::string describeGemm();  // "onednn 2.6.3 isa 0x1ff, openblas 0.3.21 SkylakeX; large products by onednn"

// c [m, n] = alpha * a [m, k] * b [k, n] + beta * c, on the calling thread. Where beta is 0, c is not read.
// Extents and strides are at most kMaxGemmExtent.
void gemm(int64_t m, int64_t n, int64_t k, float alpha, GemmMatrix a, GemmMatrix b, float beta, float *c,
          int64_t cStride);

// The same by a given library.
void gemmWith(GemmLibrary library, int64_t m, int64_t n, int64_t k, float alpha, GemmMatrix a, GemmMatrix b, float beta,
              float *c, int64_t cStride);

inline constexpr int64_t kMaxGemmExtent = 0x7FFFFFFF;

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CPU_GEMM_H
