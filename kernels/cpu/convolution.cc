#include <algorithm>

#include "kernels/checks/windows.h"
#include "kernels/cpu/convolve.h"
#include "kernels/cpu/cpu_features.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

constexpr double kTileWork = double(int64_t{64} << 20);  // multiplications that are worth a tile of their own

double workOf(const Convolution &c) {
  const Windows &w = c.windows;
  return double(c.batch * c.groups * c.out) * double(w.count[0] * w.count[1]) * double(c.in) *
         double(w.window[0] * w.window[1]);
}

bool isEmpty(const Convolution &c) { return workOf(c) == 0; }

int64_t imageElements(const Convolution &c) { return c.groups * c.in * c.windows.image[0] * c.windows.image[1]; }
int64_t resultElements(const Convolution &c) { return c.groups * c.out * c.windows.count[0] * c.windows.count[1]; }

// Calls body(piece, first example) for stretches of the batch.
template <typename Body>
void forExamples(ThreadPool &pool, const Convolution &c, Body body) {
  const int64_t examples = std::max<int64_t>(1, int64_t(kTileWork * double(c.batch) / workOf(c)));
  forRanges(pool, c.batch, examples, [&](int64_t begin, int64_t end) {
    Convolution piece = c;
    piece.batch = end - begin;
    body(piece, begin);
  });
}

void fillZero(const TensorView &view) { std::fill_n(view.as<float>(), view.elements(), 0.0f); }

// Nothing is summed: the bias is all there is.
void fillBias(const KernelCall &call) {
  const TensorView &out = call.outputs[0];
  fillZero(out);
  if (call.inputs.size() < 3 || out.elements() == 0) return;
  const int64_t plane = out.shape[2] * out.shape[3];
  for (int64_t row = 0; row < out.shape[0] * out.shape[1]; ++row)
    std::fill_n(out.as<float>() + row * plane, plane, call.inputs[2].as<float>()[row % out.shape[1]]);
}

// Into how many parts of the batch the sums of a weight's gradient are cut; all but the first wait in scratch memory.
int64_t partsOfSums(const Convolution &c, const TensorView &weight) {
  const int64_t fitting = kWorkspaceBytes / std::max<int64_t>(1, weight.bytes());
  return std::clamp<int64_t>(int64_t(workOf(c) / kTileWork), 1, std::min({int64_t{8}, 1 + fitting, c.batch}));
}

}  // namespace

bool takesConvolution(const KernelCall &call) {
  const auto fits = [](const TensorView &view) {
    return std::all_of(view.dims().begin(), view.dims().end(), [](int64_t d) { return d <= kMaxConvolutionExtent; });
  };
  return isDenseFloat(call) && fits(call.inputs[0]) && fits(call.inputs[1]) && fits(call.outputs[0]);
}

absl::Status convolution(const KernelCall &call, KernelContext &context) {
  const TensorView &image = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  const Convolution c = Convolution::of(call.attributes, image, weight, out);
  if (isEmpty(c)) return fillBias(call), absl::OkStatus();
  const float *bias = call.inputs.size() > 2 ? call.inputs[2].as<float>() : nullptr;
  forExamples(context.pool, c, [&](const Convolution &piece, int64_t first) {
    convolve(piece, image.as<float>() + first * imageElements(c), weight.as<float>(), bias,
             out.as<float>() + first * resultElements(c));
  });
  return absl::OkStatus();
}

absl::Status convolutionInputGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &result = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  const Convolution c = Convolution::of(call.attributes, out, weight, result);
  if (isEmpty(c)) return fillZero(out), absl::OkStatus();
  forExamples(context.pool, c, [&](const Convolution &piece, int64_t first) {
    convolveInputGradient(piece, result.as<float>() + first * resultElements(c), weight.as<float>(),
                          out.as<float>() + first * imageElements(c));
  });
  return absl::OkStatus();
}

absl::Status convolutionWeightGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &image = call.inputs[0], &result = call.inputs[1], &out = call.outputs[0];
  const Convolution c = Convolution::of(call.attributes, image, out, result);
  if (isEmpty(c)) return fillZero(out), absl::OkStatus();
  const int64_t examples = tilesOf(c.batch, partsOfSums(c, out)), parts = tilesOf(c.batch, examples);
  float *scratch = reinterpret_cast<float *>(context.workspaces[0]);
  context.pool.parallelFor(parts, [&](int64_t part, int) {
    Convolution piece = c;
    const int64_t first = part * examples;
    piece.batch = std::min(examples, c.batch - first);
    convolveWeightGradient(piece, image.as<float>() + first * imageElements(c),
                           result.as<float>() + first * resultElements(c),
                           part == 0 ? out.as<float>() : scratch + (part - 1) * out.elements());
  });
  forRanges(context.pool, out.elements(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t part = 1; part < parts; ++part)
      vectorKernels().add(out.as<float>() + begin, scratch + (part - 1) * out.elements() + begin,
                          out.as<float>() + begin, end - begin);
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
