// The last step of a trace as a picture: what each device did when.

#ifndef CLEAVE_TOOLS_PAGES_TIMELINE_H
#define CLEAVE_TOOLS_PAGES_TIMELINE_H

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cleave::pages {

// SVG for a page that has the style sheet, of a file that writeChromeTrace has written.
absl::StatusOr<std::string> timelineOf(absl::string_view trace);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_TIMELINE_H
