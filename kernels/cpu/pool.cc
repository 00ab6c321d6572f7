#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/checks/windows.h"
#include "kernels/cpu/families.h"
#include "kernels/cpu/tiles.h"

namespace cleave::cpu {
namespace {

// A window's rows and columns that are inside the image: elements [first, end) of it, along one axis.
struct Inside {
  Inside(const Windows &w, size_t axis, int64_t number) : origin(w.place(axis, number, 0)), step(w.dilation[axis]) {
    first = origin < 0 ? tilesOf(-origin, step) : 0;
    end = std::min(w.window[axis], origin < w.image[axis] ? tilesOf(w.image[axis] - origin, step) : 0);
  }
  int64_t at(int64_t element) const { return origin + element * step; }

  int64_t origin, step, first, end;
};

// Calls body(window, visit) for each window of a plane, where visit(use) calls use(element) with places in the plane.
template <typename Body>
void forWindows(const Windows &w, Body body) {
  for (int64_t y = 0; y < w.count[0]; ++y) {
    const Inside rows(w, 0, y);
    for (int64_t x = 0; x < w.count[1]; ++x) {
      const Inside columns(w, 1, x);
      body(y * w.count[1] + x, [&](auto use) {
        for (int64_t row = rows.first; row < rows.end; ++row)
          for (int64_t column = columns.first; column < columns.end; ++column)
            use(rows.at(row) * w.image[1] + columns.at(column));
      });
    }
  }
}

// Calls body(plane) for each channel of each example.
template <typename Body>
void forPlanes(KernelContext &context, const TensorView &image, const Windows &w, Body body) {
  const int64_t reads = w.count[0] * w.count[1] * w.window[0] * w.window[1];
  forRanges(context.pool, image.shape[0] * image.shape[1], rowGrain(reads), [&](int64_t begin, int64_t end) {
    for (int64_t plane = begin; plane < end; ++plane) body(plane);
  });
}

int64_t imagePlane(const Windows &w) { return w.image[0] * w.image[1]; }
int64_t windowsPlane(const Windows &w) { return w.count[0] * w.count[1]; }

}  // namespace

absl::Status maxPool(const KernelCall &call, KernelContext &context) {
  const TensorView &image = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), out);
  forPlanes(context, image, w, [&](int64_t plane) {
    const float *x = image.as<float>() + plane * imagePlane(w);
    float *y = out.as<float>() + plane * windowsPlane(w);
    forWindows(w, [&](int64_t window, auto visit) {
      float largest = -std::numeric_limits<float>::infinity();
      visit([&](int64_t element) {
        if (x[element] > largest || std::isnan(x[element])) largest = x[element];
      });
      y[window] = largest;
    });
  });
  return absl::OkStatus();
}

absl::Status maxPoolGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &image = call.inputs[0], &largest = call.inputs[1], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), largest);
  forPlanes(context, image, w, [&](int64_t plane) {
    const float *x = image.as<float>() + plane * imagePlane(w);
    const float *y = largest.as<float>() + plane * windowsPlane(w);
    const float *dy = call.inputs[2].as<float>() + plane * windowsPlane(w);
    float *dx = out.as<float>() + plane * imagePlane(w);
    std::fill_n(dx, imagePlane(w), 0.0f);
    forWindows(w, [&](int64_t window, auto visit) {
      int64_t ties = 0;
      visit([&](int64_t element) { ties += x[element] == y[window]; });
      const float share = dy[window] / float(ties);
      visit([&](int64_t element) { dx[element] += x[element] == y[window] ? share : 0.0f; });
    });
  });
  return absl::OkStatus();
}

absl::Status averagePool(const KernelCall &call, KernelContext &context) {
  const TensorView &image = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, image, windowOf(call.attributes), out);
  forPlanes(context, image, w, [&](int64_t plane) {
    const float *x = image.as<float>() + plane * imagePlane(w);
    float *y = out.as<float>() + plane * windowsPlane(w);
    forWindows(w, [&](int64_t window, auto visit) {
      float sum = 0;
      visit([&](int64_t element) { sum += x[element]; });
      y[window] = sum / float(w.window[0] * w.window[1]);
    });
  });
  return absl::OkStatus();
}

absl::Status averagePoolGradient(const KernelCall &call, KernelContext &context) {
  const TensorView &gradient = call.inputs[0], &out = call.outputs[0];
  const Windows w = Windows::of(call.attributes, out, windowOf(call.attributes), gradient);
  forPlanes(context, out, w, [&](int64_t plane) {
    const float *dy = gradient.as<float>() + plane * windowsPlane(w);
    float *dx = out.as<float>() + plane * imagePlane(w);
    std::fill_n(dx, imagePlane(w), 0.0f);
    forWindows(w, [&](int64_t window, auto visit) {
      const float share = dy[window] / float(w.window[0] * w.window[1]);
      visit([&](int64_t element) { dx[element] += share; });
    });
  });
  return absl::OkStatus();
}

}  // namespace cleave::cpu
