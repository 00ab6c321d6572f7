#include "kernels/checks/windows.h"

#include "kernels/checks/call_check.h"
#include "kernels/checks/checks.h"

namespace cleave {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 20;

RowsAndColumns pairOf(const std::vector<int64_t> &values) { return {values[0], values[1]}; }

Shape lastTwo(const TensorView &view) { return {view.shape[2], view.shape[3]}; }

// Four dimensions, floats of one dtype.
void checkImages(CallCheck &check, std::initializer_list<std::pair<const char *, const TensorView *>> views) {
  for (const auto &[name, view] : views) {
    check.floats(name, *view);
    check.dtype(name, *view, views.begin()->second->dtype);
    check.rank(name, *view, 4, 4);
  }
}

// That `result` has a row and a column for each window.
void checkWindows(CallCheck &check, const TensorView &image, const Shape &window, const TensorView &result) {
  const std::vector<int64_t> strides = check.integerList("strides", 2, 1, kMaxSize),
                             padding = check.integerList("padding", 2, 0, kMaxSize),
                             dilation = check.integerList("dilation", 2, 1, kMaxSize);
  for (size_t i = 0; i < 2 && check.ok(); ++i) {
    const int64_t padded = image.shape[2 + i] + 2 * padding[i];
    if (!check.require(window[i] >= 1 && window[i] <= kMaxSize, "a window from 1 on", window[i])) return;
    const int64_t reach = dilation[i] * (window[i] - 1) + 1;
    if (!check.require(reach <= padded, absl::StrCat("windows of at most ", padded), reach)) return;
    check.require(result.shape[2 + i] == (padded - reach) / strides[i] + 1,
                  absl::StrCat((padded - reach) / strides[i] + 1, " windows"), result.shape[2 + i]);
  }
}

void checkConvolutionOf(CallCheck &check, const TensorView &image, const TensorView &weight, const TensorView &result) {
  checkImages(check, {{"image", &image}, {"weight", &weight}, {"result", &result}});
  if (!check.ok()) return;
  const int64_t in = weight.shape[1], out = weight.shape[0], channels = image.shape[1];
  check.require(result.shape[0] == image.shape[0], absl::StrCat("a batch of ", image.shape[0]), result.shape[0]);
  check.require(result.shape[1] == out, absl::StrCat(out, " output channels"), result.shape[1]);
  check.require(in == 0 ? channels == 0 : channels % in == 0, absl::StrCat("whole groups of ", in, " input channels"),
                channels);
  if (!check.ok()) return;
  const int64_t groups = in == 0 ? 1 : channels / in;
  check.require(groups == 0 ? out == 0 : out % groups == 0, absl::StrCat("output channels of ", groups, " groups"),
                out);
  checkWindows(check, image, lastTwo(weight), result);
}

void checkPoolOf(CallCheck &check, const TensorView &image, const TensorView &result) {
  checkImages(check, {{"image", &image}, {"result", &result}});
  if (!check.ok()) return;
  const Shape window = check.integerList("window", 2, 1, kMaxSize);
  if (!check.ok()) return;
  check.require(image.shape[0] == result.shape[0] && image.shape[1] == result.shape[1],
                absl::StrCat("batch and channels of ", image.str()), result.str());
  checkWindows(check, image, window, result);
}

// Each window has an element of the image.
void checkHalfPadding(CallCheck &check) {
  const Shape window = check.integerList("window", 2, 1, kMaxSize);
  const Shape padding = check.integerList("padding", 2, 0, kMaxSize);
  for (size_t i = 0; i < 2 && check.ok(); ++i)
    check.require(2 * padding[i] <= window[i], "a padding of at most half the window", padding[i]);
}

}  // namespace

RowsAndColumns windowOf(const Attributes &attributes) { return pairOf(attributes.getInts("window")); }

Windows Windows::of(const Attributes &attributes, const TensorView &image, const RowsAndColumns &window,
                    const TensorView &result) {
  return {{image.shape[2], image.shape[3]},
          window,
          {result.shape[2], result.shape[3]},
          pairOf(attributes.getInts("strides")),
          pairOf(attributes.getInts("padding")),
          pairOf(attributes.getInts("dilation"))};
}

Convolution Convolution::of(const Attributes &attributes, const TensorView &image, const TensorView &weight,
                            const TensorView &result) {
  const int64_t in = weight.shape[1], groups = in == 0 ? 1 : image.shape[1] / in;
  return {image.shape[0], groups, in, groups == 0 ? 0 : weight.shape[0] / groups,
          Windows::of(attributes, image, {weight.shape[2], weight.shape[3]}, result)};
}

absl::Status checkConvolution(const KernelCall &call) {
  CallCheck check(call);
  if (!check.inputCount(2, 3) || !check.outputCount(1)) return check.status();
  check.segments(3, 2);
  checkConvolutionOf(check, check.in(0), check.in(1), check.out(0));
  if (call.inputs.size() == 3 && check.ok()) {
    check.dtype("bias", check.in(2), check.in(0).dtype);
    check.shape("bias", check.in(2), {check.in(1).shape[0]});
  }
  return check.status();
}

absl::Status checkConvolutionInputGradient(const KernelCall &call) {
  CallCheck check(call);
  if (check.counts(2, 1)) checkConvolutionOf(check, check.out(0), check.in(1), check.in(0));
  return check.status();
}

absl::Status checkConvolutionWeightGradient(const KernelCall &call) {
  CallCheck check(call);
  if (check.counts(2, 1)) checkConvolutionOf(check, check.in(0), check.out(0), check.in(1));
  return check.status();
}

absl::Status checkMaxPool(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(1, 1)) return check.status();
  checkPoolOf(check, check.in(0), check.out(0));
  checkHalfPadding(check);
  return check.status();
}

absl::Status checkMaxPoolGradient(const KernelCall &call) {
  CallCheck check(call);
  if (!check.counts(3, 1)) return check.status();
  checkPoolOf(check, check.in(0), check.in(1));
  check.like("gradient", check.in(2), check.in(1));
  check.like("output", check.out(0), check.in(0));
  checkHalfPadding(check);
  return check.status();
}

absl::Status checkAveragePool(const KernelCall &call) {
  CallCheck check(call);
  if (check.counts(1, 1)) checkPoolOf(check, check.in(0), check.out(0));
  return check.status();
}

absl::Status checkAveragePoolGradient(const KernelCall &call) {
  CallCheck check(call);
  if (check.counts(1, 1)) checkPoolOf(check, check.out(0), check.in(0));
  return check.status();
}

}  // namespace cleave
