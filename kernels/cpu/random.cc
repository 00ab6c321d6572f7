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

}  // namespace

absl::Status dropout(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const RandomKey key = randomKeyOf(call.inputs[1]);
  const double rate = attributes.getDouble("rate");
  const DropoutDraw draw = {{key.seedLow, key.seedHigh, key.stepLow, key.stepHigh},
                            static_cast<uint32_t>(attributes.getInt("id")),
                            dropoutThreshold(rate),
                            static_cast<float>(1 / (1 - rate))};
  const uint64_t elementOffset = attributes.getInt("element_offset");
  const float *x = call.inputs[0].as<float>();
  float *y = call.outputs[0].as<float>();
  Runs(call.outputs[0], attributes).forEach(context.pool, [&](int64_t local, uint64_t global, int64_t n) {
    vectorKernels().dropout(draw, global + elementOffset, x + local, y + local, n);
  });
  return absl::OkStatus();
}

absl::Status random(const KernelCall &call, KernelContext &context) {
  const Attributes &attributes = call.attributes;
  const TensorView &out = call.outputs[0];
  const RandomKey key = randomKeyOf(call.inputs[0]);
  const bool isNormal = attributes.getString("distribution") == "normal";
  const double mean = attributes.getDouble("mean"), deviation = attributes.getDouble("deviation");
  const uint32_t id = static_cast<uint32_t>(attributes.getInt("id"));
  const int64_t zeroRow = out.rank > 0 ? attributes.getInt("zero_row", -1) : -1;
  uint64_t rowElements = 1;
  const std::vector<int64_t> &whole = attributes.getInts("global_shape");
  for (size_t d = 1; d < whole.size(); ++d) rowElements *= whole[d];
  float *y = out.as<float>();
  Runs(out, attributes).forEach(context.pool, [&](int64_t local, uint64_t global, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t element = global + i;
      const bool isZero = zeroRow >= 0 && element / rowElements == static_cast<uint64_t>(zeroRow);
      const double unit = isNormal ? normalOf(key, id, element) : 2 * uniformOf(randomBits(key, id, element)) - 1;
      y[local + i] = isZero ? 0.0f : static_cast<float>(mean + deviation * unit);
    }
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
