// Copies between views of equal shape and type.

#ifndef CLEAVE_RUNTIME_COPY_TENSOR_H
#define CLEAVE_RUNTIME_COPY_TENSOR_H

#include "kernels/api/tensor_view.h"

namespace cleave {

// `to` and `from` have equal shapes and element types, any strides, and no bytes in common.
void copyTensor(const TensorView &to, const TensorView &from);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_COPY_TENSOR_H
