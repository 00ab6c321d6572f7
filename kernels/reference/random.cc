#include "kernels/api/random.h"

#include "kernels/checks/arguments.h"
#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// The row-major index in the whole tensor of a local index of a part at `offset`.
uint64_t wholeElement(const Index &local, const std::vector<int64_t> &whole, const std::vector<int64_t> &offset) {
  uint64_t element = 0;
  for (size_t d = 0; d < whole.size(); ++d) element = element * whole[d] + offset[d] + local[d];
  return element;
}

}  // namespace

absl::Status dropout(const KernelCall &call, KernelContext &) {
  const Attributes &attributes = call.attributes;
  const TensorView &x = call.inputs[0], &y = call.outputs[0];
  const RandomKey key = randomKeyOf(call.inputs[1]);
  const double rate = attributes.getDouble("rate");
  const uint32_t id = static_cast<uint32_t>(attributes.getInt("id")), threshold = dropoutThreshold(rate);
  const auto &whole = attributes.getInts("global_shape"), &offset = attributes.getInts("offset");
  const uint64_t elementOffset = attributes.getInt("element_offset");
  withFloat(y.dtype, [&](auto type) {
    using T = decltype(type);
    const T factor = static_cast<T>(1 / (1 - rate));
    forEachIndex(y.dims(), [&](const Index &i) {
      const bool kept = randomBits(key, id, wholeElement(i, whole, offset) + elementOffset) >= threshold;
      at<T>(y, i) = kept ? at<T>(x, i) * factor : T(0);
    });
  });
  return absl::OkStatus();
}

absl::Status random(const KernelCall &call, KernelContext &) {
  const Attributes &attributes = call.attributes;
  const TensorView &out = call.outputs[0];
  const RandomKey key = randomKeyOf(call.inputs[0]);
  const bool isNormal = attributes.getString("distribution") == "normal";
  const double mean = attributes.getDouble("mean"), deviation = attributes.getDouble("deviation");
  const uint32_t id = static_cast<uint32_t>(attributes.getInt("id"));
  const int64_t zeroRow = attributes.getInt("zero_row", -1);
  const auto &whole = attributes.getInts("global_shape"), &offset = attributes.getInts("offset");
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const uint64_t element = wholeElement(i, whole, offset);
      const double unit = isNormal ? normalOf(key, id, element) : 2 * uniformOf(randomBits(key, id, element)) - 1;
      const bool isZero = out.rank > 0 && zeroRow >= 0 && offset[0] + i[0] == zeroRow;
      at<T>(out, i) = isZero ? T(0) : static_cast<T>(mean + deviation * unit);
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
