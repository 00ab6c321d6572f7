// The parts that extension modules are put together from.

#ifndef CLEAVE_PYTHON_BINDINGS_BIND_H
#define CLEAVE_PYTHON_BINDINGS_BIND_H

#include <nanobind/nanobind.h>

namespace cleave::python {

void bindRuntime(nanobind::module_ &module);   // plans and what runs them: links no MLIR
void bindText(nanobind::module_ &module);      // of these: tokenizers, and options of generation and adapters
void bindCompiler(nanobind::module_ &module);  // from models to plans
void bindPages(nanobind::module_ &module);     // what people look at; behind bindRuntime

}  // namespace cleave::python

#endif  // CLEAVE_PYTHON_BINDINGS_BIND_H
