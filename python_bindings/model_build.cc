#include "python_bindings/model_build.h"

#include <utility>

#include "frontend/config.h"
#include "frontend/model_file.h"
#include "frontend/models/models.h"
#include "ir/cleave.h"
#include "llvm/Support/raw_ostream.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/pipeline.h"
#include "python_bindings/status_error.h"

namespace cleave::python {
namespace {

[[noreturn]] void refuse(const char *message) { throw StatusError(absl::FailedPreconditionError(message)); }

// What is finished belongs to somebody else, who may have changed or deleted it.
void checkOpen(const Build &build) {
  if (!build.isOpen) refuse("requires a model under construction, got a value of one that is finished");
}

}  // namespace

// Threads of its own would cost more than a model's few passes gain, and outlive a fork.
Build::Build() : context(mlir::MLIRContext::Threading::DISABLED), builder(context) {
  context.printOpOnDiagnostic(false);
}

std::vector<int64_t> ValueHandle::shape() const {
  checkOpen(*build);
  return shapeOf(value);
}

std::string ValueHandle::dtype() const {
  checkOpen(*build);
  const mlir::Type type = mlir::getElementTypeOrSelf(value);
  return type.isInteger(32) ? "int32" : type.isF32() ? "float32" : type.isInteger(1) ? "bool" : "other";
}

std::string ValueHandle::name() const {
  checkOpen(*build);
  return build->builder.nameOf(value);
}

ModelBuilder &builderOf(const std::shared_ptr<Build> &build) {
  checkOpen(*build);
  check(build->builder.status());
  return build->builder;
}

ValueHandle handle(const std::shared_ptr<Build> &build, mlir::Value value) {
  check(build->builder.status());
  return {build, value};
}

mlir::Value own(const std::shared_ptr<Build> &build, const ValueHandle &handle) {
  if (handle.build != build) refuse("requires values of one model, got one of another model");
  return handle.value;
}

mlir::Value own(const std::shared_ptr<Build> &build, const std::optional<ValueHandle> &handle) {
  return handle ? own(build, *handle) : mlir::Value();
}

std::string ModuleHandle::text() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  mlir::ModuleOp(*module).print(os, mlir::OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
  return text;
}

std::string ModuleHandle::compile(const std::vector<MeshAxis> &mesh, const CompileRequest &request,
                                  const ProvenanceRequest &provenance, std::vector<std::string> *warnings) const {
  const mlir::OwningOpRef<mlir::ModuleOp> copy(mlir::cast<mlir::ModuleOp>(mlir::ModuleOp(*module)->clone()));
  check(setMesh(mesh, *copy));
  check(setRequest(request, *copy));
  setProvenance(provenance, *copy);
  CompileProgress progress;
  progress.warnings = warnings;
  check(runPhases(*copy, "", progress));
  return valueOf(planBytesOf(*copy, progress));
}

ModuleHandle finish(const std::shared_ptr<Build> &build) {
  ModelBuilder &builder = builderOf(build);
  build->isOpen = false;
  auto module = valueOf(builder.finish());
  check(completeModel(*module));
  return {build, std::move(module)};
}

ModuleHandle moduleOfConfig(const std::string &text, const std::string &path, int64_t batch, int64_t seq,
                            int64_t targetSeq, std::optional<double> dropout) {
  auto build = std::make_shared<Build>();
  build->isOpen = false;
  const Config config = valueOf(parseConfig(text, path));
  ModelOptions options;
  options.batch = batch;
  options.seq = seq;
  options.targetSeq = targetSeq;
  options.dropout = dropout;
  return {build, valueOf(buildModel(config, options, build->context))};
}

}  // namespace cleave::python
