#include "tools/compile/load_model.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "frontend/model_file.h"
#include "frontend/models/models.h"
#include "frontend/text_file.h"
#include "ir/cleave.h"
#include "passes/compile_request.h"
#include "passes/pipeline.h"
#include "tools/compile/compile_inputs.h"

namespace cleave::cli {
namespace {

using Module = mlir::OwningOpRef<mlir::ModuleOp>;

constexpr size_t kMostModelBytes = size_t{256} << 20;
constexpr size_t kMostJsonBytes = size_t{4} << 20;

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

void setProvenance(const ParsedFlags &flags, const std::string &text, mlir::ModuleOp module) {
  cleave::setProvenance({flags.positional(0), text, keptFlags(flags)}, module);
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
  if (module.ok()) setProvenance(flags, config->text, **module);
  return module;
}

absl::StatusOr<Module> loadText(const ParsedFlags &flags, mlir::MLIRContext &context, TrainingOptions &training) {
  const std::string &path = flags.positional(0);
  const absl::StatusOr<std::string> text = readTextFile(path, kMostModelBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<Module> module = parseModule(*text, path, context);
  if (!module.ok() || (**module)->hasAttr(kPhaseDone)) return module;
  if (absl::Status status = completeModel(**module); !status.ok()) return at(path, status);
  takeSizes(**module, training);
  setProvenance(flags, *text, **module);
  return module;
}

// Puts the mesh of the command line into the module, which may have it already.
absl::Status setMesh(const ParsedFlags &flags, mlir::ModuleOp module) {
  if (!flags.has("--mesh")) {
    if (!module.getOps<MeshOp>().empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(flags.positional(0), ": requires --mesh for a model without a mesh, got none"));
  }
  const auto axes = parseMesh(flags.text("--mesh"));
  if (!axes.ok()) return axes.status();
  const absl::Status status = cleave::setMesh(*axes, module);
  return status.ok() ? status : at(flags.positional(0), status);
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

absl::Status readPins(const ParsedFlags &flags, CompileRequest &request) {
  if (!flags.has("--pins")) return absl::OkStatus();
  const std::string path = flags.text("--pins");
  const absl::StatusOr<std::string> text = readTextFile(path, kMostJsonBytes);
  if (!text.ok()) return text.status();
  const auto pins = parsePins(*text);
  if (!pins.ok()) return at(path, pins.status());
  for (const PinText &pin : *pins) request.pins.push_back({pin.match, pin.along});
  return absl::OkStatus();
}

void readTraining(const ParsedFlags &flags, TrainingOptions &training) {
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
}

absl::StatusOr<CompileRequest> readRequest(const ParsedFlags &flags, const TrainingOptions &sizes) {
  CompileRequest request;
  request.training = sizes;
  readTraining(flags, request.training);
  if (absl::Status status = readGroups(flags, request.training); !status.ok()) return status;
  request.strategy = flags.text("--strategy");
  const auto overlap = parseOverlap(flags.text("--overlap"));
  if (!overlap.ok()) return overlap.status();
  request.overlap = *overlap;
  if (flags.has("--zero")) request.zeroStage = flags.integer("--zero");
  if (flags.has("--memory")) {
    const auto memory = parseMemory(flags.text("--memory"));
    if (!memory.ok()) return memory.status();
    request.memoryBudget = *memory;
  }
  if (flags.has("--cluster")) request.cluster = flags.text("--cluster");
  for (const std::string &text : flags.texts("--link")) {
    const size_t equals = text.find('=');
    request.links.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  if (absl::Status status = readPins(flags, request); !status.ok()) return status;
  return request;
}

// What a phase has used already can't change any more.
void warnOfUnusedFlags(const ParsedFlags &flags, std::vector<std::string> *warnings) {
  for (const std::string &flag : keptFlags(flags))
    if (absl::StartsWith(flag, "--") && flag != "--mesh")
      warnings->push_back(absl::StrCat(flag, " changes nothing: ", flags.positional(0),
                                       " has its options from the compilation that wrote it"));
}

absl::Status checkLinks(const ParsedFlags &flags, const std::vector<MeshAxis> &mesh) {
  for (const std::string &text : flags.texts("--link")) {
    const std::string axis = text.substr(0, text.find('='));
    if (llvm::none_of(mesh, [&](const MeshAxis &known) { return known.name == axis; }))
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
  const absl::StatusOr<CompileRequest> request = readRequest(flags, training);
  if (!request.ok()) return request.status();
  if (absl::Status status = setRequest(*request, **module); !status.ok()) return at(flags.positional(0), status);
  return module;
}

}  // namespace cleave::cli
