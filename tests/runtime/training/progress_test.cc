#include "runtime/training/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace cleave {
namespace {

using ::testing::HasSubstr;

TEST(ProgressText, TellsAllThatAPersonWatches) {
  StepMetrics metrics;
  metrics.step = 3;
  metrics.loss = 0.3;
  metrics.gradNorm = 1.0 / 3.0;
  metrics.tokensPerSecond = 1234;
  metrics.stepMs = 56.78;
  metrics.peakBytes = {1000000, 45600000};
  const std::string text = progressText(metrics, 200);
  for (const char *part : {"step 3/200", "loss 0.3000", "grad norm 0.333", "1234 tokens/s", "56.8 ms", "45.6 MB"})
    EXPECT_THAT(text, HasSubstr(part));
  metrics.named = {{"accuracy", 0.125}};
  metrics.evalNamed = {{"accuracy", 0.25}};
  EXPECT_THAT(progressText(metrics, 200), HasSubstr("  accuracy 0.125  eval accuracy 0.25"));
  metrics.withoutCommunication = true;
  EXPECT_THAT(progressText(metrics, 200), HasSubstr("WITHOUT COMMUNICATION: numbers are wrong"));
}

TEST(Progress, ShowsTheFirstStepAndTheLastWhateverLiesBetween) {
  std::FILE *file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    Progress shown(file, 500);
    StepMetrics metrics;
    for (metrics.step = 1; metrics.step <= 500; ++metrics.step) shown.show(metrics);
    shown.say("done");
  }
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text.push_back(char(c));
  std::fclose(file);
  EXPECT_EQ(text.find("step 1/500"), 0u);
  EXPECT_THAT(text, HasSubstr("\nstep 500/500"));
  EXPECT_THAT(text, ::testing::EndsWith("\ndone\n"));
}

TEST(Progress, IsSilentWithoutAFile) {
  Progress silent(nullptr, 3);
  silent.show(StepMetrics());
  silent.say("done");
}

}  // namespace
}  // namespace cleave
