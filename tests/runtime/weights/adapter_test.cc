#include "runtime/weights/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "runtime/copy_tensor.h"
#include "runtime/weights/tensor_source.h"
#include "runtime/weights/weight_map.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using program::StoredTensor;
using program::Variable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using testing::TemporaryFolder;

// An adapted map, and two that files fuse and that share what comes from their input.
LoadedPlan adaptedPlan() {
  LoadedPlan plan;
  const std::pair<const char *, std::vector<int64_t>> parameters[] = {
      {"m.out.weight", {3, 2}},         {"m.out.lora_A.weight", {1, 2}}, {"m.out.lora_B.weight", {3, 1}},
      {"m.qk.lora_A.weight", {1, 2}},   {"m.qk.q.weight", {2, 2}},       {"m.qk.q.lora_B.weight", {2, 1}},
      {"m.qk.k.weight", {2, 2}},        {"m.qk.k.lora_B.weight", {2, 1}}};
  for (const auto &[name, dims] : parameters) {
    Variable &variable = plan.variables.emplace_back();
    variable.name = name;
    variable.type = {DType::kF32, dims};
  }
  StoredTensor fused;
  fused.fileName = "m.qk.weight";
  fused.parameters = {"m.qk.q.weight", "m.qk.k.weight"};
  fused.dimension = 1;
  plan.family.stored = {fused};
  return plan;
}

using Values = std::map<std::string, std::vector<float>>;  // row-major, by parameter

void copyPart(const LoadedPlan &plan, absl::string_view name, const Box &part, const TensorView &view, Values &values,
              bool toView) {
  const program::TensorType &type = plan.variables[size_t(plan.findVariable(std::string(name)))].type;
  std::vector<float> &whole = values[std::string(name)];
  whole.resize(size_t(type.elements()));
  const TensorView stored = TensorView::contiguous(whole.data(), DType::kF32, type.dims);
  const TensorView there = viewPart(stored, wholeBox(type.dims), part);
  toView ? copyTensor(view, there) : copyTensor(there, view);
}

Values numbered(const LoadedPlan &plan) {
  Values values;
  float next = 0;
  for (const Variable &variable : plan.variables)
    for (int64_t i = 0; i < variable.type.elements(); ++i) values[variable.name].push_back(next++);
  return values;
}

absl::Status save(const std::string &folder, const LoadedPlan &plan, Values values, const AdapterConfig &config) {
  return saveAdapter(folder, config, plan, [&](absl::string_view name, const Box &part, const TensorView &view) {
    copyPart(plan, name, part, view, values, /*toView=*/true);
    return absl::OkStatus();
  });
}

TEST(Adapter, IsStoredUnderTheNamesOfPeft) {
  TemporaryFolder folder;
  const LoadedPlan plan = adaptedPlan();
  ASSERT_TRUE(save(folder / "adapter", plan, numbered(plan), {}).ok());
  auto source = TensorSource::open(folder / "adapter/adapter_model.safetensors");
  ASSERT_TRUE(source.ok()) << source.status();
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const auto &[name, value] : source->tensors()) shapes[name] = value->shape;
  EXPECT_THAT(shapes, ElementsAre(Pair("base_model.model.m.out.lora_A.weight", ElementsAre(1, 2)),
                                  Pair("base_model.model.m.out.lora_B.weight", ElementsAre(3, 1)),
                                  Pair("base_model.model.m.qk.lora_A.weight", ElementsAre(1, 2)),
                                  Pair("base_model.model.m.qk.lora_B.weight", ElementsAre(4, 1))));
}

TEST(Adapter, ComesBackAsItWas) {
  TemporaryFolder folder;
  const LoadedPlan plan = adaptedPlan();
  Values expected = numbered(plan), seen;
  AdapterConfig config;
  config.rank = 1;
  config.alpha = 2.5;
  config.dropout = 0.25;
  config.targets = {"out", "qk"};
  config.isInputMajor = true;
  config.taskType = "CAUSAL_LM";
  ASSERT_TRUE(save(folder / "adapter", plan, expected, config).ok());
  const absl::Status loaded = loadAdapter(
      folder / "adapter", plan, [&](absl::string_view name, const Box &part, const TensorView &view) {
        copyPart(plan, name, part, view, seen, /*toView=*/false);
        return absl::OkStatus();
      });
  ASSERT_TRUE(loaded.ok()) << loaded;
  for (const char *name : {"m.out.weight", "m.qk.q.weight", "m.qk.k.weight"}) expected.erase(name);
  EXPECT_EQ(seen, expected);
  auto read = readAdapterConfig(folder / "adapter");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->rank, 1);
  EXPECT_EQ(read->alpha, 2.5);
  EXPECT_EQ(read->dropout, 0.25);
  EXPECT_THAT(read->targets, ElementsAre("out", "qk"));
  EXPECT_TRUE(read->isInputMajor);
  EXPECT_EQ(read->taskType, "CAUSAL_LM");
  EXPECT_EQ(read->baseModel, "");
}

TEST(Adapter, IsNoneInAPlanWithoutOne) {
  TemporaryFolder folder;
  LoadedPlan plan = adaptedPlan();
  plan.variables.resize(1);
  EXPECT_FALSE(hasAdapter(plan));
  EXPECT_THAT(std::string(save(folder / "adapter", plan, {}, {}).message()),
              HasSubstr("requires a plan with an adapter"));
}

TEST(AdapterConfig, RefusesWhatWouldComputeSomethingElse) {
  TemporaryFolder folder;
  const std::pair<const char *, const char *> cases[] = {
      {"[]", "requires a JSON object"},
      {R"({"peft_type": "IA3"})", "field \"peft_type\" requires \"LORA\" (others are not supported), got \"IA3\""},
      {R"({"target_modules": ["q"], "bias": "all"})", "field \"bias\" requires \"none\""},
      {R"({"target_modules": ["q"], "init_lora_weights": "pissa"})", "field \"init_lora_weights\" requires true, false or"},
      {R"({"target_modules": ["q"], "use_dora": true})", "field \"use_dora\" requires no value"},
      {R"({"target_modules": ["q"], "rank_pattern": {"q": 3}})", "field \"rank_pattern\" requires no value"},
      {R"({"target_modules": ["q"], "r": 0})", "field \"r\" requires a number from 1"},
      {R"({"target_modules": ["q"], "lora_alpha": "8"})", "field \"lora_alpha\" requires a number"},
      {R"({"target_modules": "all-linear"})", "field \"target_modules\" requires a list of names of modules"},
      {R"({"r": 4})", "field \"target_modules\" requires a list of names of modules, got null"},
  };
  for (const auto &[text, message] : cases) {
    std::ofstream(folder / "adapter_config.json") << text;
    EXPECT_THAT(std::string(readAdapterConfig(folder.path()).status().message()), HasSubstr(message)) << text;
  }
  std::ofstream(folder / "adapter_config.json")
      << R"({"target_modules": ["q"], "use_dora": false, "rank_pattern": {}, "modules_to_save": null, "later": 1})";
  EXPECT_TRUE(readAdapterConfig(folder.path()).ok());
}

}  // namespace
}  // namespace cleave
