// The commands that run or show plans. Each takes its own command's flags; results go to stdout, all else to stderr.

#ifndef CLEAVE_TOOLS_CLI_RUN_COMMANDS_H
#define CLEAVE_TOOLS_CLI_RUN_COMMANDS_H

#include "absl/status/statusor.h"
#include "tools/cli/flags.h"

namespace cleave::cli {

absl::StatusOr<ExitCode> runTrain(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runRun(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runDoctor(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runExplain(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runTokenize(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runSample(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runPrintPlan(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runBenchCluster(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runTraceReport(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runDiagnose(const ParsedFlags &flags);
absl::StatusOr<ExitCode> runReport(const ParsedFlags &flags);

}  // namespace cleave::cli

#endif  // CLEAVE_TOOLS_CLI_RUN_COMMANDS_H
