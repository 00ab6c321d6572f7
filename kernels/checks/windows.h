// Windows over images [batch, channels, rows, columns], of calls that their checks accepted.

#ifndef CLEAVE_KERNELS_CHECKS_WINDOWS_H
#define CLEAVE_KERNELS_CHECKS_WINDOWS_H

#include <array>

#include "kernels/api/registry.h"

namespace cleave {

using RowsAndColumns = std::array<int64_t, 2>;

// Sizes and steps over rows and over columns.
struct Windows {
  RowsAndColumns image, window, count, strides, padding, dilation;

  // `image` and `result` are [.., .., rows, columns].
  static Windows of(const Attributes &attributes, const TensorView &image, const RowsAndColumns &window,
                    const TensorView &result);

  // Where an element of a window lies in the image; in the padding if it is not inside.
  int64_t place(size_t axis, int64_t number, int64_t element) const {
    return number * strides[axis] - padding[axis] + element * dilation[axis];
  }
  bool isInside(size_t axis, int64_t place) const { return place >= 0 && place < image[axis]; }
};

// image [batch, groups * in, ...], weight [groups * out, in, window], result [batch, groups * out, ...].
struct Convolution {
  int64_t batch, groups, in, out;  // channels of one group; a group may have none
  Windows windows;

  static Convolution of(const Attributes &attributes, const TensorView &image, const TensorView &weight,
                        const TensorView &result);
};

// What attributes call "window".
RowsAndColumns windowOf(const Attributes &attributes);

}  // namespace cleave

#endif  // CLEAVE_KERNELS_CHECKS_WINDOWS_H
