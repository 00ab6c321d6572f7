// The compiler: models in, plans out.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/pipeline.h"
#include "runtime/files/new_file.h"
#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"
#include "tools/cli/commands.h"
#include "tools/compile/load_model.h"

namespace cleave::cli {
namespace {

void say(const std::string &text) { std::fprintf(stderr, "%s\n", text.c_str()); }

// What the plan needs of each device, the largest over devices.
std::string summaryOf(const plan::Plan &plan) {
  int64_t devices = 1, most = 0;
  for (const plan::MeshAxis &axis : plan.mesh()) devices *= axis.size();
  for (const plan::RankClass &rankClass : plan.classes()) most = std::max(most, rankClass.arena_bytes());
  return absl::StrFormat("%d %s, %.1f MB of memory each, %d collectives a step", devices,
                         devices == 1 ? "device" : "devices", double(most) / 1e6,
                         plan.explanation().collectives_size());
}

std::string printed(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  // Places in the source go along, for what is compiled from the text.
  module.print(os, mlir::OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
  return text;
}

absl::StatusOr<ExitCode> compile(const CommandSpec &, const ParsedFlags &flags) {
  if (absl::Status status = checkCompileLine(flags); !status.ok()) {
    say(absl::StrCat("cleave compile: ", status.message(), "\ncleave compile --help explains its flags."));
    return kWrongCommandLine;
  }
  mlir::MLIRContext context;
  context.printOpOnDiagnostic(false);  // a message names the op; a whole function behind it hides the message
  context.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
  std::vector<std::string> warnings;
  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> module = loadModel(flags, context, &warnings);
  for (const std::string &warning : warnings) say("warning: " + warning);
  if (!module.ok()) return module.status();

  const auto onPhase = [](llvm::StringRef phase, double seconds) {
    say(absl::StrFormat("%-14s %6.2f s", phase.str(), seconds));
  };
  warnings.clear();
  const CompileProgress progress{onPhase, &warnings};
  absl::Status status = runPhases(**module, flags.text("--compile-to"), progress);
  for (const std::string &warning : warnings) say("warning: " + warning);
  if (!status.ok()) return status;

  const std::string path = flags.text("-o");
  if (flags.has("--compile-to")) {
    status = writeFile(path, printed(**module));
    return status.ok() ? absl::StatusOr<ExitCode>(kDone) : status;
  }
  absl::StatusOr<plan::Plan> plan = planOf(**module, progress);
  if (!plan.ok()) return plan.status();
  plan->set_format_version(kPlanFormatVersion);
  const std::string summary = summaryOf(*plan);
  status = writeFile(path, serializePlan(*std::move(plan)));
  if (!status.ok()) return status;
  say(absl::StrCat("wrote ", path, ": ", summary));
  return kDone;
}

}  // namespace
}  // namespace cleave::cli

int main(int argc, char **argv) {
  const std::string served[] = {"compile"};
  return cleave::cli::runProgram(argc, argv, served, cleave::cli::compile);
}
