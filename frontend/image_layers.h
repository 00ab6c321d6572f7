// Layers of images [batch, channels, height, width]. What is wrong with their operands is an error of the model.

#ifndef CLEAVE_FRONTEND_IMAGE_LAYERS_H
#define CLEAVE_FRONTEND_IMAGE_LAYERS_H

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "frontend/builder.h"

namespace cleave {

// Of rows and of columns.
using RowsAndColumns = std::array<int64_t, 2>;

// Windows that are laid over an image, with `padding` elements added on each side.
struct WindowSpec {
  RowsAndColumns stride = {1, 1}, padding = {0, 0}, dilation = {1, 1};
};

// weight [out, in / groups, rows, columns], bias [out] or null. Padded elements are 0.
// -> [batch, out, 1 + (height + 2 padding - dilation (rows - 1) - 1) / stride, and so for the width], rounded down
mlir::Value convolution(ModelBuilder &model, absl::string_view name, mlir::Value x, mlir::Value weight,
                        mlir::Value bias, const WindowSpec &spec, int64_t groups = 1);

// The largest element of each window; padded ones don't count. Elements that share the maximum share its gradient.
mlir::Value maxPool(ModelBuilder &model, absl::string_view name, mlir::Value x, const RowsAndColumns &kernel,
                    const WindowSpec &spec);
// The mean of each window; padded elements count as 0.
mlir::Value averagePool(ModelBuilder &model, absl::string_view name, mlir::Value x, const RowsAndColumns &kernel,
                        const WindowSpec &spec);

// Norm of each group of channels of an example, [batch, channels, ...]; weight and bias [channels].
mlir::Value groupNorm(ModelBuilder &model, absl::string_view name, mlir::Value x, int64_t groups, mlir::Value weight,
                      mlir::Value bias, double epsilon);

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_IMAGE_LAYERS_H
