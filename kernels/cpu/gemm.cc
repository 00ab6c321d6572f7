#include "kernels/cpu/gemm.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include <cstdio>

#include "kernels/cpu/cpu_features.h"

// From the flavour of OpenBLAS that tools/third_party names; the header in the search path is the default flavour's.
extern "C" void cblas_sgemm(int order, int transposeA, int transposeB, int m, int n, int k, float alpha, const float *a,
                            int lda, const float *b, int ldb, float beta, float *c, int ldc);
extern "C" char *openblas_get_config();  // begins with "OpenBLAS 0.3.21 "
extern "C" char *openblas_get_corename();

namespace cleave {
namespace {

// Both libraries divide their work among OpenMP's threads, which would fight with ours: within this scope it finds one.
class OneOpenMpThread {
 public:
  OneOpenMpThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneOpenMpThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }

 private:
  int before_;
};

// Products of at most this many multiplications cost oneDNN more to begin than to do.
constexpr int64_t kSmall = 32 * 32 * 32;

}  // namespace

// Measured on an AVX-512 machine (GFLOP/s on one thread, oneDNN 2.6 and OpenBLAS 0.3.21):
//   16x16x16 23, 87;  32x32x32 91, 150;  64x64x64 131, 110;  256x768x768 169, 154;  256x50257x768 169, 149.
// On AVX2 machines OpenBLAS was the faster throughout.
GemmLibrary chooseGemm(int64_t m, int64_t n, int64_t k) {
  static const bool kHasAvx512 = hasAvx512();
  const bool isSmall = m <= kSmall && n <= kSmall && k <= kSmall && m * n * k <= kSmall;
  return kHasAvx512 && !isSmall ? GemmLibrary::kOneDnn : GemmLibrary::kOpenBlas;
}

std::string describeGemm() {
  const dnnl_version_t *version = dnnl_version();
  const std::string config = openblas_get_config();
  const size_t begin = config.find(' ') + 1;
  const bool isOneDnn = chooseGemm(256, 256, 256) == GemmLibrary::kOneDnn;
  char text[200];
  std::snprintf(text, sizeof(text), "onednn %d.%d.%d isa 0x%x, openblas %s %s; large products by %s", version->major,
                version->minor, version->patch, unsigned(dnnl_get_effective_cpu_isa()),
                config.substr(begin, config.find(' ', begin) - begin).c_str(), openblas_get_corename(),
                isOneDnn ? "onednn" : "openblas");
  return text;
}

void gemm(int64_t m, int64_t n, int64_t k, float alpha, GemmMatrix a, GemmMatrix b, float beta, float *c,
          int64_t cStride) {
  gemmWith(chooseGemm(m, n, k), m, n, k, alpha, a, b, beta, c, cStride);
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
