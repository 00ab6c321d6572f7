// Runs in bounded memory, and drawings of placements.

#include "tools/pages/pages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "runtime/training/metrics.h"

namespace cleave::pages {
namespace {

StepMetrics stepOf(int64_t step, double loss) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = loss;
  metrics.peakBytes = {100 + step, 50};
  return metrics;
}

TEST(RunHistory, KeepsAllStepsOfAShortRun) {
  RunHistory history;
  for (int64_t step = 5; step < 15; ++step) history.add(stepOf(step, 1.0 / static_cast<double>(step)));
  ASSERT_EQ(history.points().size(), 10u);
  EXPECT_EQ(history.points().front().step, 5);
  EXPECT_EQ(history.points().back().loss, 1.0 / 14);
  EXPECT_EQ(history.peakBytes(), (std::vector<int64_t>{114, 50}));
}

TEST(RunHistory, ALongRunKeepsStepsAtEqualDistancesAndTheNewest) {
  RunHistory history;
  for (int64_t step = 1; step <= 100'000; ++step) history.add(stepOf(step, 1));
  const std::vector<RunPoint> points = history.points();
  EXPECT_LE(points.size(), RunHistory::kMostPoints + 1);
  EXPECT_GT(points.size(), RunHistory::kMostPoints / 2);
  for (size_t i = 2; i + 1 < points.size(); ++i)
    ASSERT_EQ(points[i].step - points[i - 1].step, points[1].step - points[0].step);
  EXPECT_EQ(points.front().step, 1);
  EXPECT_EQ(points.back().step, 100'000);
}

TEST(RunHistory, WhatIsToldLaterOfAStepHolds) {
  RunHistory history;
  history.add(stepOf(1, 4));
  StepMetrics again = stepOf(1, 4);
  again.dataMs = 7;
  again.evalLoss = 3.5;
  history.add(again);
  history.add(again);
  ASSERT_EQ(history.points().size(), 1u);
  EXPECT_EQ(history.points()[0].dataMs, 7);
  ASSERT_EQ(history.evaluations().size(), 1u);
  EXPECT_EQ(history.evaluations()[0].loss, 3.5);
}

TEST(RunHistory, ReadsWhatMetricsFilesHold) {
  StepMetrics first = stepOf(1, std::numeric_limits<double>::infinity()), second = stepOf(2, 0.1);
  second.evalLoss = 0.25;
  second.tokensPerSecond = 12;
  const auto history = readHistory(metricsLine(first) + "\n" + metricsLine(second) + "\n");
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->points().size(), 2u);
  EXPECT_TRUE(std::isinf(history->points()[0].loss));
  EXPECT_EQ(history->points()[1].loss, 0.1);
  EXPECT_EQ(history->points()[1].tokensPerSecond, 12);
  EXPECT_EQ(history->evaluations()[0].loss, 0.25);
}

TEST(RunHistory, AnErrorNamesTheLine) {
  const auto history = readHistory(metricsLine(stepOf(1, 2)) + "\n{\"step\": 2}\n");
  EXPECT_EQ(history.status().message(), "line 2: requires a number as \"loss\", got none");
}

TEST(ReportPage, DrawsLossesThatAreNotFiniteAsGaps) {
  RunHistory history;
  for (int64_t step = 1; step <= 4; ++step)
    history.add(stepOf(step, step == 3 ? std::numeric_limits<double>::quiet_NaN() : 2.0));
  const auto page = reportPage(history, "", "");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_NE(page->find("loss: NaN"), std::string::npos);
  EXPECT_EQ(page->find("nan"), std::string::npos) << "no coordinate is";
}

TEST(DrawPlacement, PartsOfAnUnevenSplitFollowTheContract) {
  const auto drawing = drawPlacement("x", {7, 3}, {{"data", 2}, {"model", 2}}, {"S(0)", "S(0)"});
  ASSERT_TRUE(drawing.ok()) << drawing.status();
  ASSERT_EQ(drawing->boxes.size(), 4u);
  for (int64_t rank = 0; rank < 4; ++rank) {
    EXPECT_EQ(drawing->boxes[rank].start[0], rank * 7 / 4);
    EXPECT_EQ(drawing->boxes[rank].start[0] + drawing->boxes[rank].extent[0], (rank + 1) * 7 / 4);
    EXPECT_EQ(drawing->boxes[rank].extent[1], 3);
  }
}

TEST(DrawPlacement, RefusesWhatCannotBe) {
  const auto refused = [](const std::vector<int64_t> &dims, int64_t size, const std::string &placement) {
    return std::string(drawPlacement("x", dims, {{"model", size}}, {placement}).status().message());
  };
  EXPECT_EQ(refused({4}, 2, "S(1)"), "requires split dimension below 1 along model, got 1");
  EXPECT_EQ(refused({4}, 2, "R"), "requires S(dimension), B or P(sum|max|min) along model, got R");
  EXPECT_EQ(refused({0}, 2, "B"), "requires sizes of at least 1, got 0");
  EXPECT_NE(refused({4}, 0, "B").find("requires a mesh of 1 to 4096 devices"), std::string::npos);
  EXPECT_NE(refused({4}, int64_t{1} << 40, "B").find("requires a mesh"), std::string::npos);
}

TEST(DrawingSvg, NamesOfUsersAreNoMarkup) {
  const auto drawing = drawPlacement("<b>&\"\x01", {2}, {{"<axis>", 2}}, {"S(0)"});
  ASSERT_TRUE(drawing.ok()) << drawing.status();
  const std::string svg = drawingSvg(*drawing);
  EXPECT_NE(svg.find("&lt;b&gt;&amp;&quot;?"), std::string::npos);
  EXPECT_EQ(svg.find("<b>"), std::string::npos);
  EXPECT_EQ(svg.find("<axis>"), std::string::npos);
}

}  // namespace
}  // namespace cleave::pages
