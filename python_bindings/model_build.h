// A model under construction as Python holds it: values keep alive what they belong to, and every call reports its
// error.

#ifndef CLEAVE_PYTHON_BINDINGS_MODEL_BUILD_H
#define CLEAVE_PYTHON_BINDINGS_MODEL_BUILD_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "frontend/builder.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/compile_request.h"

namespace cleave::python {

// Outlives all values of its builder.
struct Build {
  Build();

  mlir::MLIRContext context;
  ModelBuilder builder;
  bool isOpen = true;  // until the module is finished
};

struct ValueHandle {
  std::vector<int64_t> shape() const;
  std::string dtype() const;
  std::string name() const;

  std::shared_ptr<Build> build;
  mlir::Value value;
};

// A value that a builder's call gave, or the call's error as an exception.
ValueHandle handle(const std::shared_ptr<Build> &build, mlir::Value value);

// The builder, for a call on values that must be its own; null ones are absent.
ModelBuilder &builderOf(const std::shared_ptr<Build> &build);
mlir::Value own(const std::shared_ptr<Build> &build, const ValueHandle &handle);
mlir::Value own(const std::shared_ptr<Build> &build, const std::optional<ValueHandle> &handle);

// A module that was not compiled yet.
struct ModuleHandle {
  std::string text() const;
  // The plan's bytes; what the compiler warns of goes to `warnings`. The module stays as it is.
  std::string compile(const std::vector<MeshAxis> &mesh, const CompileRequest &request,
                      const ProvenanceRequest &provenance, std::vector<std::string> *warnings) const;

  std::shared_ptr<Build> build;  // for its context
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

ModuleHandle finish(const std::shared_ptr<Build> &build);
// The model that C++ builds of a config.
ModuleHandle moduleOfConfig(const std::string &text, const std::string &path, int64_t batch, int64_t seq,
                            int64_t targetSeq, std::optional<double> dropout);

}  // namespace cleave::python

#endif  // CLEAVE_PYTHON_BINDINGS_MODEL_BUILD_H
