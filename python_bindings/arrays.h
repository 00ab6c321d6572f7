// Arrays of Python as views, and tensors as NumPy arrays. Neither way copies.

#ifndef CLEAVE_PYTHON_BINDINGS_ARRAYS_H
#define CLEAVE_PYTHON_BINDINGS_ARRAYS_H

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <map>
#include <string>
#include <vector>

#include "kernels/api/tensor_view.h"
#include "runtime/host_tensor.h"

namespace cleave::python {

// Any array of a CPU that speaks the buffer protocol or DLPack.
using AnyArray = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;

// A view of the array's memory, which the caller keeps alive. An error names the array.
TensorView viewOf(const AnyArray &array, const std::string &name);

// Arrays by name, as a dictionary has them: views, and the arrays that own their memory.
struct ArrayDict {
  explicit ArrayDict(nanobind::dict dict);

  std::map<std::string, TensorView> views;
  std::vector<AnyArray> owners;
};

// A NumPy array that owns the tensor.
nanobind::object arrayOf(HostTensor tensor);

}  // namespace cleave::python

#endif  // CLEAVE_PYTHON_BINDINGS_ARRAYS_H
