#include <cstdio>
#include <optional>
#include <string>

#include "runtime/plan/plan_file.h"
#include "runtime/plan/print_plan.h"
#include "tools/cli/overlap_explanation.h"
#include "tools/cli/plan_explanation.h"
#include "tools/cli/run_commands.h"

namespace cleave::cli {
namespace {

absl::StatusOr<ExitCode> print(const std::string &text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return absl::FailedPreconditionError("cannot write to stdout");
  return kDone;
}

}  // namespace

absl::StatusOr<ExitCode> runExplain(const ParsedFlags &flags) {
  auto plan = readPlanFile(flags.positional(0));
  if (!plan.ok()) return plan.status();
  if (flags.isOn("--overlap")) {
    const absl::StatusOr<std::string> text = flags.isOn("--json") ? overlapJson(*plan) : overlapTables(*plan);
    if (!text.ok()) return text.status();
    return print(*text);
  }
  std::optional<MeasuredStep> measured;
  if (flags.has("--trace")) {
    absl::StatusOr<MeasuredStep> read = measureStep(*plan, flags.text("--trace"));
    if (!read.ok()) return read.status();
    measured = *std::move(read);
  }
  const MeasuredStep *beside = measured ? &*measured : nullptr;
  return print(flags.isOn("--json") ? explanationJson(*plan, beside) + "\n" : explanationTables(*plan, beside));
}

absl::StatusOr<ExitCode> runPrintPlan(const ParsedFlags &flags) {
  auto plan = readPlanFile(flags.positional(0));
  if (!plan.ok()) return plan.status();
  return print(printPlan(*plan));
}

}  // namespace cleave::cli
