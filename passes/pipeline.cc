// The table of contents of the compiler.

#include "passes/pipeline.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "passes/choose_overlap.h"
#include "passes/emit/emit_entry.h"
#include "passes/emit/emit_plan.h"
#include "passes/passes.h"
#include "passes/verify_options.h"
#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"

namespace cleave {
namespace {

void normalize(mlir::OpPassManager &pm) {
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
  pm.addPass(createNameValuesPass());
  pm.addPass(createMarkLayersPass());
}

void differentiate(mlir::OpPassManager &pm) {
  pm.addPass(createBuildStepPass());
  pm.addPass(createExpandGradientsPass());
  pm.addPass(mlir::createCanonicalizerPass());
  pm.addPass(mlir::createCSEPass());
  pm.addPass(createNameValuesPass());
}

void place(mlir::OpPassManager &pm) {
  pm.addPass(createChunkBatchPass());
  pm.addPass(createNameValuesPass());
  pm.addPass(createUnrollChunksPass());
  pm.addPass(createApplyPinsPass());
  pm.addPass(createApplyRulesPass());
  pm.addPass(createShardSequencePass());
  pm.addPass(createShardUpdatesPass());
  pm.addPass(createPropagatePlacementsPass());
  pm.addPass(mlir::createCSEPass());
}

void partition(mlir::OpPassManager &pm) {
  pm.addPass(createFuseReshardsPass());
  pm.addPass(createLowerReshardsPass());
  pm.addPass(mlir::createCSEPass());
  pm.addPass(createGatherAgainPass());
  pm.addPass(createChunkCollectivesPass());
  pm.addPass(createBucketCollectivesPass());
}

void schedule(mlir::OpPassManager &pm) {
  pm.addPass(createOrderOpsPass());
  pm.addPass(createRecomputePass());  // and no CSE behind it
  pm.addPass(createOverlapOpsPass());
  pm.addPass(createSplitCollectivesPass());
  pm.addPass(createPlanMemoryPass());
}

struct Phase {
  llvm::StringLiteral name;
  const char *summary;
  void (*build)(mlir::OpPassManager &pm);
};

constexpr Phase kPhases[] = {
    {"normalize", "canonical form, names, marks of repeated layers", normalize},
    {"differentiate", "from the forward loss to the training step", differentiate},
    {"place", "a placement for every value, by rules, pins and propagation", place},
    {"partition", "reshards become collectives", partition},
    {"schedule", "order, streams and memory", schedule},
};

void build(const Phase &phase, mlir::OpPassManager &pm) {
  phase.build(pm);
  pm.addPass(createVerifyPhasePass({phase.name.str()}));
  pm.addPass(createRecordPhasePass({phase.name.str()}));
}

// What the compiler says about a module, as text.
class DiagnosticLog {
 public:
  DiagnosticLog(mlir::MLIRContext *context, std::vector<std::string> *warnings)
      : handler_(context, [this, warnings](mlir::Diagnostic &diagnostic) {
          const std::string text = textOf(diagnostic);
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error) {
            errors_.push_back(text);
          } else if (warnings && diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning) {
            warnings->push_back(text);
          }
          return mlir::success();
        }) {}

  absl::Status status(llvm::StringRef phase) const {
    return absl::InvalidArgumentError(errors_.empty() ? absl::StrCat("phase ", phase.str(), " failed")
                                                      : absl::StrJoin(errors_, "\n"));
  }

 private:
  static std::string textOf(mlir::Diagnostic &diagnostic) {
    const std::string place = locationText(diagnostic.getLocation());
    std::string text = absl::StrCat(place, place.empty() ? "" : ": ", diagnostic.str());
    for (mlir::Diagnostic &note : diagnostic.getNotes()) absl::StrAppend(&text, "\n  ", textOf(note));
    return text;
  }

  std::vector<std::string> errors_;
  mlir::ScopedDiagnosticHandler handler_;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// How many phases a module went through.
absl::StatusOr<size_t> phasesDone(mlir::ModuleOp module) {
  const auto done = module->getAttrOfType<mlir::StringAttr>(kPhaseDone);
  if (!done) return 0;
  for (size_t p = 0; p < std::size(kPhases); ++p)
    if (kPhases[p].name == done.getValue()) return p + 1;
  return absl::InvalidArgumentError(
      absl::StrCat("requires a phase in ", kPhaseDone.str(), ", got '", done.getValue().str(), "'"));
}

// Place and what follows, without a word: what is wrong is said when it is done in earnest.
mlir::LogicalResult compileQuietly(mlir::ModuleOp module) {
  mlir::ScopedDiagnosticHandler silence(module.getContext(), [](mlir::Diagnostic &) { return mlir::success(); });
  mlir::PassManager pm(module.getContext());
  pm.enableVerifier(false);
  for (const Phase &phase : kPhases)
    if (phase.name != "normalize" && phase.name != "differentiate") phase.build(pm);
  return pm.run(module);
}

}  // namespace

std::vector<llvm::StringRef> phaseNames() {
  std::vector<llvm::StringRef> names;
  for (const Phase &phase : kPhases) names.push_back(phase.name);
  return names;
}

absl::Status runPhases(mlir::ModuleOp module, llvm::StringRef stopAfter, const CompileProgress &progress) {
  const absl::StatusOr<size_t> done = phasesDone(module);
  if (!done.ok()) return done.status();
  DiagnosticLog log(module.getContext(), progress.warnings);
  if (failed(verifyOptions(module))) return log.status("options");
  if (*done > 0) {  // taken back from text that may have been changed
    const llvm::StringRef name = kPhases[*done - 1].name;
    mlir::PassManager pm(module.getContext());
    pm.addPass(createVerifyPhasePass({name.str()}));
    if (failed(pm.run(module))) return log.status(name);
  }
  for (size_t p = 0; p < std::size(kPhases); ++p) {
    const Phase &phase = kPhases[p];
    if (p >= *done) {
      const Stopwatch watch;
      if (phase.name == "place" && stopAfter != "differentiate") chooseOverlap(module, compileQuietly);
      mlir::PassManager pm(module.getContext());
      pm.enableVerifier(false);  // each phase ends with a check of its own
      build(phase, pm);
      if (failed(pm.run(module))) return log.status(phase.name);
      if (progress.onPhase) progress.onPhase(phase.name, watch.seconds());
    }
    if (phase.name == stopAfter) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<plan::Plan> planOf(mlir::ModuleOp module, const CompileProgress &progress) {
  const Stopwatch watch;
  DiagnosticLog log(module.getContext(), progress.warnings);
  auto plan = emitPlan(module);
  if (failed(plan)) return log.status("emit");
  if (progress.onPhase) progress.onPhase("emit", watch.seconds());
  return std::move(*plan);
}

absl::StatusOr<std::string> planBytesOf(mlir::ModuleOp module, const CompileProgress &progress) {
  absl::StatusOr<plan::Plan> plan = planOf(module, progress);
  if (!plan.ok()) return plan.status();
  plan->set_format_version(kPlanFormatVersion);
  return serializePlan(*std::move(plan));
}

void registerPipelines() {
  for (const Phase &phase : kPhases)
    mlir::registerPassPipeline(
        "cleave-" + phase.name.str(), phase.summary,
        [phase](mlir::OpPassManager &pm, llvm::StringRef options,
                llvm::function_ref<mlir::LogicalResult(const llvm::Twine &)> error) {
          if (!options.empty()) return error("requires no options");
          build(phase, pm);
          return mlir::success();
        },
        [](llvm::function_ref<void(const mlir::detail::PassOptions &)>) {});
  mlir::PassPipelineRegistration<>("cleave-compile", "all phases, one after the other", [](mlir::OpPassManager &pm) {
    for (const Phase &phase : kPhases) build(phase, pm);
  });
}

}  // namespace cleave
