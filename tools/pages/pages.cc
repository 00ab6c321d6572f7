#include "tools/pages/pages.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/plan/plan_file.h"
#include "tools/cli/plan_explanation.h"
#include "tools/pages/html.h"
#include "tools/pages/plan_page.h"
#include "tools/pages/run_report.h"
#include "tools/pages/timeline.h"

namespace cleave::pages {

absl::StatusOr<std::string> planText(absl::string_view plan) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(plan);
  if (!parsed.ok()) return parsed.status();
  return cli::explanationTables(*parsed, nullptr);
}

absl::StatusOr<std::string> planJson(absl::string_view plan) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(plan);
  if (!parsed.ok()) return parsed.status();
  return cli::explanationJson(*parsed, nullptr);
}

absl::StatusOr<std::string> planFragment(absl::string_view plan, bool withBlocks) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(plan);
  if (!parsed.ok()) return parsed.status();
  return fragment(absl::StrCat(planSummary(*parsed), withBlocks ? planBlocks(*parsed) : ""));
}

absl::StatusOr<std::string> planPage(absl::string_view plan) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(plan);
  if (!parsed.ok()) return parsed.status();
  return document(absl::StrCat(parsed->provenance().model_name(), ": plan"),
                  absl::StrCat(planSummary(*parsed), planBlocks(*parsed)));
}

std::string tensorFragment(const std::string &name, const std::vector<int64_t> &dims, const std::string &dtype) {
  return fragment(absl::StrCat("<code>", escaped(name), "</code> ",
                               dims.empty() ? "scalar" : absl::StrJoin(dims, " &#215; "), " ", escaped(dtype), "\n"));
}

std::string placementFragment(const std::string &placement) {
  std::string meaning = "each device holds the whole";
  if (absl::StartsWith(placement, "S"))
    meaning = absl::StrCat("split along dimension ", placement.substr(2, placement.size() - 3), ": each device holds a part");
  if (absl::StartsWith(placement, "P"))
    meaning = absl::StrCat("the ", placement.substr(2, placement.size() - 3), " over the devices is the value");
  return fragment(absl::StrCat(placementChip(placement, ""), " ", escaped(meaning), "\n"));
}

absl::StatusOr<Drawing> drawVariable(absl::string_view plan, const std::string &name) {
  const absl::StatusOr<plan::Plan> parsed = parsePlan(plan);
  if (!parsed.ok()) return parsed.status();
  for (const plan::Variable &variable : parsed->variables())
    if (variable.name() == name) return drawVariable(*parsed, variable);
  return absl::NotFoundError(
      absl::StrCat("requires a parameter of the plan, or a state of its optimizer, got \"", name, "\""));
}

absl::StatusOr<std::string> reportPage(const RunHistory &history, absl::string_view plan, absl::string_view trace) {
  if (history.points().empty())
    return absl::FailedPreconditionError("requires a run of at least one step, got none");
  plan::Plan parsed;
  if (!plan.empty()) {
    absl::StatusOr<plan::Plan> read = parsePlan(plan);
    if (!read.ok()) return read.status();
    parsed = *std::move(read);
  }
  std::string timeline;
  if (!trace.empty()) {
    absl::StatusOr<std::string> drawn = timelineOf(trace);
    if (!drawn.ok()) return drawn.status();
    timeline = *std::move(drawn);
  }
  return document("Training report", reportBody(history, plan.empty() ? nullptr : &parsed, timeline));
}

}  // namespace cleave::pages
