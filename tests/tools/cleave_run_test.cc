// The program from outside: exit codes, streams, files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "nlohmann/json.hpp"
#include "runtime/plan/plan_hash.h"
#include "tests/runtime/temporary_folder.h"
#include "tests/runtime/training/bigram_plan.h"
#include "tests/runtime/weights/raw_safetensors.h"
#include "tests/tools/child_process.h"

namespace cleave {
namespace {

using nlohmann::json;
using testing::bytesOf;
using testing::ChildProcess;
using testing::contentsOf;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::TemporaryFolder;

class CleaveRunTest : public ::testing::Test {
 protected:
  CleaveRunTest() {
    BigramSizes sizes;
    sizes.vocabulary = 256;
    plan_ = folder_.write("bigram.plan", bigramPlanBytes(sizes));
    text_ = folder_.write(
        "text.txt",
        "In the beginning God created the heaven and the earth. And the earth was without form, and void.\n");
    data_ = folder_ / "text.bin";
    EXPECT_EQ(run({"tokenize", text_, "-o", data_}).code, 0);
  }

  ChildProcess start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::getenv("CLEAVE_RUN"));
    return ChildProcess(folder_, arguments);
  }
  Finished run(std::vector<std::string> arguments) { return start(std::move(arguments)).wait(); }

  // `train` with what every run here needs, and more.
  std::vector<std::string> trainFor(const std::string &steps, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"train", plan_, "--data", data_, "--steps", steps, "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::vector<std::string> lossesIn(const std::string &name) {
    std::vector<std::string> losses;
    std::istringstream text(contentsOf(folder_ / name));
    for (std::string line; std::getline(text, line);) losses.push_back(json::parse(line)["loss"].dump());
    return losses;
  }

  // Waits until a file holds so many lines; the deadline of the test itself ends a wait in vain.
  void waitForLines(const std::string &name, long lines) {
    auto count = [&] {
      const std::string text = contentsOf(folder_ / name);
      return std::count(text.begin(), text.end(), '\n');
    };
    while (count() < lines) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }

  TemporaryFolder folder_;
  std::string plan_, text_, data_;
};

TEST_F(CleaveRunTest, PrintsHelpToStdoutAndErrorsToStderr) {
  const Finished help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("--checkpoint-every N"));
  EXPECT_EQ(help.err, "");
  const Finished wrong = run({"train", plan_, "--stesp", "3"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.out, "");
  EXPECT_THAT(wrong.err, HasSubstr("did you mean --steps?"));
  EXPECT_EQ(run({}).code, 2);
  EXPECT_EQ(run({"fly"}).code, 2);
}

TEST_F(CleaveRunTest, TellsAWrongFileFromAWrongCommandLine) {
  const Finished missing = run({"train", folder_ / "none.plan", "--data", data_, "--steps", "1"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("none.plan"));
  EXPECT_EQ(missing.out, "");
  const Finished noPlan = run({"train", text_, "--data", data_, "--steps", "1"});
  EXPECT_EQ(noPlan.code, 1);
  EXPECT_THAT(noPlan.err, HasSubstr("text.txt"));
  const Finished noData = run({"train", plan_, "--data", folder_ / "none.bin", "--steps", "1"});
  EXPECT_EQ(noData.code, 1);
  EXPECT_THAT(noData.err, HasSubstr("none.bin\": No such file"));
}

TEST_F(CleaveRunTest, TrainsAndSamples) {
  const Finished trained = run(trainFor("30", {"--save", folder_ / "w.safetensors", "--metrics", folder_ / "m.jsonl"}));
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(trained.out, "");
  EXPECT_THAT(trained.err, HasSubstr("step 30/30  loss "));
  EXPECT_EQ(lossesIn("m.jsonl").size(), 30u);
  const std::vector<std::string> sample = {"sample", plan_,      "--weights", folder_ / "w.safetensors", "--prompt",
                                           "In the", "--tokens", "20",        "--temperature",           "0"};
  const Finished written = run(sample);
  ASSERT_EQ(written.code, 0) << written.err;
  EXPECT_THAT(written.out, StartsWith("In the"));
  EXPECT_EQ(written.out.size(), 6 + 20 + 1u) << "prompt, tokens of one byte each, the end of the line";
  EXPECT_EQ(run(sample).out, written.out);
}

TEST_F(CleaveRunTest, SamplesByItsSeed) {
  ASSERT_EQ(run(trainFor("5", {"--save", folder_ / "w.safetensors"})).code, 0);
  auto sampleOf = [&](const std::string &seed) {
    return run({"sample", plan_, "--weights", folder_ / "w.safetensors", "--prompt", "In", "--tokens", "40", "--top-k",
                "50", "--seed", seed})
        .out;
  };
  EXPECT_EQ(sampleOf("1"), sampleOf("1"));
  EXPECT_NE(sampleOf("1"), sampleOf("2"));
}

TEST_F(CleaveRunTest, RefusesAPromptThatDoesNotFitAndAVocabularyThatIsTooLarge) {
  ASSERT_EQ(run(trainFor("0", {"--save", folder_ / "w.safetensors"})).code, 0);
  const Finished tooLong =
      run({"sample", plan_, "--weights", folder_ / "w.safetensors", "--prompt", "In the beginning"});
  EXPECT_EQ(tooLong.code, 1);
  EXPECT_THAT(tooLong.err, HasSubstr("requires a prompt of 1 to 8 tokens (the plan's sequence), got 16"));
  EXPECT_EQ(tooLong.out, "");
  ASSERT_EQ(run({"tokenize", text_, "-o", folder_ / "x.bin", "--vocab", "260", "--vocab-out", folder_ / "v.json"}).code,
            0);
  const Finished tooLarge = run(
      {"sample", plan_, "--weights", folder_ / "w.safetensors", "--prompt", "In", "--vocab-in", folder_ / "v.json"});
  EXPECT_EQ(tooLarge.code, 1);
  EXPECT_THAT(tooLarge.err, HasSubstr("requires a vocabulary of at most the model's 256 tokens, got 260"));
}

TEST_F(CleaveRunTest, StopsAfterTheStepUnderWayOnCtrlCWithACheckpointToGoOnFrom) {
  for (int number : {SIGINT, SIGTERM}) {
    const std::string dir = folder_ / ("checkpoints" + std::to_string(number));
    std::filesystem::remove(folder_ / "m.jsonl");
    ChildProcess child = start(trainFor("100000000", {"--metrics", folder_ / "m.jsonl", "--checkpoint", dir}));
    waitForLines("m.jsonl", 3);
    child.signal(number);
    const Finished stopped = child.wait();
    EXPECT_EQ(stopped.code, 130) << stopped.err;
    const size_t steps = lossesIn("m.jsonl").size();
    EXPECT_THAT(stopped.err, HasSubstr("interrupted after step " + std::to_string(steps)));

    const std::string more = std::to_string(steps + 2);
    ASSERT_EQ(run(trainFor(more, {"--metrics", folder_ / "m.jsonl", "--resume", dir})).code, 0);
    ASSERT_EQ(run(trainFor(more, {"--metrics", folder_ / "whole.jsonl"})).code, 0);
    EXPECT_EQ(lossesIn("m.jsonl"), lossesIn("whole.jsonl"));
  }
}

TEST_F(CleaveRunTest, GoesOnWithTheSameBitsAfterItWasKilled) {
  const std::string dir = folder_ / "checkpoints";
  ChildProcess child =
      start(trainFor("100000000", {"--metrics", folder_ / "m.jsonl", "--checkpoint", dir, "--checkpoint-every", "2"}));
  waitForLines("m.jsonl", 11);
  child.signal(SIGKILL);
  EXPECT_EQ(child.wait().code, 128 + SIGKILL);
  const std::string steps = std::to_string(lossesIn("m.jsonl").size() + 5);
  const Finished resumed =
      run(trainFor(steps, {"--metrics", folder_ / "m.jsonl", "--resume", dir, "--save", folder_ / "a.safetensors"}));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  ASSERT_EQ(run(trainFor(steps, {"--metrics", folder_ / "whole.jsonl", "--save", folder_ / "b.safetensors"})).code, 0);
  EXPECT_EQ(lossesIn("m.jsonl"), lossesIn("whole.jsonl"));
  EXPECT_EQ(contentsOf(folder_ / "a.safetensors"), contentsOf(folder_ / "b.safetensors"));
}

TEST_F(CleaveRunTest, ExplainsAPlanInTheFormThatScriptsRelyOn) {
  plan::Plan plan = makeBigramPlan();
  plan::Explanation::Value *value = plan.mutable_explanation()->add_values();
  value->set_name("x");
  value->set_layer_class("block");
  value->set_layer_instance(2);
  value->add_placement("S(0)");
  plan.mutable_explanation()->add_ops()->set_op("matmul");
  plan.mutable_explanation()->add_collectives()->set_kind("all_reduce");
  plan.mutable_explanation()->add_memory()->set_planned_peak(7);
  const std::string path = folder_.write("explained.plan", serializePlan(plan));
  const Finished explained = run({"explain", path, "--json"});
  ASSERT_EQ(explained.code, 0) << explained.err;
  const json root = json::parse(explained.out);
  auto keysOf = [](const json &object) {
    std::set<std::string> keys;
    for (const auto &[key, unused] : object.items()) keys.insert(key);
    return keys;
  };
  using Keys = std::set<std::string>;
  EXPECT_EQ(keysOf(root), (Keys{"mesh", "values", "ops", "collectives", "memory"}));
  EXPECT_EQ(root["mesh"], json({{"data", 2}}));
  EXPECT_EQ(keysOf(root["values"][0]), (Keys{"name", "op", "type", "placement", "reason", "phase", "layer"}));
  EXPECT_EQ(root["values"][0]["layer"], json({"block", 2}));
  EXPECT_EQ(root["values"][0]["placement"], json({"S(0)"}));
  EXPECT_EQ(keysOf(root["ops"][0]), (Keys{"name", "op", "operands", "results", "phase", "layer"}));
  EXPECT_EQ(root["ops"][0]["layer"], nullptr);
  EXPECT_EQ(keysOf(root["collectives"][0]), (Keys{"kind", "axes", "bytes", "count", "phase", "op", "layer", "why"}));
  EXPECT_EQ(keysOf(root["memory"][0]), (Keys{"device", "planned_peak", "lower_bound", "parameters", "optimizer",
                                             "gradients", "activations", "scratch"}));
  EXPECT_EQ(root["memory"][0]["planned_peak"], 7);
}

TEST_F(CleaveRunTest, ShowsEachClassOfLayersOnceToAPerson) {
  plan::Plan plan = makeBigramPlan();
  for (int64_t layer = 0; layer < 12; ++layer) {
    plan::Explanation::Value *value = plan.mutable_explanation()->add_values();
    value->set_name("block" + std::to_string(layer) + ".mlp.up");
    value->set_phase("forward");
    value->set_layer_class("block");
    value->set_layer_instance(layer);
    value->add_placement("S(1)");
    value->set_reason("a pair of matmuls");
    plan::Explanation::Collective *collective = plan.mutable_explanation()->add_collectives();
    collective->set_kind("all_reduce");
    collective->add_axes("data");
    collective->set_bytes(1000);
    collective->set_count(2);
    collective->set_phase("forward");
    collective->set_layer_class("block");
    collective->set_layer_instance(layer);
  }
  const Finished explained = run({"explain", folder_.write("explained.plan", serializePlan(plan))});
  ASSERT_EQ(explained.code, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("Forward, layer class block: 12 equal layers"));
  EXPECT_THAT(explained.out, HasSubstr("block0.mlp.up"));
  EXPECT_THAT(explained.out, ::testing::Not(HasSubstr("block1.mlp.up")));
  EXPECT_THAT(explained.out, ::testing::ContainsRegex("forward +block +all_reduce +data +24 +24.0 kB"));
}

TEST_F(CleaveRunTest, ShowsParametersOfAllLayersInOneRowAndOnlyStatesThatLieElsewhere) {
  plan::Plan plan = makeBigramPlan();
  for (const char *name : {"h.0.up", "h.1.up", "momentum(h.0.up)", "momentum(h.1.up)"}) {
    const bool isState = name[0] == 'm';
    plan::Variable *variable = plan.add_variables();
    *variable = plan.variables(0);
    variable->set_name(name);
    if (isState) variable->set_parameter(std::string(name).substr(9, 6));
    plan::Explanation::Value *value = plan.mutable_explanation()->add_values();
    value->set_name(name);
    value->add_placement(name == std::string("momentum(h.1.up)") ? "S(0)" : "B");
  }
  const Finished explained = run({"explain", folder_.write("explained.plan", serializePlan(plan))});
  ASSERT_EQ(explained.code, 0) << explained.err;
  EXPECT_THAT(explained.out, HasSubstr("2 x h.*.up"));
  EXPECT_THAT(explained.out, HasSubstr("momentum(h.1.up)"));
  EXPECT_THAT(explained.out, ::testing::Not(HasSubstr("momentum(h.0.up)")));
  EXPECT_THAT(explained.out, HasSubstr("1 states of the optimizer lie as their parameters do"));
}

TEST_F(CleaveRunTest, PrintsAPlan) {
  const Finished printed = run({"print-plan", plan_});
  EXPECT_EQ(printed.code, 0) << printed.err;
  EXPECT_THAT(printed.out, HasSubstr("cross_entropy"));
  EXPECT_EQ(run({"print-plan", text_}).code, 1);
}

TEST_F(CleaveRunTest, TokenizesWithAVocabularyThatItLearnsAndKeeps) {
  ASSERT_EQ(run({"tokenize", text_, "-o", folder_ / "a.bin", "--vocab", "270", "--vocab-out", folder_ / "v.json",
                 "--token-bytes", "4"})
                .code,
            0);
  ASSERT_EQ(
      run({"tokenize", text_, "-o", folder_ / "b.bin", "--vocab-in", folder_ / "v.json", "--token-bytes", "4"}).code,
      0);
  EXPECT_EQ(contentsOf(folder_ / "a.bin"), contentsOf(folder_ / "b.bin"));
  EXPECT_LT(contentsOf(folder_ / "a.bin").size(), 4 * contentsOf(text_).size());
  EXPECT_EQ(contentsOf(data_).size(), 2 * contentsOf(text_).size());
  EXPECT_EQ(contentsOf(data_)[0], 'I');
  EXPECT_EQ(run({"tokenize", folder_.write("empty.txt", ""), "-o", folder_ / "c.bin"}).code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "c.bin"));
}

}  // namespace
}  // namespace cleave
