#include "tools/pages/line_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/pages/html.h"

namespace cleave::pages {
namespace {

constexpr double kWidth = 900, kHeight = 240, kLeft = 64, kRight = 12, kTop = 26, kBottom = 26;
constexpr size_t kMostDrawn = 600;   // points of a line; each is then the mean of its neighbours
constexpr size_t kMostHovered = 150;  // places with a tooltip

using Points = std::vector<std::pair<double, double>>;

// At most `most` points, each the mean of those that it stands for.
Points thinned(const Points &points, size_t most) {
  if (points.size() <= most) return points;
  Points few;
  for (size_t i = 0; i < most; ++i) {
    const size_t begin = i * points.size() / most, end = (i + 1) * points.size() / most;
    double x = 0, y = 0;
    for (size_t k = begin; k < end; ++k) x += points[k].first, y += points[k].second;
    few.emplace_back(x / static_cast<double>(end - begin), y / static_cast<double>(end - begin));
  }
  return few;
}

// A round distance that gives about four lines.
double tickOf(double range) {
  const double rough = range / 4, power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1., 2., 5.})
    if (rough <= factor * power) return factor * power;
  return 10 * power;
}

struct Frame {
  double xLow, xHigh, yLow, yHigh;

  double x(double value) const { return kLeft + (value - xLow) / (xHigh - xLow) * (kWidth - kLeft - kRight); }
  double y(double value) const { return kHeight - kBottom - (value - yLow) / (yHigh - yLow) * (kHeight - kTop - kBottom); }
};

Frame frameOf(const std::vector<Line> &lines, bool fromZero) {
  const double most = std::numeric_limits<double>::infinity();
  Frame frame{most, -most, fromZero ? 0 : most, fromZero ? 0 : -most};
  for (const Line &line : lines)
    for (const auto &[x, y] : line.points) {
      frame.xLow = std::min(frame.xLow, x);
      frame.xHigh = std::max(frame.xHigh, x);
      if (!std::isfinite(y)) continue;
      frame.yLow = std::min(frame.yLow, y);
      frame.yHigh = std::max(frame.yHigh, y);
    }
  if (!(frame.xHigh > frame.xLow)) frame.xHigh = frame.xLow + 1;
  if (!(frame.yLow <= frame.yHigh)) frame.yLow = frame.yHigh = 0;
  // Wide enough that ticks differ in doubles.
  const double least = std::max(1e-300, std::fabs(frame.yHigh) * 1e-9);
  if (frame.yHigh - frame.yLow < least) frame.yHigh = frame.yLow + (frame.yHigh == 0 ? 1 : std::fabs(frame.yHigh));
  return frame;
}

std::string axesOf(const Frame &frame) {
  std::string svg;
  const double tick = tickOf(frame.yHigh - frame.yLow);
  const int64_t first = std::llround(std::ceil(frame.yLow / tick - 1e-9));
  for (int64_t i = first; i < first + 12 && static_cast<double>(i) * tick <= frame.yHigh; ++i) {
    const double value = static_cast<double>(i) * tick, y = frame.y(value);
    absl::StrAppendFormat(&svg,
                          "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" style=\"stroke:var(--line)\"/>"
                          "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                          kLeft, kWidth - kRight, y, y, kLeft - 8, y + 4, figure(value));
  }
  for (const double at : {frame.xLow, (frame.xLow + frame.xHigh) / 2, frame.xHigh})
    absl::StrAppendFormat(&svg, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s%.0f</text>\n", frame.x(at),
                          kHeight - 6, at == frame.xLow ? "start" : at == frame.xHigh ? "end" : "middle",
                          at == frame.xLow ? "step " : "", at);
  return svg;
}

std::string pathOf(const Line &line, const Frame &frame) {
  std::string path, dots;
  bool isGap = true;
  for (const auto &[x, y] : thinned(line.points, kMostDrawn)) {
    if (!std::isfinite(y)) {
      isGap = true;
      continue;
    }
    absl::StrAppendFormat(&path, "%s%.1f %.1f", isGap ? "M" : "L", frame.x(x), frame.y(y));
    isGap = false;
    if (line.hasDots || line.points.size() == 1)
      absl::StrAppendFormat(&dots, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" style=\"fill:var(%s)\"/>", frame.x(x),
                            frame.y(y), line.color);
  }
  if (path.empty()) return "";
  return absl::StrFormat("<path d=\"%s\" style=\"fill:none;stroke:var(%s);stroke-width:2;stroke-linejoin:round\"/>%s\n",
                         path, line.color, dots);
}

// Strips that show values under the pointer: of the first line, and of the others what is nearest before.
std::string tooltips(const std::vector<Line> &lines, const Frame &frame) {
  std::string svg;
  const Points places = thinned(lines[0].points, kMostHovered);
  const double width = (kWidth - kLeft - kRight) / static_cast<double>(places.size());
  for (const auto &[x, y] : places) {
    std::string title = absl::StrFormat("step %.0f\n%s: %s", x, lines[0].name, figure(y));
    for (size_t i = 1; i < lines.size(); ++i) {
      const auto after = std::upper_bound(lines[i].points.begin(), lines[i].points.end(), x,
                                          [](double at, const auto &point) { return at < point.first; });
      if (after != lines[i].points.begin())
        absl::StrAppend(&title, "\n", lines[i].name, ": ", figure(std::prev(after)->second));
    }
    const double left = std::max(kLeft, frame.x(x) - width / 2);
    const double right = std::min(kWidth - kRight, frame.x(x) + width / 2);
    absl::StrAppendFormat(&svg,
                          "<rect class=\"hover\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"><title>%s</title>"
                          "</rect>\n",
                          left, kTop, right - left, kHeight - kTop - kBottom, escaped(title));
  }
  return svg;
}

}  // namespace

std::string lineChart(const std::string &what, const std::vector<Line> &lines, bool fromZero) {
  const Frame frame = frameOf(lines, fromZero);
  std::string svg = axesOf(frame);
  double legend = kLeft;
  for (const Line &line : lines) {
    svg += pathOf(line, frame);
    absl::StrAppendFormat(&svg,
                          "<rect x=\"%.0f\" y=\"6\" width=\"12\" height=\"4\" style=\"fill:var(%s)\"/>"
                          "<text x=\"%.0f\" y=\"13\">%s</text>\n",
                          legend, line.color, legend + 18, escaped(line.name));
    legend += 40 + 7.5 * static_cast<double>(line.name.size());
  }
  return chart(kWidth, kHeight, what, absl::StrCat(svg, tooltips(lines, frame)));
}

}  // namespace cleave::pages
