#include "tools/pages/run_report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/cli/text_table.h"
#include "tools/pages/html.h"
#include "tools/pages/line_chart.h"
#include "tools/pages/plan_page.h"

namespace cleave::pages {
namespace {

using cli::sizeText;

constexpr size_t kMostBars = 64;

using Figure = double RunPoint::*;

Line lineOf(const std::vector<RunPoint> &points, std::string name, const char *color, Figure what) {
  Line line{std::move(name), color};
  for (const RunPoint &point : points) line.points.emplace_back(static_cast<double>(point.step), point.*what);
  return line;
}

// The middle one: the first step's warm-up and a pause of the machine don't count.
double medianOf(const std::vector<RunPoint> &points, Figure what) {
  std::vector<double> values;
  for (const RunPoint &point : points) values.push_back(point.*what);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::string tilesOf(const RunHistory &history, const std::vector<RunPoint> &points) {
  std::string tiles = tile(absl::StrCat(points.back().step), "steps");
  tiles += tile(figure(points.back().loss), absl::StrCat("loss at the end, ", figure(points.front().loss), " at first"));
  if (!history.evaluations().empty())
    tiles += tile(figure(history.evaluations().back().loss), "loss of the last evaluation");
  tiles += tile(figure(medianOf(points, &RunPoint::tokensPerSecond)), "labels a second, the median");
  tiles += tile(absl::StrCat(figure(medianOf(points, &RunPoint::stepMs)), " ms"), "a step, the median");
  if (!history.peakBytes().empty())
    tiles += tile(sizeText(*std::max_element(history.peakBytes().begin(), history.peakBytes().end())),
                  "memory of a device, at most");
  return element("div", "tiles", tiles) + "\n";
}

// A bar for each device.
std::string memoryChart(const std::vector<int64_t> &bytes) {
  const size_t drawn = std::min(bytes.size(), kMostBars);
  const double most = static_cast<double>(std::max<int64_t>(1, *std::max_element(bytes.begin(), bytes.end())));
  std::string svg;
  for (size_t device = 0; device < drawn; ++device)
    absl::StrAppendFormat(&svg,
                          "<text x=\"0\" y=\"%d\">device %d</text><rect x=\"84\" y=\"%d\" width=\"%.1f\" height=\"16\" "
                          "rx=\"4\" style=\"fill:var(--split)\"><title>%d bytes</title></rect><text x=\"%.1f\" "
                          "y=\"%d\">%s</text>\n",
                          device * 24 + 13, device, device * 24, 640 * static_cast<double>(bytes[device]) / most,
                          bytes[device], 92 + 640 * static_cast<double>(bytes[device]) / most, device * 24 + 13,
                          sizeText(bytes[device]));
  const std::string left = drawn < bytes.size() ? absl::StrCat("<p>The first ", drawn, " of ", bytes.size(),
                                                               " devices.</p>\n")
                                                : "";
  return absl::StrCat(chart(900, 24 * static_cast<double>(drawn), "bytes of each device", svg), left);
}

}  // namespace

std::string reportBody(const RunHistory &history, const plan::Plan *plan, absl::string_view timeline) {
  const std::vector<RunPoint> points = history.points();
  const std::string model = plan ? absl::StrCat("Model ", escaped(plan->provenance().model_name()), ". ") : "";
  std::string body = absl::StrCat("<h1>Training report</h1>\n<p>", model, "Steps ", points.front().step, " to ",
                                  points.back().step, ". Figures show under the pointer.</p>\n",
                                  tilesOf(history, points));
  std::vector<Line> loss = {lineOf(points, "loss", "--split", &RunPoint::loss)};
  if (!history.evaluations().empty()) {
    loss.push_back(lineOf(history.evaluations(), "evaluation", "--partial", &RunPoint::loss));
    loss.back().hasDots = true;
  }
  absl::StrAppend(&body, "<h2>Loss</h2>\n", lineChart("loss by step", loss, false));
  absl::StrAppend(&body, "<h2>Throughput</h2>\n",
                  lineChart("labels a second by step",
                            {lineOf(points, "labels a second", "--good", &RunPoint::tokensPerSecond)}, true));
  absl::StrAppend(&body, "<h2>Time of a step</h2>\n",
                  lineChart("milliseconds by step",
                            {lineOf(points, "ms a step", "--split", &RunPoint::stepMs),
                             lineOf(points, "waiting for transfers", "--move", &RunPoint::exposedMs),
                             lineOf(points, "waiting for a late device", "--late", &RunPoint::lateMs),
                             lineOf(points, "waiting for data", "--whole", &RunPoint::dataMs)},
                            true));
  if (!history.peakBytes().empty())
    absl::StrAppend(&body, "<h2>Memory, the most that each device has held</h2>\n", memoryChart(history.peakBytes()));
  if (!timeline.empty()) absl::StrAppend(&body, "<h2>Timeline of the last step</h2>\n", timeline);
  if (plan) absl::StrAppend(&body, "<hr/>\n", planSummary(*plan), planBlocks(*plan));
  return body;
}

}  // namespace cleave::pages
