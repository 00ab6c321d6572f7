#include "runtime/training/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "nlohmann/json.hpp"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using nlohmann::json;
using testing::contentsOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

StepMetrics metricsAt(int64_t step) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = double(0.1f) * double(step);
  metrics.gradNorm = 1.0 / 3.0;
  metrics.learningRate = 1e-3;
  metrics.peakBytes = {100, 200};
  return metrics;
}

TEST(MetricsLine, HasExactlyItsFields) {
  StepMetrics metrics = metricsAt(3);
  json line = json::parse(metricsLine(metrics));
  std::set<std::string> fields;
  for (const auto &[name, value] : line.items()) fields.insert(name);
  EXPECT_EQ(fields, (std::set<std::string>{"step", "loss", "grad_norm", "lr", "step_ms", "data_ms", "tokens_per_s",
                                           "tflops", "peak_bytes", "comm_ms", "exposed_ms", "late_ms"}));
  metrics.evalLoss = 2.5;
  line = json::parse(metricsLine(metrics));
  EXPECT_EQ(line["eval_loss"], 2.5);
  EXPECT_EQ(line["peak_bytes"], json({100, 200}));
}

TEST(MetricsLine, HasTheModelsOwnMetricsInObjects) {
  StepMetrics metrics = metricsAt(3);
  metrics.named = {{"accuracy", 0.5}, {"top/5", std::numeric_limits<double>::infinity()}};
  metrics.evalNamed = {{"accuracy", 0.25}};
  const json line = json::parse(metricsLine(metrics));
  EXPECT_EQ(line["metrics"], json({{"accuracy", 0.5}, {"top/5", "Infinity"}}));
  EXPECT_EQ(line["eval_metrics"], json({{"accuracy", 0.25}}));
}

TEST(MetricsLine, NamesTheRankThatWaitedLeast) {
  StepMetrics metrics = metricsAt(3);
  metrics.lateMsByRank = {1.5, 0.25, 2, 3};
  const json line = json::parse(metricsLine(metrics));
  EXPECT_EQ(line["late_ms_by_rank"], json({1.5, 0.25, 2, 3}));
  EXPECT_EQ(line["slowest_rank"], 1);
}

TEST(MetricsLine, HoldsFloatsThatReadBackAsTheSame) {
  StepMetrics metrics = metricsAt(1);
  for (double value :
       {double(0.1f), 1.0 / 3.0, 5e-324, 1.7976931348623157e308, 3.0, double(std::nextafter(2.0f, 3.0f))}) {
    metrics.loss = value;
    EXPECT_EQ(json::parse(metricsLine(metrics))["loss"].get<double>(), value);
  }
}

TEST(MetricsLine, SpellsOutWhatIsNotFinite) {
  StepMetrics metrics = metricsAt(1);
  metrics.loss = std::nan("");
  metrics.gradNorm = std::numeric_limits<double>::infinity();
  metrics.evalLoss = -std::numeric_limits<double>::infinity();
  const json line = json::parse(metricsLine(metrics));
  EXPECT_EQ(line["loss"], "NaN");
  EXPECT_EQ(line["grad_norm"], "Infinity");
  EXPECT_EQ(line["eval_loss"], "-Infinity");
}

TEST(MetricsFile, IsOverwrittenByARunThatBeginsAnew) {
  TemporaryFolder folder;
  const std::string path = folder.write("m.jsonl", "old\n");
  {
    auto file = MetricsFile::open(path, 0);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(metricsAt(1)).ok());
  }
  EXPECT_EQ(contentsOf(path), metricsLine(metricsAt(1)) + "\n");
}

TEST(MetricsFile, IsCutToTheCheckpointByARunThatGoesOn) {
  TemporaryFolder folder;
  std::string lines, kept;
  for (int64_t step = 1; step <= 5; ++step) {
    lines += metricsLine(metricsAt(step)) + "\n";
    if (step <= 3) kept = lines;
  }
  for (const std::string &tail : {std::string(), std::string("{\"step\": 6, \"lo"), std::string("rubbish\n")}) {
    const std::string path = folder.write("m.jsonl", lines + tail);
    {
      auto file = MetricsFile::open(path, 3);
      ASSERT_TRUE(file.ok()) << file.status();
      ASSERT_TRUE(file->write(metricsAt(4)).ok());
    }
    EXPECT_EQ(contentsOf(path), kept + metricsLine(metricsAt(4)) + "\n");
  }
}

TEST(MetricsFile, IsMadeByARunThatGoesOnWithoutOne) {
  TemporaryFolder folder;
  EXPECT_TRUE(MetricsFile::open(folder / "m.jsonl", 3).ok());
  EXPECT_THAT(std::string(MetricsFile::open(folder / "no/m.jsonl", 0).status().message()),
              HasSubstr("no/m.jsonl\": No such file"));
}

}  // namespace
}  // namespace cleave
