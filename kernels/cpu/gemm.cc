#include "kernels/cpu/gemm.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <cstdio>

#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/one_openmp_thread.h"

// From the flavour of OpenBLAS that tools/third_party names; the header in the search path is the default flavour's.
extern "C" void cblas_sgemm(int order, int transposeA, int transposeB, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);
extern "C" char *openblas_get_config();  // begins with "OpenBLAS 0.3.21 "
extern "C" char *openblas_get_corename();

namespace cleave {
namespace {

// Products of at most this many multiplications cost oneDNN more to begin than to do.
constexpr int64_t kSmall = 32 * 32 * 32;

// From so many on the primitive is worth what it costs to find.
constexpr int64_t kWorthPrimitive = int64_t{4} << 20;
constexpr int64_t kFewRows = 512, kPageFloats = 1024;

// Where the BLAS call copies operands slowly.
bool suitsMatmulPrimitive(int64_t m, const GemmMatrix &a, const GemmMatrix &b) {
  return a.isTransposed ? a.stride % kPageFloats == 0 && !b.isTransposed : b.isTransposed && m <= kFewRows;
}

dnnl::memory::desc describe(int64_t rows, int64_t columns, int64_t stride, bool isTransposed) {
  const dnnl::memory::dims strides = isTransposed ? dnnl::memory::dims{1, stride} : dnnl::memory::dims{stride, 1};
  return {{rows, columns}, dnnl::memory::data_type::f32, strides};
}

// Equal primitives are made once: the library keeps them.
void matmulPrimitive(int64_t m, int64_t n, int64_t k, float alpha, const GemmMatrix &a, const GemmMatrix &b, float beta,
                     float *c, int64_t cStride) {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  thread_local dnnl::stream stream(engine);
  const dnnl::memory::desc of[] = {describe(m, k, a.stride, a.isTransposed), describe(k, n, b.stride, b.isTransposed),
                                   describe(m, n, cStride, false)};
  dnnl::primitive_attr attributes;
  if (alpha != 1) attributes.set_output_scales(/*mask=*/0, {alpha});
  if (beta != 0) {
    dnnl::post_ops sum;
    sum.append_sum(beta);
    attributes.set_post_ops(sum);
  }
  const dnnl::matmul product({dnnl::matmul::desc(of[0], of[1], of[2]), attributes, engine});
  const auto memoryAt = [&](int i, const float *data) {
    return dnnl::memory(of[i], engine, const_cast<float *>(data));
  };
  product.execute(stream, {{DNNL_ARG_SRC, memoryAt(0, a.data)},
                           {DNNL_ARG_WEIGHTS, memoryAt(1, b.data)},
                           {DNNL_ARG_DST, memoryAt(2, c)}});
  stream.wait();
}

}  // namespace

// Measured on an AVX-512 machine (GFLOP/s on one thread, oneDNN 2.6 and OpenBLAS 0.3.21):
//   16x16x16 23, 87;  32x32x32 91, 150;  64x64x64 131, 110;  256x768x768 169, 154;  256x50257x768 169, 149.
// On another one, oneDNN's BLAS call and its matmul primitive; with b transposed:
//   128x768x3072 184, 207;  256x512x1024 206, 216;  256x768x3072 211, 228;  512x768x3072 220, 227;  1024x1024x512 240, 234;
// with a transposed: 1024x512x256 202, 219;  2048x512x1024 184, 217;  1536x768x256 234, 219;  512x512x256 223, 216.
// On AVX2 machines OpenBLAS was the faster throughout.
GemmLibrary chooseGemm(int64_t m, int64_t n, int64_t k, const GemmMatrix &a, const GemmMatrix &b) {
  static const bool kHasAvx512 = hasAvx512();
  const bool isSmall = m <= kSmall && n <= kSmall && k <= kSmall && m * n * k <= kSmall;
  if (!kHasAvx512 || isSmall) return GemmLibrary::kOpenBlas;
  const bool isLarge = double(m) * double(n) * double(k) >= double(kWorthPrimitive);
  return isLarge && suitsMatmulPrimitive(m, a, b) ? GemmLibrary::kOneDnnMatmul : GemmLibrary::kOneDnn;
}

std::string describeGemm() {
  const dnnl_version_t *version = dnnl_version();
  const std::string config = openblas_get_config();
  const size_t begin = config.find(' ') + 1;
  const bool isOneDnn = chooseGemm(256, 256, 256, {}, {}) == GemmLibrary::kOneDnn;
  char text[200];
  std::snprintf(text, sizeof(text), "onednn %d.%d.%d isa 0x%x, openblas %s %s; large products by %s", version->major,
                version->minor, version->patch, unsigned(dnnl_get_effective_cpu_isa()),
                config.substr(begin, config.find(' ', begin) - begin).c_str(), openblas_get_corename(),
                isOneDnn ? "onednn" : "openblas");
  return text;
}

void gemm(int64_t m, int64_t n, int64_t k, float alpha, GemmMatrix a, GemmMatrix b, float beta, float *c,
          int64_t cStride) {
  gemmWith(chooseGemm(m, n, k, a, b), m, n, k, alpha, a, b, beta, c, cStride);
}

void gemmWith(GemmLibrary library, int64_t m, int64_t n, int64_t k, float alpha, GemmMatrix a, GemmMatrix b, float beta,
              float *c, int64_t cStride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) c[i * cStride + j] = beta == 0 ? 0.0f : beta * c[i * cStride + j];
    return;
  }
  const OneOpenMpThread scope;
  if (library == GemmLibrary::kOneDnnMatmul) return matmulPrimitive(m, n, k, alpha, a, b, beta, c, cStride);
  if (library == GemmLibrary::kOneDnn) {
    dnnl_sgemm(a.isTransposed ? 'T' : 'N', b.isTransposed ? 'T' : 'N', m, n, k, alpha, a.data, a.stride, b.data,
               b.stride, beta, c, cStride);
    return;
  }
  constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;
  cblas_sgemm(kRowMajor, a.isTransposed ? kTransposed : kPlain, b.isTransposed ? kTransposed : kPlain, int(m), int(n),
              int(k), alpha, a.data, int(a.stride), b.data, int(b.stride), beta, c, int(cStride));
}

}  // namespace cleave
