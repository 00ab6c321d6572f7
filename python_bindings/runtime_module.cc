// The extension module of package cleave_runtime, which runs plans and makes none.

#include "python_bindings/bind.h"

NB_MODULE(_core, module) {
  cleave::python::bindRuntime(module);
  cleave::python::bindPages(module);
}
