#include <vector>

#include "kernels/checks/windows.h"
#include "kernels/reference/element.h"
#include "kernels/reference/families.h"

namespace cleave::reference {
namespace {

// Calls visit(index in the image) for each element of a window that is inside the image.
template <typename Visit>
void forEachElement(const Windows &w, const Index &window, Visit visit) {
  forEachIndex(w.window, [&](const Index &element) {
    const int64_t row = w.place(0, window[2], element[0]), column = w.place(1, window[3], element[1]);
    if (w.isInside(0, row) && w.isInside(1, column)) visit(Index{window[0], window[1], row, column});
  });
}

// Each element of the image is the sum of what windows give it: give(window, add), where add(element, value).
template <typename T, typename Give>
void sumOverWindows(const TensorView &image, const TensorView &windows, Give give) {
  std::vector<double> sums(image.elements());
  const TensorView totals = TensorView::contiguous(sums.data(), DType::kF64, image.dims());
  forEachIndex(windows.dims(), [&](const Index &window) {
    give(window, [&](const Index &element, double value) { at<double>(totals, element) += value; });
  });
  forEachIndex(image.dims(), [&](const Index &i) { at<T>(image, i) = static_cast<T>(at<double>(totals, i)); });
}

}  // namespace

absl::Status maxPool(const KernelCall &call, KernelContext &) {
  const TensorView &image = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), out);
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      const T *largest = nullptr;
      forEachElement(w, i, [&](const Index &element) {
        const T *value = &at<T>(image, element);
        if (!largest || *value > *largest || *value != *value) largest = value;
      });
      at<T>(out, i) = *largest;
    });
  });
  return absl::OkStatus();
}

absl::Status maxPoolGradient(const KernelCall &call, KernelContext &) {
  const TensorView &image = call.inputs[0], &largest = call.inputs[1], &gradient = call.inputs[2];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), largest);
  withFloat(image.dtype, [&](auto type) {
    using T = decltype(type);
    sumOverWindows<T>(call.outputs[0], largest, [&](const Index &window, auto add) {
      int64_t ties = 0;
      const auto isLargest = [&](const Index &element) { return at<T>(image, element) == at<T>(largest, window); };
      forEachElement(w, window, [&](const Index &element) { ties += isLargest(element); });
      forEachElement(w, window, [&](const Index &element) {
        if (isLargest(element)) add(element, double(at<T>(gradient, window)) / double(ties));
      });
    });
  });
  return absl::OkStatus();
}

absl::Status averagePool(const KernelCall &call, KernelContext &) {
  const TensorView &image = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), out);
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    forEachIndex(out.dims(), [&](const Index &i) {
      double sum = 0;
      forEachElement(w, i, [&](const Index &element) { sum += double(at<T>(image, element)); });
      at<T>(out, i) = static_cast<T>(sum / double(w.window[0] * w.window[1]));
    });
  });
  return absl::OkStatus();
}

absl::Status averagePoolGradient(const KernelCall &call, KernelContext &) {
  const TensorView &gradient = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, out, windowOf(call.attributes), gradient);
  withFloat(out.dtype, [&](auto type) {
    using T = decltype(type);
    sumOverWindows<T>(out, gradient, [&](const Index &window, auto add) {
      const double share = double(at<T>(gradient, window)) / double(w.window[0] * w.window[1]);
      forEachElement(w, window, [&](const Index &element) { add(element, share); });
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::reference
