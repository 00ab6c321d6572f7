#include "passes/compile_request.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/cost/op_cost.h"
#include "passes/emit/emit_plan.h"
#include "passes/module_view.h"
#include "runtime/plan/cluster.h"

namespace cleave {
namespace {

constexpr const char *kCompiler = "cleave 0.1";

// A shipped cluster by its name, which is shorter, any other as text: the module depends on no file.
absl::Status setCluster(const CompileRequest &request, mlir::ModuleOp module) {
  mlir::Builder b(module.getContext());
  if (!request.cluster.empty()) {
    const std::string &name = request.cluster;
    const absl::StatusOr<Cluster> cluster = readCluster(name);
    if (!cluster.ok())
      return absl::Status(cluster.status().code(), absl::StrCat("cluster: ", cluster.status().message()));
    const std::vector<std::string> shipped = shippedClusters();
    module->setAttr(kCluster, b.getStringAttr(llvm::is_contained(shipped, name) ? name : printCluster(*cluster, "")));
  }
  llvm::SmallVector<mlir::NamedAttribute> links;
  for (const LinkRequest &link : request.links) links.push_back(b.getNamedAttr(link.axis, b.getStringAttr(link.speed)));
  if (links.empty()) return absl::OkStatus();
  module->setAttr(kLinks, b.getDictionaryAttr(links));
  for (MeshOp mesh : module.getOps<MeshOp>())
    for (const mlir::NamedAttribute &link : links)
      if (!llvm::is_contained(mesh.getNames(), mlir::Attribute(link.getName())))
        return absl::InvalidArgumentError(
            absl::StrCat("link: requires an axis of the mesh, got \"", link.getName().str(), "\""));
  return absl::OkStatus();
}

absl::Status setPins(const std::vector<PinRequest> &pins, mlir::ModuleOp module) {
  if (pins.empty()) return absl::OkStatus();
  std::map<std::string, std::map<std::string, std::string>> placements;  // by match, then axis
  for (const PinRequest &pin : pins)
    for (const auto &[axis, placement] : pin.along) {
      const auto [known, isNew] = placements[pin.match].insert({axis, placement});
      if (!isNew && known->second != placement)
        return absl::InvalidArgumentError(absl::StrCat("pin \"", pin.match, "\": requires one placement along ", axis,
                                                       ", got ", known->second, " and ", placement));
    }
  mlir::Builder b(module.getContext());
  llvm::SmallVector<mlir::NamedAttribute> list;
  for (const auto &[match, axes] : placements) {
    llvm::SmallVector<mlir::NamedAttribute> along;
    for (const auto &[axis, placement] : axes) along.push_back(b.getNamedAttr(axis, b.getStringAttr(placement)));
    list.push_back(b.getNamedAttr(match, b.getDictionaryAttr(along)));
  }
  module->setAttr("cleave.pins", b.getDictionaryAttr(list));
  return absl::OkStatus();
}

absl::Status checkTraining(const TrainingOptions &training) {
  for (const ParameterGroup &group : training.groups)
    if (const auto matches = matchesGlob(group.match, ""); !matches.ok()) return matches.status();
  if (absl::Status status = training.check(); !status.ok()) return status;
  if (training.batch % training.microbatches == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("requires a batch that the number of microbatches divides, got ",
                                                 training.batch, " for ", training.microbatches));
}

}  // namespace

absl::Status setMesh(const std::vector<MeshAxis> &axes, mlir::ModuleOp module) {
  if (absl::Status status = checkMesh(axes); !status.ok()) return status;
  mlir::OpBuilder b(module.getBodyRegion());
  llvm::SmallVector<mlir::Attribute> names, kinds;
  llvm::SmallVector<int64_t> sizes;
  for (const MeshAxis &axis : axes) {
    const llvm::StringRef kind =
        axis.kind.empty() ? MeshOp::kindOf(axis.name, names.empty()) : llvm::StringRef(axis.kind);
    names.push_back(b.getStringAttr(axis.name));
    kinds.push_back(b.getStringAttr(kind));
    sizes.push_back(axis.size);
  }
  for (MeshOp known : module.getOps<MeshOp>()) {
    if (known.getNames() == b.getArrayAttr(names) && known.getKinds() == b.getArrayAttr(kinds) &&
        known.getSizes() == llvm::ArrayRef(sizes))
      return absl::OkStatus();
    return absl::InvalidArgumentError("requires the mesh that the module has, got another one");
  }
  MeshOp::create(b, module.getLoc(), "mesh", b.getArrayAttr(names), b.getArrayAttr(kinds), sizes);
  return absl::OkStatus();
}

absl::Status setRequest(const CompileRequest &request, mlir::ModuleOp module) {
  if (absl::Status status = checkTraining(request.training); !status.ok()) return status;
  if (request.strategy != "rules" && request.strategy != "none")
    return absl::InvalidArgumentError(absl::StrCat("strategy: requires rules or none, got ", request.strategy));
  mlir::Builder b(module.getContext());
  module->setAttr(CleaveDialect::kTraining, request.training.toAttribute(module.getContext()));
  module->setAttr("cleave.strategy", b.getStringAttr(request.strategy));
  if (request.overlap) {
    llvm::SmallVector<llvm::StringRef> names(request.overlap->begin(), request.overlap->end());
    module->setAttr(kOverlap, b.getStrArrayAttr(names));
  }
  if (request.zeroStage) module->setAttr(kZeroStage, b.getI64IntegerAttr(*request.zeroStage));
  if (request.memoryBudget) module->setAttr(kMemoryBudget, b.getI64IntegerAttr(*request.memoryBudget));
  if (absl::Status status = setPins(request.pins, module); !status.ok()) return status;
  return setCluster(request, module);
}

void setProvenance(const ProvenanceRequest &provenance, mlir::ModuleOp module) {
  mlir::Builder b(module.getContext());
  llvm::SmallVector<mlir::Attribute> flags;
  for (const std::string &flag : provenance.flags) flags.push_back(b.getStringAttr(flag));
  module->setAttr(kProvenance,
                  b.getDictionaryAttr({b.getNamedAttr("model_name", b.getStringAttr(provenance.modelName)),
                                       b.getNamedAttr("model_text", b.getStringAttr(provenance.modelText)),
                                       b.getNamedAttr("flags", b.getArrayAttr(flags)),
                                       b.getNamedAttr("compiler", b.getStringAttr(kCompiler))}));
}

void takeSizes(mlir::ModuleOp module, TrainingOptions &training) {
  for (auto function : module.getOps<mlir::func::FuncOp>()) {
    auto entry = function->getAttrOfType<mlir::StringAttr>(CleaveDialect::kEntry);
    if (!entry || entry.getValue() != "loss") continue;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      auto name = function.getArgAttrOfType<mlir::StringAttr>(i, CleaveDialect::kInput);
      auto type = mlir::dyn_cast<mlir::RankedTensorType>(function.getArgumentTypes()[i]);
      if (!name || name.getValue() == "rng" || !type || type.getRank() == 0) continue;
      training.batch = type.getDimSize(0);
      training.seq = type.getRank() > 1 ? type.getDimSize(1) : 1;
      return;
    }
  }
}

}  // namespace cleave
