#include "tools/compile/load_model.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontend/model_file.h"
#include "frontend/models/models.h"
#include "frontend/text_file.h"
#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/cost/op_cost.h"
#include "passes/emit/emit_plan.h"
#include "passes/module_view.h"
#include "passes/pipeline.h"
#include "passes/training_options.h"
#include "runtime/plan/cluster.h"
#include "tools/compile/compile_inputs.h"

namespace cleave::cli {
namespace {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

constexpr size_t kMostModelBytes = size_t{256} << 20;
constexpr size_t kMostJsonBytes = size_t{4} << 20;
constexpr const char *kCompiler = "cleave 0.1";

bool isMlir(const ParsedFlags &flags) { return absl::EndsWith(flags.positional(0), ".mlir"); }

absl::Status at(const std::string &where, const absl::Status &status) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

// Flags that say what the plan is, not where it goes.
std::vector<std::string> keptFlags(const ParsedFlags &flags) {
  std::vector<std::string> kept;
  const std::vector<std::string> &given = flags.given();
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] == "-o" || given[i] == "--compile-to") {
      ++i;  // and its value
    } else {
      kept.push_back(given[i]);
    }
  }
  return kept;
}

mlir::Attribute provenance(const ParsedFlags &flags, const std::string &text, mlir::MLIRContext &context) {
  mlir::Builder b(&context);
  llvm::SmallVector<mlir::Attribute> list;
  for (const std::string &flag : keptFlags(flags)) list.push_back(b.getStringAttr(flag));
  return b.getDictionaryAttr({b.getNamedAttr("model_name", b.getStringAttr(flags.positional(0))),
                              b.getNamedAttr("model_text", b.getStringAttr(text)),
                              b.getNamedAttr("flags", b.getArrayAttr(list)),
                              b.getNamedAttr("compiler", b.getStringAttr(kCompiler))});
}

absl::StatusOr<Module> loadConfig(const ParsedFlags &flags, mlir::MLIRContext &context,
                                  std::vector<std::string> *warnings, TrainingOptions &training) {
  const absl::StatusOr<Config> config = readConfig(flags.positional(0));
  if (!config.ok()) return config.status();
  const auto model = readModel(*config, warnings);
  if (!model.ok()) return model.status();
  if ((*model)->isEncoderDecoder() && !flags.has("--target-seq"))
    return absl::InvalidArgumentError(absl::StrCat("--target-seq: required for a model with a decoder of its own, as ",
                                                   config->modelType, " has, got none"));
  ModelOptions options;
  options.batch = training.batch = flags.integer("--batch");
  options.seq = training.seq = flags.integer("--seq");
  options.targetSeq = training.targetSeq = flags.integer("--target-seq");
  if (flags.has("--dropout")) options.dropout = flags.number("--dropout");
  if (flags.has("--document-end")) options.documentEnd = flags.integer("--document-end");
  absl::StatusOr<Module> module = buildModel(*config, options, context);
  if (module.ok()) (**module)->setAttr(kProvenance, provenance(flags, config->text, context));
  return module;
}

// A model file has sizes of its own: those of its first data input.
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

absl::StatusOr<Module> loadText(const ParsedFlags &flags, mlir::MLIRContext &context, TrainingOptions &training) {
  const std::string &path = flags.positional(0);
  const absl::StatusOr<std::string> text = readTextFile(path, kMostModelBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<Module> module = parseModule(*text, path, context);
  if (!module.ok() || (**module)->hasAttr(kPhaseDone)) return module;
  if (absl::Status status = completeModel(**module); !status.ok()) return at(path, status);
  takeSizes(**module, training);
  (**module)->setAttr(kProvenance, provenance(flags, *text, context));
  return module;
}

// Puts the mesh of the command line into the module, which may have it already.
absl::Status setMesh(const ParsedFlags &flags, mlir::ModuleOp module) {
  auto meshes = module.getOps<MeshOp>();
  if (!flags.has("--mesh")) {
    if (!meshes.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(flags.positional(0), ": requires --mesh for a model without a mesh, got none"));
  }
  const auto axes = parseMesh(flags.text("--mesh"));
  if (!axes.ok()) return axes.status();
  mlir::OpBuilder b(module.getBodyRegion());
  llvm::SmallVector<mlir::Attribute> names, kinds;
  llvm::SmallVector<int64_t> sizes;
  for (const MeshAxisText &axis : *axes) {
    const llvm::StringRef kind =
        axis.kind.empty() ? MeshOp::kindOf(axis.name, names.empty()) : llvm::StringRef(axis.kind);
    names.push_back(b.getStringAttr(axis.name));
    kinds.push_back(b.getStringAttr(kind));
    sizes.push_back(axis.size);
  }
  for (MeshOp known : meshes) {
    if (known.getNames() == b.getArrayAttr(names) && known.getKinds() == b.getArrayAttr(kinds) &&
        known.getSizes() == llvm::ArrayRef(sizes))
      return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        flags.positional(0), ": requires the mesh that the module has, got --mesh ", flags.text("--mesh")));
  }
  MeshOp::create(b, module.getLoc(), "mesh", b.getArrayAttr(names), b.getArrayAttr(kinds), sizes);
  return absl::OkStatus();
}

absl::Status readGroups(const ParsedFlags &flags, TrainingOptions &training) {
  if (!flags.has("--groups")) return absl::OkStatus();
  const std::string path = flags.text("--groups");
  const absl::StatusOr<std::string> text = readTextFile(path, kMostJsonBytes);
  if (!text.ok()) return text.status();
  const auto groups = parseGroups(*text);
  if (!groups.ok()) return at(path, groups.status());
  for (const GroupText &group : *groups) {
    if (const auto matches = matchesGlob(group.match, ""); !matches.ok()) return at(path, matches.status());
    training.groups.push_back({group.match, group.lr, group.weightDecay, group.trainable});
  }
  return absl::OkStatus();
}

absl::Status setPins(const ParsedFlags &flags, mlir::ModuleOp module) {
  if (!flags.has("--pins")) return absl::OkStatus();
  const std::string path = flags.text("--pins");
  const absl::StatusOr<std::string> text = readTextFile(path, kMostJsonBytes);
  if (!text.ok()) return text.status();
  const auto pins = parsePins(*text);
  if (!pins.ok()) return at(path, pins.status());
  mlir::Builder b(module.getContext());
  llvm::SmallVector<mlir::NamedAttribute> list;
  for (const PinText &pin : *pins) {
    llvm::SmallVector<mlir::NamedAttribute> along;
    for (const auto &[axis, placement] : pin.along) along.push_back(b.getNamedAttr(axis, b.getStringAttr(placement)));
    list.push_back(b.getNamedAttr(pin.match, b.getDictionaryAttr(along)));
  }
  module->setAttr("cleave.pins", b.getDictionaryAttr(list));
  return absl::OkStatus();
}

// A shipped cluster by its name, which is shorter, any other as text: the module depends on no file.
absl::Status setCluster(const ParsedFlags &flags, mlir::ModuleOp module) {
  mlir::Builder b(module.getContext());
  if (flags.has("--cluster")) {
    const std::string name = flags.text("--cluster");
    const absl::StatusOr<Cluster> cluster = readCluster(name);
    if (!cluster.ok()) return at("--cluster", cluster.status());
    const std::vector<std::string> shipped = shippedClusters();
    module->setAttr(kCluster, b.getStringAttr(llvm::is_contained(shipped, name) ? name : printCluster(*cluster, "")));
  }
  llvm::SmallVector<mlir::NamedAttribute> links;
  for (const std::string &text : flags.texts("--link")) {
    const size_t equals = text.find('=');
    links.push_back(b.getNamedAttr(text.substr(0, equals), b.getStringAttr(text.substr(equals + 1))));
  }
  if (links.empty()) return absl::OkStatus();
  module->setAttr(kLinks, b.getDictionaryAttr(links));
  for (MeshOp mesh : module.getOps<MeshOp>())
    for (const mlir::NamedAttribute &link : links)
      if (!llvm::is_contained(mesh.getNames(), mlir::Attribute(link.getName())))
        return absl::InvalidArgumentError(
            absl::StrCat("--link: requires an axis of the mesh, got \"", link.getName().str(), "\""));
  return absl::OkStatus();
}

absl::Status setTraining(const ParsedFlags &flags, TrainingOptions training, mlir::ModuleOp module) {
  training.optimizer = flags.text("--optimizer");
  training.learningRate = flags.number("--lr");
  training.weightDecay = flags.number("--weight-decay");
  training.beta1 = flags.number("--beta1");
  training.beta2 = flags.number("--beta2");
  training.epsilon = flags.number("--eps");
  training.momentum = flags.number("--momentum");
  if (flags.has("--clip-norm")) training.clipNorm = flags.number("--clip-norm");
  training.microbatches = flags.integer("--microbatches");
  training.schedule = flags.text("--schedule");
  training.warmup = flags.integer("--warmup");
  training.totalSteps = flags.integer("--total-steps");
  training.minLearningRate = flags.number("--min-lr");
  if (absl::Status status = readGroups(flags, training); !status.ok()) return status;
  if (absl::Status status = training.check(); !status.ok()) return status;
  if (training.batch % training.microbatches != 0)
    return absl::InvalidArgumentError(absl::StrCat(flags.positional(0),
                                                   ": requires a batch that --microbatches divides, got ",
                                                   training.batch, " for ", training.microbatches));
  module->setAttr(CleaveDialect::kTraining, training.toAttribute(module.getContext()));
  module->setAttr("cleave.strategy", mlir::StringAttr::get(module.getContext(), flags.text("--strategy")));
  const auto overlap = parseOverlap(flags.text("--overlap"));
  if (!overlap.ok()) return overlap.status();
  if (*overlap) {
    llvm::SmallVector<llvm::StringRef> names((*overlap)->begin(), (*overlap)->end());
    module->setAttr(kOverlap, mlir::Builder(module.getContext()).getStrArrayAttr(names));
  }
  if (flags.has("--zero"))
    module->setAttr(kZeroStage, mlir::Builder(module.getContext()).getI64IntegerAttr(flags.integer("--zero")));
  if (flags.has("--memory")) {
    const auto memory = parseMemory(flags.text("--memory"));
    if (!memory.ok()) return memory.status();
    module->setAttr(kMemoryBudget, mlir::Builder(module.getContext()).getI64IntegerAttr(*memory));
  }
  return setPins(flags, module);
}

// What a phase has used already can't change any more.
void warnOfUnusedFlags(const ParsedFlags &flags, std::vector<std::string> *warnings) {
  for (const std::string &flag : keptFlags(flags))
    if (absl::StartsWith(flag, "--") && flag != "--mesh")
      warnings->push_back(absl::StrCat(flag, " changes nothing: ", flags.positional(0),
                                       " has its options from the compilation that wrote it"));
}

absl::Status checkLinks(const ParsedFlags &flags, const std::vector<MeshAxisText> &mesh) {
  for (const std::string &text : flags.texts("--link")) {
    const std::string axis = text.substr(0, text.find('='));
    if (llvm::none_of(mesh, [&](const MeshAxisText &known) { return known.name == axis; }))
      return absl::InvalidArgumentError(
          absl::StrCat("--link: requires an axis of --mesh ", flags.text("--mesh"), ", got \"", axis, "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status checkCompileLine(const ParsedFlags &flags) {
  if (flags.has("--mesh")) {
    const auto mesh = parseMesh(flags.text("--mesh"));
    if (!mesh.ok()) return absl::InvalidArgumentError(absl::StrCat("--mesh: ", mesh.status().message()));
    if (absl::Status status = checkLinks(flags, *mesh); !status.ok()) return status;
  }
  if (const auto overlap = parseOverlap(flags.text("--overlap")); !overlap.ok()) return overlap.status();
  if (flags.has("--memory"))
    if (const auto memory = parseMemory(flags.text("--memory")); !memory.ok()) return memory.status();
  if (flags.text("-o") == flags.positional(0))
    return absl::InvalidArgumentError(
        absl::StrCat("-o: requires another path than the model's, got \"", flags.text("-o"), "\""));
  if (isMlir(flags))
    for (const char *flag : {"--dropout", "--document-end"})
      if (flags.has(flag))
        return absl::InvalidArgumentError(absl::StrCat(flag, ": requires a config, got \"", flags.positional(0), "\""));
  if (flags.has("--batch") && flags.integer("--batch") % flags.integer("--microbatches") != 0)
    return absl::InvalidArgumentError(absl::StrCat("--microbatches: requires a number that divides --batch ",
                                                   flags.integer("--batch"), ", got ",
                                                   flags.integer("--microbatches")));
  return absl::OkStatus();
}

absl::StatusOr<Module> loadModel(const ParsedFlags &flags, mlir::MLIRContext &context,
                                 std::vector<std::string> *warnings) {
  TrainingOptions training;
  absl::StatusOr<Module> module =
      isMlir(flags) ? loadText(flags, context, training) : loadConfig(flags, context, warnings, training);
  if (!module.ok()) return module;
  if (absl::Status status = setMesh(flags, **module); !status.ok()) return status;
  if ((**module)->hasAttr(kPhaseDone)) {
    warnOfUnusedFlags(flags, warnings);
    return module;
  }
  if (absl::Status status = setTraining(flags, training, **module); !status.ok()) return status;
  if (absl::Status status = setCluster(flags, **module); !status.ok()) return status;
  return module;
}

}  // namespace cleave::cli
