// What people look at, made of a plan's bytes and a run's files. Errors say what is wrong with them.

#ifndef CLEAVE_TOOLS_PAGES_PAGES_H
#define CLEAVE_TOOLS_PAGES_PAGES_H

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/pages/placement_drawing.h"
#include "tools/pages/run_history.h"

namespace cleave::pages {

// What `cleave explain` prints, and with --json.
absl::StatusOr<std::string> planText(absl::string_view plan);
absl::StatusOr<std::string> planJson(absl::string_view plan);

// HTML parts (see fragment()) for a notebook, in short and with the model's blocks; and the latter as a page.
absl::StatusOr<std::string> planFragment(absl::string_view plan, bool withBlocks);
absl::StatusOr<std::string> planPage(absl::string_view plan);

// HTML parts: what a tensor of a model is, and what a placement along an axis means.
std::string tensorFragment(const std::string &name, const std::vector<int64_t> &dims, const std::string &dtype);
std::string placementFragment(const std::string &placement);

// How a parameter, or a state of the optimizer, lies.
absl::StatusOr<Drawing> drawVariable(absl::string_view plan, const std::string &name);

// A page about a run: loss, throughput, memory; of a plan what moves, of a trace its last step. Both may be empty.
absl::StatusOr<std::string> reportPage(const RunHistory &history, absl::string_view plan, absl::string_view trace);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_PAGES_H
