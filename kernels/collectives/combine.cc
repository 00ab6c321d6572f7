#include "kernels/collectives/combine.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>
#include <vector>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace cleave::collectives {
namespace {

// Small enough for the first-level cache with several sources, large enough to hide the loops' ends.
constexpr int64_t kTile = 1024;

float widenBf16(uint16_t bits) {
  const uint32_t word = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

// Rounds to nearest, ties to even; keeps NaN a NaN.
uint16_t narrowBf16(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  if ((word & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((word >> 16) | 0x40);
  return static_cast<uint16_t>((word + 0x7fffu + ((word >> 16) & 1)) >> 16);
}

float widenF16(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16, exponent = (bits >> 10) & 31, fraction = bits & 0x3ffu;
  uint32_t word = sign;
  if (exponent == 31) {
    word |= 0x7f800000u | (fraction << 13);
  } else if (exponent > 0) {
    word |= ((exponent + 112) << 23) | (fraction << 13);
  } else {
    const float small = static_cast<float>(fraction) * (1.0f / 16777216.0f);  // fraction * 2^-24
    uint32_t smallWord;
    std::memcpy(&smallWord, &small, sizeof smallWord);
    word |= smallWord;
  }
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

uint16_t narrowF16(float value) {
  uint32_t word;
  std::memcpy(&word, &value, sizeof word);
  const uint16_t sign = static_cast<uint16_t>((word >> 16) & 0x8000u);
  const uint32_t magnitude = word & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u;   // NaN
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;  // rounds to infinity
  if (magnitude < 0x38800000u) {                        // subnormal: a multiple of 2^-24
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof scaled);
    scaled = scaled * 16777216.0f + 8388608.0f;  // 2^23: the sum rounds to an integer, ties to even
    uint32_t rounded;
    std::memcpy(&rounded, &scaled, sizeof rounded);
    return sign | static_cast<uint16_t>(rounded - 0x4b000000u);
  }
  const uint32_t rebased = magnitude - 0x38000000u;
  return sign | static_cast<uint16_t>((rebased + 0xfffu + ((rebased >> 13) & 1)) >> 13);
}

// How elements are stored (T) and combined (Sum).
template <typename T>
struct Plain {
  using Stored = T;
  using Sum = T;
  static T widen(T value) { return value; }
  static T narrow(T value) { return value; }
};
struct Bf16 {
  using Stored = uint16_t;
  using Sum = float;
  static float widen(uint16_t bits) { return widenBf16(bits); }
  static uint16_t narrow(float value) { return narrowBf16(value); }
};
struct F16 {
  using Stored = uint16_t;
  using Sum = float;
  static float widen(uint16_t bits) { return widenF16(bits); }
  static uint16_t narrow(float value) { return narrowF16(value); }
};

struct Add {
  template <typename T>
  static T apply(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
    } else {
      return a + b;
    }
  }
};
// NaN wins, whichever side it is on.
struct Max {
  template <typename T>
  static T apply(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <typename T>
  static T apply(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

// What most collectives are, in one pass that reads and writes all streams in step. A target may be one of the sources.
template <typename T, int kSources, int kTargets>
void sumInStep(absl::Span<const char *const> sources, absl::Span<char *const> targets, int64_t count) {
  // What a register holds on every machine, at any address.
  typedef T Vector __attribute__((vector_size(16), aligned(alignof(T)), may_alias));
  constexpr int64_t kElements = 16 / sizeof(T);
  const T *from[kSources];
  T *to[kTargets];
  for (int s = 0; s < kSources; ++s) from[s] = reinterpret_cast<const T *>(sources[s]);
  for (int t = 0; t < kTargets; ++t) to[t] = reinterpret_cast<T *>(targets[t]);
  int64_t i = 0;
  for (; i + kElements <= count; i += kElements) {
    Vector sum = *reinterpret_cast<const Vector *>(from[0] + i);
    for (int s = 1; s < kSources; ++s) sum += *reinterpret_cast<const Vector *>(from[s] + i);
    for (int t = 0; t < kTargets; ++t) *reinterpret_cast<Vector *>(to[t] + i) = sum;
  }
  for (; i < count; ++i) {
    T sum = from[0][i];
    for (int s = 1; s < kSources; ++s) sum += from[s][i];
    for (int t = 0; t < kTargets; ++t) to[t][i] = sum;
  }
}

// False where there is no version for so many sources and targets.
template <typename T>
bool sumInOnePass(absl::Span<const char *const> sources, absl::Span<char *const> targets, int64_t count) {
  using Sum = void (*)(absl::Span<const char *const>, absl::Span<char *const>, int64_t);
  static constexpr Sum kToOne[] = {sumInStep<T, 2, 1>, sumInStep<T, 3, 1>, sumInStep<T, 4, 1>};
  static constexpr Sum kToAll[] = {sumInStep<T, 2, 2>, sumInStep<T, 3, 3>, sumInStep<T, 4, 4>};
  if (sources.size() < 2 || sources.size() > 4 || (targets.size() != 1 && targets.size() != sources.size()))
    return false;
  (targets.size() == 1 ? kToOne : kToAll)[sources.size() - 2](sources, targets, count);
  return true;
}

// Combines `size` elements from `begin` on.
template <typename Type, typename Operation>
void combineTile(absl::Span<const char *const> sources, int64_t begin, int64_t size, typename Type::Stored *tile) {
  using Stored = typename Type::Stored;
  using Sum = typename Type::Sum;
  const auto rowOf = [&](size_t source) { return reinterpret_cast<const Stored *>(sources[source]) + begin; };
  alignas(64) Sum sum[kTile];
  const Stored *first = rowOf(0), *second = rowOf(1);
  for (int64_t i = 0; i < size; ++i) sum[i] = Operation::apply(Type::widen(first[i]), Type::widen(second[i]));
  for (size_t source = 2; source < sources.size(); ++source) {
    const Stored *next = rowOf(source);
    for (int64_t i = 0; i < size; ++i) sum[i] = Operation::apply(sum[i], Type::widen(next[i]));
  }
  for (int64_t i = 0; i < size; ++i) tile[i] = Type::narrow(sum[i]);
}

// By tiles, so that a target may be one of the sources: all sources of a tile are read before any target is written.
template <typename Type, typename Operation>
void combineTyped(absl::Span<const char *const> sources, absl::Span<char *const> targets, int64_t count) {
  using Stored = typename Type::Stored;
  constexpr int64_t kBytes = sizeof(Stored);
  alignas(64) Stored tile[kTile];
  for (int64_t begin = 0; begin < count; begin += kTile) {
    const int64_t size = std::min(kTile, count - begin);
    combineTile<Type, Operation>(sources, begin, size, tile);
    for (char *target : targets) std::memcpy(target + begin * kBytes, tile, size * kBytes);
  }
}

template <typename Type>
void combineBy(Reduction reduction, absl::Span<const char *const> sources, absl::Span<char *const> targets,
               int64_t count) {
  using Stored = typename Type::Stored;
  if constexpr (std::is_floating_point_v<Stored>)
    if (reduction == Reduction::kSum && sumInOnePass<Stored>(sources, targets, count)) return;
  if (reduction == Reduction::kSum) return combineTyped<Type, Add>(sources, targets, count);
  if (reduction == Reduction::kMax) return combineTyped<Type, Max>(sources, targets, count);
  combineTyped<Type, Min>(sources, targets, count);
}

// Copies past the caches where the processor can: nobody reads so much again before it has left them.
void copyLarge(char *target, const char *source, int64_t bytes) {
#ifdef __SSE2__
  constexpr int64_t kVector = 16;
  const int64_t head = -reinterpret_cast<intptr_t>(target) & (kVector - 1);
  std::memcpy(target, source, head);
  int64_t i = head;
  for (; i + 4 * kVector <= bytes; i += 4 * kVector)
    for (int64_t v = 0; v < 4 * kVector; v += kVector)
      _mm_stream_si128(reinterpret_cast<__m128i *>(target + i + v),
                       _mm_loadu_si128(reinterpret_cast<const __m128i *>(source + i + v)));
  _mm_sfence();
  std::memcpy(target + i, source + i, bytes - i);
#else
  std::memcpy(target, source, bytes);
#endif
}

void copyRow(absl::Span<const char *const> sources, absl::Span<char *const> targets, int64_t bytes) {
  constexpr int64_t kLarge = int64_t{1} << 18;
  for (char *target : targets) {
    if (target == sources[0]) continue;
    if (bytes < kLarge) {
      std::memcpy(target, sources[0], bytes);
    } else {
      copyLarge(target, sources[0], bytes);
    }
  }
}

// The innermost dimensions that lie without gaps in all views, taken together: a run of elements; the others are outer.
struct Runs {
  int outerDims = 0;
  int64_t length = 1, count = 1;
};

Runs findRuns(absl::Span<const TensorView> sources, absl::Span<const TensorView> targets) {
  const TensorView &model = targets[0];
  Runs runs;
  runs.outerDims = model.rank;
  const auto isDense = [&](int d) {
    const auto fits = [&](const TensorView &view) { return view.shape[d] == 1 || view.strides[d] == runs.length; };
    return std::all_of(sources.begin(), sources.end(), fits) && std::all_of(targets.begin(), targets.end(), fits);
  };
  while (runs.outerDims > 0 && isDense(runs.outerDims - 1)) runs.length *= model.shape[--runs.outerDims];
  for (int d = 0; d < runs.outerDims; ++d) runs.count *= model.shape[d];
  return runs;
}

int64_t offsetOfRun(const TensorView &view, int outerDims, int64_t run) {
  int64_t offset = 0;
  for (int d = outerDims - 1; d >= 0; --d) {
    offset += run % view.shape[d] * view.strides[d];
    run /= view.shape[d];
  }
  return offset * bytesOf(view.dtype);
}

}  // namespace

void combineRows(Reduction reduction, DType dtype, absl::Span<const char *const> sources,
                 absl::Span<char *const> targets, int64_t count) {
  if (reduction == Reduction::kNone || sources.size() == 1) return copyRow(sources, targets, count * bytesOf(dtype));
  switch (dtype) {
    case DType::kF32: return combineBy<Plain<float>>(reduction, sources, targets, count);
    case DType::kF64: return combineBy<Plain<double>>(reduction, sources, targets, count);
    case DType::kI32: return combineBy<Plain<int32_t>>(reduction, sources, targets, count);
    case DType::kI64: return combineBy<Plain<int64_t>>(reduction, sources, targets, count);
    case DType::kBF16: return combineBy<Bf16>(reduction, sources, targets, count);
    case DType::kF16: return combineBy<F16>(reduction, sources, targets, count);
    // The sum of truth values is "any", as their maximum is.
    case DType::kBool:
      return combineBy<Plain<uint8_t>>(reduction == Reduction::kSum ? Reduction::kMax : reduction, sources, targets,
                                       count);
  }
}

void combineViews(Reduction reduction, absl::Span<const TensorView> sources, absl::Span<const TensorView> targets,
                  int share, int shares) {
  if (targets.empty() || targets[0].elements() == 0) return;
  const DType dtype = targets[0].dtype;
  const Runs runs = findRuns(sources, targets);

  // Many runs are dealt out whole; a single one is cut at cache lines, so that no two threads write to one line.
  const int64_t lineElements = 64 / bytesOf(dtype);
  const bool cutsRuns = runs.count < 4 * shares;
  const int64_t units = cutsRuns ? (runs.length + lineElements - 1) / lineElements : runs.count;
  const int64_t first = units * share / shares, last = units * (share + 1) / shares;
  const int64_t begin = cutsRuns ? std::min(runs.length, first * lineElements) : 0;
  const int64_t end = cutsRuns ? std::min(runs.length, last * lineElements) : runs.length;
  if (begin >= end) return;

  std::vector<const char *> from(sources.size());
  std::vector<char *> to(targets.size());
  for (int64_t run = cutsRuns ? 0 : first; run < (cutsRuns ? runs.count : last); ++run) {
    for (size_t s = 0; s < sources.size(); ++s)
      from[s] = sources[s].as<char>() + offsetOfRun(sources[s], runs.outerDims, run) + begin * bytesOf(dtype);
    for (size_t t = 0; t < targets.size(); ++t)
      to[t] = targets[t].as<char>() + offsetOfRun(targets[t], runs.outerDims, run) + begin * bytesOf(dtype);
    combineRows(reduction, dtype, from, to, end - begin);
  }
}

}  // namespace cleave::collectives
