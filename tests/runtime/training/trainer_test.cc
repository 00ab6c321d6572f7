#include "runtime/training/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <sstream>

#include "nlohmann/json.hpp"
#include "runtime/load_plan.h"
#include "runtime/plan/plan_hash.h"
#include "runtime/weights/safetensors.h"
#include "tests/runtime/temporary_folder.h"
#include "tests/runtime/training/bigram_plan.h"
#include "tests/runtime/weights/raw_safetensors.h"

namespace cleave {
namespace {

using nlohmann::json;
using testing::bytesOf;
using testing::contentsOf;
using ::testing::HasSubstr;
using testing::TemporaryFolder;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() {
    std::vector<uint16_t> tokens;
    uint32_t state = 1;
    for (int i = 0; i < 8 * 50 + 1; ++i) {
      state = state * 1664525 + 1013904223;
      // Mostly one more than the token before: something to learn.
      tokens.push_back(uint16_t(state >> 30 == 0 ? state >> 28 : (tokens.empty() ? 0 : tokens.back() + 1) % 16));
    }
    data_ = folder_.write("data.bin", bytesOf(tokens));
  }

  LoadedPlan planOf(const plan::Plan &plan) {
    auto loaded = loadPlan(serializePlan(plan), registry_);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : LoadedPlan();
  }
  LoadedPlan planOf(const BigramSizes &sizes = {}) { return planOf(makeBigramPlan(sizes)); }

  TrainOptions optionsFor(const std::string &name, int64_t steps) {
    TrainOptions options;
    options.data = data_;
    options.steps = steps;
    options.threads = 1;
    options.metrics = folder_ / (name + ".jsonl");
    options.save = folder_ / (name + ".safetensors");
    return options;
  }

  std::vector<json> metricsOf(const std::string &name) {
    std::vector<json> lines;
    std::istringstream text(contentsOf(folder_ / (name + ".jsonl")));
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    return lines;
  }

  // What a run computed, without its times.
  std::vector<std::pair<double, double>> resultsOf(const std::string &name) {
    std::vector<std::pair<double, double>> results;
    for (const json &line : metricsOf(name))
      results.emplace_back(line["loss"].get<double>(), line["grad_norm"].get<double>());
    return results;
  }

  std::string weightsOf(const std::string &name) { return contentsOf(folder_ / (name + ".safetensors")); }

  const Registry registry_ = makeReferenceRegistry();
  TemporaryFolder folder_;
  std::string data_;
};

TEST_F(TrainerTest, LearnsAndWritesOneLineAStep) {
  auto outcome = train(planOf(), optionsFor("run", 60));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->steps, 60);
  EXPECT_FALSE(outcome->isInterrupted);
  const std::vector<json> lines = metricsOf("run");
  ASSERT_EQ(lines.size(), 60u);
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i]["step"], i + 1);
  EXPECT_LT(lines.back()["loss"].get<double>(), 0.7 * lines.front()["loss"].get<double>());
  EXPECT_EQ(lines.front()["peak_bytes"].size(), 2u);
  EXPECT_EQ(lines.front()["lr"], 0.5);
  EXPECT_GT(lines.front()["tokens_per_s"].get<double>(), 0);
  EXPECT_GT(lines.front()["tflops"].get<double>(), 0);
}

TEST_F(TrainerTest, GivesTheSameBitsEachTimeAndOthersWithAnotherSeed) {
  TrainOptions other = optionsFor("c", 10);
  other.seed = 5;
  ASSERT_TRUE(train(planOf(), optionsFor("a", 10)).ok());
  ASSERT_TRUE(train(planOf(), optionsFor("b", 10)).ok());
  ASSERT_TRUE(train(planOf(), other).ok());
  EXPECT_EQ(resultsOf("a"), resultsOf("b"));
  EXPECT_EQ(weightsOf("a"), weightsOf("b"));
  EXPECT_NE(weightsOf("a"), weightsOf("c"));
}

TEST_F(TrainerTest, GivesTheSameLossesOnAnyNumberOfDevices) {
  BigramSizes one, four;
  one.ranks = 1;
  four.ranks = 4;
  ASSERT_TRUE(train(planOf(one), optionsFor("one", 20)).ok());
  ASSERT_TRUE(train(planOf(four), optionsFor("four", 20)).ok());
  const auto a = resultsOf("one"), b = resultsOf("four");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].first, b[i].first, 1e-5 * a[i].first) << i;
}

TEST_F(TrainerTest, ThatWasStoppedAndResumedGivesTheSameBits) {
  ASSERT_TRUE(train(planOf(), optionsFor("whole", 20)).ok());

  TrainOptions options = optionsFor("parts", 20);
  options.checkpoint = folder_ / "checkpoints";
  options.checkpointEvery = 5;
  int64_t asked = 0;
  options.shouldStop = [&] { return ++asked > 12; };  // before the 13th step
  auto stopped = train(planOf(), options);
  ASSERT_TRUE(stopped.ok()) << stopped.status();
  EXPECT_TRUE(stopped->isInterrupted);
  EXPECT_EQ(stopped->steps, 12);
  EXPECT_EQ(weightsOf("parts"), "") << "weights are saved at the end";

  options.shouldStop = nullptr;
  options.resume = options.checkpoint;
  auto resumed = train(planOf(), options);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->steps, 20);
  EXPECT_EQ(resultsOf("parts"), resultsOf("whole"));
  EXPECT_EQ(weightsOf("parts"), weightsOf("whole"));
}

TEST_F(TrainerTest, ResumesAMixtureWithTheSameBitsAndWarnsOfAnother) {
  folder_.write("other.bin", bytesOf(std::vector<uint16_t>(8 * 9 + 1, 3)));
  const auto mixture = [&](const std::string &weight) {
    return folder_.write("mix.json", R"({"sources": {"a": {"data": "data.bin", "weight": 2},
                                                     "b": {"data": "other.bin", "weight": )" + weight + "}}}");
  };
  TrainOptions whole = optionsFor("whole", 20), parts = optionsFor("parts", 12);
  whole.data = parts.data = mixture("1");
  ASSERT_TRUE(train(planOf(), whole).ok());
  ASSERT_TRUE(train(planOf(), optionsFor("alone", 20)).ok());
  EXPECT_NE(resultsOf("whole"), resultsOf("alone"));
  parts.checkpoint = folder_ / "checkpoints";
  ASSERT_TRUE(train(planOf(), parts).ok());
  parts.resume = parts.checkpoint;
  parts.steps = 20;
  std::FILE *said = std::tmpfile();
  ASSERT_NE(said, nullptr);
  parts.progress = said;
  ASSERT_TRUE(train(planOf(), parts).ok());
  EXPECT_EQ(resultsOf("parts"), resultsOf("whole"));
  EXPECT_EQ(weightsOf("parts"), weightsOf("whole"));
  parts.data = mixture("9");
  parts.steps = 21;
  ASSERT_TRUE(train(planOf(), parts).ok());
  std::rewind(said);
  std::string text;
  for (int c = std::fgetc(said); c != EOF; c = std::fgetc(said)) text.push_back(char(c));
  std::fclose(said);
  const std::string warning = "warning: the resumed run's data were mixed otherwise";
  EXPECT_THAT(text, HasSubstr(warning));
  EXPECT_EQ(text.find(warning), text.rfind(warning)) << "only where they were";
}

TEST_F(TrainerTest, ThatWasKilledGoesOnFromItsLastCheckpoint) {
  ASSERT_TRUE(train(planOf(), optionsFor("whole", 20)).ok());
  TrainOptions options = optionsFor("parts", 13);
  options.checkpoint = folder_ / "checkpoints";
  options.checkpointEvery = 5;
  ASSERT_TRUE(train(planOf(), options).ok());
  // As if it had been killed in step 14: the checkpoint of step 13 never came to be, but its metrics did.
  std::filesystem::remove_all(folder_ / "checkpoints/step-00000013");
  folder_.write("checkpoints/latest", "step-00000010\n");
  options.steps = 20;
  options.resume = options.checkpoint;
  auto resumed = train(planOf(), options);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resultsOf("parts"), resultsOf("whole")) << "the metrics of steps 11 to 13 are there once";
  EXPECT_EQ(weightsOf("parts"), weightsOf("whole"));
}

TEST_F(TrainerTest, ResumesOnAnotherMeshWithinRounding) {
  ASSERT_TRUE(train(planOf(), optionsFor("whole", 20)).ok());
  TrainOptions options = optionsFor("parts", 10);
  options.checkpoint = folder_ / "checkpoints";
  ASSERT_TRUE(train(planOf(), options).ok());
  BigramSizes four;
  four.ranks = 4;
  options.steps = 20;
  options.resume = options.checkpoint;
  ASSERT_TRUE(train(planOf(four), options).ok());
  const auto a = resultsOf("whole"), b = resultsOf("parts");
  ASSERT_EQ(b.size(), 20u);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].first, b[i].first, 1e-5 * a[i].first) << i;
}

TEST_F(TrainerTest, StartsFromTheWeightsThatItIsGiven) {
  ASSERT_TRUE(train(planOf(), optionsFor("first", 5)).ok());
  TrainOptions options = optionsFor("second", 0);
  options.init = folder_ / "first.safetensors";
  ASSERT_TRUE(train(planOf(), options).ok());
  EXPECT_EQ(weightsOf("second"), weightsOf("first")) << "no step was taken";
}

TEST_F(TrainerTest, MeasuresTheWholeEvaluationFileThoughItDoesNotDivideByTheBatch) {
  // 5 rows, batches of 4: the mean must be that over 5 rows, each of which a batch of its own gives.
  const std::string bytes = contentsOf(data_).substr(0, (8 * 5 + 1) * 2);
  TrainOptions options = optionsFor("whole", 1);
  options.evalData = folder_.write("eval.bin", bytes);
  ASSERT_TRUE(train(planOf(), options).ok());
  const double whole = metricsOf("whole").back()["eval_loss"].get<double>();
  double sum = 0;
  for (size_t row = 0; row < 5; ++row) {
    options = optionsFor("row", 1);
    options.evalData = folder_.write("row.bin", bytes.substr(row * 16, 18));
    ASSERT_TRUE(train(planOf(), options).ok());
    sum += metricsOf("row").back()["eval_loss"].get<double>();
  }
  EXPECT_NEAR(whole, sum / 5, 1e-6 * whole);
}

TEST_F(TrainerTest, EvaluatesWhereItIsAskedTo) {
  TrainOptions options = optionsFor("run", 7);
  options.evalData = data_;
  options.evalEvery = 3;
  ASSERT_TRUE(train(planOf(), options).ok());
  std::vector<int64_t> evaluated;
  for (const json &line : metricsOf("run"))
    if (line.contains("eval_loss")) evaluated.push_back(line["step"].get<int64_t>());
  EXPECT_EQ(evaluated, (std::vector<int64_t>{3, 6, 7}));
}

TEST_F(TrainerTest, WritesAnEventFileEachTimeItRuns) {
  TrainOptions options = optionsFor("run", 2);
  options.tensorboard = folder_ / "events";
  ASSERT_TRUE(train(planOf(), options).ok());
  ASSERT_TRUE(train(planOf(), options).ok());
  EXPECT_EQ(testing::namesIn(folder_ / "events").size(), 2u);
}

TEST_F(TrainerTest, WritesATraceOfItsSteps) {
  TrainOptions options = optionsFor("run", 3);
  options.trace = folder_ / "trace.json";
  ASSERT_TRUE(train(planOf(), options).ok());
  const json trace = json::parse(contentsOf(options.trace));
  int updates = 0;
  for (const json &event : trace["traceEvents"])
    updates += event.value("ph", "") == "X" && event.value("name", "") == "update";
  EXPECT_EQ(updates, 3 * 2) << "steps times devices";
}

// The loss is divided by zero.
TEST_F(TrainerTest, StopsAtALossThatIsNotFiniteAndNamesTheOp) {
  plan::Plan broken = makeBigramPlan();
  for (plan::Task &task : *broken.mutable_entries(0)->mutable_programs(0)->mutable_tasks())
    if (task.op() == "divisor") task.set_kernel("minimum");  // of count and 1
  for (plan::Task &task : *broken.mutable_entries(0)->mutable_programs(0)->mutable_tasks())
    if (task.op() == "one") task.mutable_attributes(0)->mutable_values(0)->mutable_numbers()->set_values(0, 0);
  TrainOptions options = optionsFor("run", 10);
  options.checkpoint = folder_ / "checkpoints";
  options.checkpointEvery = 1;
  auto outcome = train(planOf(broken), options);
  const std::string message(outcome.status().message());
  EXPECT_THAT(message, HasSubstr("step 1: requires a finite loss and gradient norm, got inf"));
  EXPECT_THAT(message, HasSubstr("op 'loss'"));
  EXPECT_THAT(message, HasSubstr("rank 0"));
  ASSERT_EQ(metricsOf("run").size(), 1u) << "the line of that step is written";
  EXPECT_EQ(metricsOf("run")[0]["loss"], "Infinity");
  EXPECT_EQ(weightsOf("run"), "");
  EXPECT_TRUE(testing::namesIn(options.checkpoint).empty()) << "nothing is saved";
}

TEST_F(TrainerTest, GoesOnAfterALossThatIsNotFiniteWhereThatIsAllowed) {
  plan::Plan broken = makeBigramPlan();
  for (plan::Task &task : *broken.mutable_entries(0)->mutable_programs(0)->mutable_tasks())
    if (task.op() == "one")
      task.mutable_attributes(0)->mutable_values(0)->mutable_numbers()->set_values(
          0, std::numeric_limits<double>::infinity());
  TrainOptions options = optionsFor("run", 4);
  options.allowNonfinite = true;
  ASSERT_TRUE(train(planOf(broken), options).ok());
  EXPECT_EQ(metricsOf("run").size(), 4u);
}

TEST_F(TrainerTest, WithoutCommunicationSaysThatNumbersAreWrongAndSavesNothing) {
  plan::Plan broken = makeBigramPlan();
  for (plan::Task &task : *broken.mutable_entries(0)->mutable_programs(0)->mutable_tasks())
    if (task.op() == "one")
      task.mutable_attributes(0)->mutable_values(0)->mutable_numbers()->set_values(
          0, std::numeric_limits<double>::infinity());
  TrainOptions options = optionsFor("run", 3);
  options.withoutCommunication = true;
  EXPECT_THAT(std::string(train(planOf(broken), options).status().message()), HasSubstr("are not saved"));
  options.save.clear();
  ASSERT_TRUE(train(planOf(broken), options).ok()) << "numbers need not be finite";
  ASSERT_EQ(metricsOf("run").size(), 3u);
  for (const json &line : metricsOf("run")) EXPECT_EQ(line["without_communication"], true);

  ASSERT_TRUE(train(planOf(), options).ok());
  const auto alone = resultsOf("run");
  options.withoutCommunication = false;
  ASSERT_TRUE(train(planOf(), options).ok());
  EXPECT_NE(alone, resultsOf("run"));
  EXPECT_FALSE(metricsOf("run")[0].contains("without_communication"));
}

TEST_F(TrainerTest, LeavesEverythingAsItIsForABatchInWhichNoLabelCounts) {
  const std::vector<int32_t> ids(4 * 8, 3), labels(4 * 8, -100);
  const std::string header = R"({"input_ids":{"dtype":"I32","shape":[4,8],"data_offsets":[0,128]},)"
                             R"("labels":{"dtype":"I32","shape":[4,8],"data_offsets":[128,256]}})";
  TrainOptions none = optionsFor("none", 3), start = optionsFor("start", 0);
  none.data = folder_.write("none.safetensors", testing::rawSafetensors(header, bytesOf(ids) + bytesOf(labels)));
  ASSERT_TRUE(train(planOf(), none).ok());
  ASSERT_TRUE(train(planOf(), start).ok());
  EXPECT_EQ(weightsOf("none"), weightsOf("start"));
  for (const auto &[loss, norm] : resultsOf("none")) EXPECT_EQ(loss, 0.0);
}

TEST_F(TrainerTest, RefusesWhatDoesNotFitTheResumedRun) {
  TrainOptions options = optionsFor("run", 5);
  options.checkpoint = folder_ / "checkpoints";
  options.seed = 3;
  ASSERT_TRUE(train(planOf(), options).ok());
  auto messageOf = [&](const TrainOptions &changed) {
    return std::string(train(planOf(), changed).status().message());
  };
  options.resume = options.checkpoint;
  options.steps = 6;
  TrainOptions changed = options;
  changed.seed = 4;
  EXPECT_THAT(messageOf(changed), HasSubstr("--seed: requires the resumed run's 3, got 4"));
  changed = options;
  changed.order = "sequential";
  EXPECT_THAT(messageOf(changed), HasSubstr("--order: requires the resumed run's shuffled, got sequential"));
  changed = options;
  changed.resume = folder_ / "elsewhere";
  EXPECT_THAT(messageOf(changed), HasSubstr("elsewhere\": requires a folder of checkpoints, got nothing"));
  BigramSizes larger;
  larger.vocabulary = 20;
  EXPECT_THAT(std::string(train(planOf(larger), options).status().message()), HasSubstr("requires F32 [20, 20]"));
  options.seed.reset();
  EXPECT_TRUE(train(planOf(), options).ok()) << "the seed is the resumed run's";
}

TEST_F(TrainerTest, LearnsBeforeItsFirstStepThatItCannotWriteWhatItIsAskedFor) {
  auto messageOf = [&](const TrainOptions &options) {
    return std::string(train(planOf(), options).status().message());
  };
  TrainOptions options = optionsFor("run", 1);
  options.save = folder_ / "none/w.safetensors";
  EXPECT_THAT(messageOf(options), HasSubstr("none/w.safetensors\": No such file or directory"));
  options = optionsFor("run", 1);
  options.trace = folder_.path();
  EXPECT_THAT(messageOf(options), HasSubstr("requires a file, got a folder"));
  options = optionsFor("run", 1);
  options.checkpoint = data_;
  EXPECT_THAT(messageOf(options), HasSubstr("data.bin\": requires a folder, got a file"));
  options = optionsFor("run", 1);
  options.tensorboard = data_;
  EXPECT_THAT(messageOf(options), HasSubstr("data.bin\": requires a folder, got a file"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "run.jsonl")) << "no step was taken";
}

TEST_F(TrainerTest, RefusesAPlanWithoutTheEntriesThatItNeeds) {
  plan::Plan without = makeBigramPlan();
  without.mutable_entries()->DeleteSubrange(1, 1);
  TrainOptions options = optionsFor("run", 1);
  options.evalData = data_;
  EXPECT_THAT(std::string(train(planOf(without), options).status().message()),
              HasSubstr("requires an entry \"evaluate\", got none"));
}

}  // namespace
}  // namespace cleave
