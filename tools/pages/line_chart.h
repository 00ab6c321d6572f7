// Lines over the steps of a run, as SVG for a page that has the style sheet.

#ifndef CLEAVE_TOOLS_PAGES_LINE_CHART_H
#define CLEAVE_TOOLS_PAGES_LINE_CHART_H

#include <string>
#include <utility>
#include <vector>

namespace cleave::pages {

struct Line {
  std::string name;
  const char *color = "";                           // a variable of the style sheet: "--split"
  std::vector<std::pair<double, double>> points{};  // (step, value) by step; what is not finite is a gap
  bool hasDots = false;                             // few points
};

// `what` names the values, with their unit. Values are shown from 0 on where `fromZero`.
std::string lineChart(const std::string &what, const std::vector<Line> &lines, bool fromZero);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_LINE_CHART_H
