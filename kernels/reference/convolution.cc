#include <vector>

#include "kernels/checks/windows.h"
#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// Calls visit(image index, weight index, result index) for each product of a convolution.
template <typename Visit>
void forEachProduct(const Convolution &c, Visit visit) {
  const Windows &w = c.windows;
  const int64_t dims[] = {c.batch, c.groups, c.out, w.count[0], w.count[1], c.in, w.window[0], w.window[1]};
  forEachIndex(dims, [&](const Index &i) {
    const int64_t row = w.place(0, i[3], i[6]), column = w.place(1, i[4], i[7]);
    if (!w.isInside(0, row) || !w.isInside(1, column)) return;
    const int64_t channel = i[1] * c.in + i[5], out = i[1] * c.out + i[2];
    visit(Index{i[0], channel, row, column}, Index{out, i[5], i[6], i[7]}, Index{i[0], out, i[3], i[4]});
  });
}

enum class Role { kImage, kWeight, kResult };

// Adds the products of the other two to what `bias` gives each output channel.
void sumProducts(const Convolution &c, const TensorView &image, const TensorView &weight, const TensorView &result,
                 const TensorView *bias, Role sumsTo) {
  const TensorView &out = sumsTo == Role::kImage ? image : sumsTo == Role::kWeight ? weight : result;
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    std::vector<double> sums(out.elements());
    const TensorView totals = TensorView::contiguous(sums.data(), DType::kF64, out.dims());
    if (bias)
      forEachIndex(out.dims(), [&](const Index &i) { at<double>(totals, i) = at<T>(*bias, Index{i[1]}); });
    forEachProduct(c, [&](const Index &i, const Index &w, const Index &r) {
      switch (sumsTo) {
        case Role::kImage: at<double>(totals, i) += double(at<T>(weight, w)) * double(at<T>(result, r)); break;
        case Role::kWeight: at<double>(totals, w) += double(at<T>(image, i)) * double(at<T>(result, r)); break;
        case Role::kResult: at<double>(totals, r) += double(at<T>(image, i)) * double(at<T>(weight, w)); break;
      }
    });
    forEachIndex(out.dims(), [&](const Index &i) { at<T>(out, i) = static_cast<T>(at<double>(totals, i)); });
  });
}

}  // namespace

absl::Status convolution(const KernelCall &call, KernelContext &) {
  const TensorView &image = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  sumProducts(Convolution::of(call.attributes, image, weight, out), image, weight, out,
              call.inputs.size() > 2 ? &call.inputs[2] : nullptr, Role::kResult);
  return absl::OkStatus();
}

absl::Status convolutionInputGradient(const KernelCall &call, KernelContext &) {
  const TensorView &result = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  sumProducts(Convolution::of(call.attributes, out, weight, result), out, weight, result, nullptr, Role::kImage);
  return absl::OkStatus();
}

absl::Status convolutionWeightGradient(const KernelCall &call, KernelContext &) {
  const TensorView &image = call.inputs[0], &result = call.inputs[1], &out = call.outputs[0];
  sumProducts(Convolution::of(call.attributes, image, out, result), image, out, result, nullptr, Role::kWeight);
  return absl::OkStatus();
}

}  // namespace cleave::reference
