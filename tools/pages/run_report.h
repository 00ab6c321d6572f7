// What a report says about a run.

#ifndef CLEAVE_TOOLS_PAGES_RUN_REPORT_H
#define CLEAVE_TOOLS_PAGES_RUN_REPORT_H

#include <string>

#include "absl/strings/string_view.h"
#include "runtime/plan/plan.pb.h"
#include "tools/pages/run_history.h"

namespace cleave::pages {

// Body for document(), of a history with at least one step. `plan` may be null, `timeline` (see timelineOf) empty.
std::string reportBody(const RunHistory &history, const plan::Plan *plan, absl::string_view timeline);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_RUN_REPORT_H
