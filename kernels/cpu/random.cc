#include "kernels/api/random.h"

#include "kernels/checks/arguments.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// A part of a whole tensor as runs of elements that are neighbours in both.
class Runs {
 public:
  Runs(const TensorView &part, const Attributes &attributes)
      : part_(part), whole_(attributes.getInts("global_shape")), offset_(attributes.getInts("offset")) {
    // Dimensions from `inner_` on are in one piece: all but the first of them are whole.
    inner_ = part.rank;
    while (inner_ > 0) {
      length_ *= part.shape[--inner_];
      if (part.shape[inner_] != whole_[inner_]) break;
    }
    for (int d = 0; d < inner_; ++d) count_ *= part.shape[d];
  }

  // Calls body(local, global, n) for stretches of at most kGrain elements that cover the part.
  template <typename Body>
  void forEach(ThreadPool &pool, Body body) const {
    if (length_ == 0) return;
    if (length_ >= kGrain) {
      const int64_t pieces = tilesOf(length_, kGrain);
      pool.parallelFor(count_ * pieces, [&](int64_t tile, int) {
        const int64_t run = tile / pieces, begin = tile % pieces * kGrain;
        body(run * length_ + begin, startOf(run) + begin, std::min(kGrain, length_ - begin));
      });
      return;
    }
    forRanges(pool, count_, rowGrain(length_), [&](int64_t begin, int64_t end) {
      for (int64_t run = begin; run < end; ++run) body(run * length_, startOf(run), length_);
    });
  }

 private:
  // The global element that run number `run` begins with.
  uint64_t startOf(int64_t run) const {
    uint64_t start = 0, stride = 1;
    for (int d = part_.rank - 1; d >= 0; --d) {
      int64_t index = offset_[d];
      if (d < inner_) {
        index += run % part_.shape[d];
        run /= part_.shape[d];
      }
      start += index * stride;
      stride *= whole_[d];
    }
    return start;
  }

  const TensorView &part_;
  const std::vector<int64_t> &whole_, &offset_;
  int inner_;
  int64_t length_ = 1, count_ = 1;
};

RandomDraw drawOf(const TensorView &key, const Attributes &attributes) {
  const RandomKey words = randomKeyOf(key);
  return {{words.seedLow, words.seedHigh, words.stepLow, words.stepHigh},
          static_cast<uint32_t>(attributes.getInt("id"))};
}

// Units of n elements from global `element`: standard normals, or uniform in [-1, 1).
void drawUnits(const RandomDraw &draw, bool isNormal, uint64_t element, double *units, int64_t n) {
  const RandomKey key = {draw.key[0], draw.key[1], draw.key[2], draw.key[3]};
  if (!isNormal) {
    for (int64_t i = 0; i < n; ++i) units[i] = 2 * uniformOf(randomBits(key, draw.id, element + i)) - 1;
    return;
  }
  uint32_t words[4 * kRandomBlocks];
  vectorKernels().randomWords(draw, element, words);  // as normalOf: a block for each element
  for (int64_t i = 0; i < n; ++i) units[i] = normalOfWords(words[4 * i], words[4 * i + 1]);
}

}  // namespace

absl::Status dropout(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const RandomDraw draw = drawOf(call.inputs[1], attributes);
  const double rate = attributes.getDouble("rate");
  const uint32_t threshold = dropoutThreshold(rate);
  const float factor = static_cast<float>(1 / (1 - rate));
  const uint64_t elementOffset = attributes.getInt("element_offset");
  const float *x = call.inputs[0].as<float>();
  float *y = call.outputs[0].as<float>();
  Runs(call.outputs[0], attributes).forEach(context.pool, [&](int64_t local, uint64_t global, int64_t n) {
    vectorKernels().dropout(draw, threshold, factor, global + elementOffset, x + local, y + local, n);
  });
  return absl::OkStatus();
}

absl::Status random(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const TensorView &out = call.outputs[0];
  const RandomDraw draw = drawOf(call.inputs[0], attributes);
  const bool isNormal = attributes.getString("distribution") == "normal";
  const double mean = attributes.getDouble("mean"), deviation = attributes.getDouble("deviation");
  const int64_t zeroRow = out.rank > 0 ? attributes.getInt("zero_row", -1) : -1;
  uint64_t rowElements = 1;
  const std::vector<int64_t> &whole = attributes.getInts("global_shape");
  for (size_t d = 1; d < whole.size(); ++d) rowElements *= whole[d];
  float *y = out.as<float>();
  Runs(out, attributes).forEach(context.pool, [&](int64_t local, uint64_t global, int64_t n) {
    double units[kRandomBlocks];
    for (int64_t i = 0; i < n; i += kRandomBlocks) {
      const int64_t count = std::min<int64_t>(kRandomBlocks, n - i);
      drawUnits(draw, isNormal, global + i, units, count);
      for (int64_t j = 0; j < count; ++j) {
        const bool isZero = zeroRow >= 0 && (global + i + j) / rowElements == static_cast<uint64_t>(zeroRow);
        y[local + i + j] = isZero ? 0.0f : static_cast<float>(mean + deviation * units[j]);
      }
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
