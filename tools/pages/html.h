// What all pages share: text made safe, the style sheet, and figures. A page needs nothing from anywhere else.

#ifndef CLEAVE_TOOLS_PAGES_HTML_H
#define CLEAVE_TOOLS_PAGES_HTML_H

#include <string>

#include "absl/strings/string_view.h"

namespace cleave::pages {

// Text inside of elements and attributes: markup stands for itself, and what is no UTF-8 or may not stand in XML
// becomes "?".
std::string escaped(absl::string_view text);

// A part that other pages (a notebook's) can take up: its rules concern only what it holds. Well-formed XML.
std::string fragment(absl::string_view body);
// A page of its own.
std::string document(absl::string_view title, absl::string_view body);

// A placement along an axis, "S(0)", coloured by its kind. `tooltip` may be empty.
std::string placementChip(absl::string_view placement, absl::string_view tooltip);
std::string element(absl::string_view tag, absl::string_view cssClass, absl::string_view escapedBody);

// A drawing of so many pixels of the page; `what` it shows is for those who hear pages.
std::string chart(double width, double height, absl::string_view what, absl::string_view shapes);

// A figure that is to be seen, and what it is.
std::string tile(absl::string_view value, absl::string_view what);

// Four significant digits.
std::string figure(double value);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_HTML_H
