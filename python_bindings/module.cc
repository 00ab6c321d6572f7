// The extension module of package cleave.

#include "python_bindings/bind.h"

NB_MODULE(_core, module) {
  cleave::python::bindRuntime(module);
  cleave::python::bindPages(module);
  cleave::python::bindCompiler(module);
}
