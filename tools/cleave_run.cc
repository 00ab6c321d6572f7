// The program that runs plans: every command of the driver that needs no compiler.

#include <string>

#include "tools/cli/commands.h"
#include "tools/cli/run_commands.h"

namespace cleave::cli {
namespace {

absl::StatusOr<ExitCode> dispatch(const CommandSpec &command, const ParsedFlags &flags) {
  if (command.name == "train") return runTrain(flags);
  if (command.name == "run") return runRun(flags);
  if (command.name == "doctor") return runDoctor(flags);
  if (command.name == "explain") return runExplain(flags);
  if (command.name == "tokenize") return runTokenize(flags);
  if (command.name == "sample") return runSample(flags);
  if (command.name == "bench-cluster") return runBenchCluster(flags);
  if (command.name == "trace-report") return runTraceReport(flags);
  if (command.name == "diagnose") return runDiagnose(flags);
  if (command.name == "report") return runReport(flags);
  return runPrintPlan(flags);
}

}  // namespace
}  // namespace cleave::cli

int main(int argc, char **argv) {
  const std::string served[] = {"train",  "run",        "doctor",       "explain",  "tokenize",     "sample",
                                "report", "print-plan", "trace-report", "diagnose", "bench-cluster"};
  return cleave::cli::runProgram(argc, argv, served, cleave::cli::dispatch);
}
