#include "runtime/copy_tensor.h"

#include <cstring>

namespace cleave {
namespace {

void copyElement(char *to, const char *from, int64_t bytes) {
  switch (bytes) {
    case 8: std::memcpy(to, from, 8); break;
    case 4: std::memcpy(to, from, 4); break;
    case 2: std::memcpy(to, from, 2); break;
    default: *to = *from;
  }
}

// Dimensions from `dim` on, of which those from `dense` on lie without gaps in both and have `run` bytes.
void copyFrom(const TensorView &to, const TensorView &from, int dim, int dense, int64_t run, char *target,
              const char *source) {
  if (dim == dense) {
    std::memcpy(target, source, run);
    return;
  }
  const int64_t bytes = bytesOf(to.dtype), toStep = to.strides[dim] * bytes, fromStep = from.strides[dim] * bytes;
  const bool isElement = dim + 1 == dense && run == bytes;
  for (int64_t i = 0; i < to.shape[dim]; ++i, target += toStep, source += fromStep) {
    if (isElement) {
      copyElement(target, source, bytes);
    } else {
      copyFrom(to, from, dim + 1, dense, run, target, source);
    }
  }
}

}  // namespace

void copyTensor(const TensorView &to, const TensorView &from) {
  if (to.elements() == 0) return;
  int dense = to.rank;
  int64_t run = 1;
  const auto fits = [&](const TensorView &view, int d) { return view.shape[d] == 1 || view.strides[d] == run; };
  while (dense > 0 && fits(to, dense - 1) && fits(from, dense - 1)) run *= to.shape[--dense];
  copyFrom(to, from, 0, dense, run * bytesOf(to.dtype), to.as<char>(), from.as<char>());
}

}  // namespace cleave
