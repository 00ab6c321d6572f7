#include "frontend/model_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/frontend/module_text.h"

namespace cleave {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// A model whose arguments stand in no order.
const char kModel[] = R"(
func.func @model(%labels: tensor<2x3xi32> {cleave.input = "labels"}, %rng: tensor<4xi32> {cleave.input = "rng"},
                 %w: tensor<7x5xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.02, zero_row = -1>},
                 %ids: tensor<2x3xi32> {cleave.input = "input_ids"},
                 %u: tensor<5x9xf32> {cleave.parameter = "u", cleave.trainable = false,
                                      cleave.init = #cleave.init<"constant", mean = 0.5, deviation = 0.0, zero_row = -1>})
    -> (tensor<f32>, tensor<f32>) attributes {cleave.entry = "loss"} {
  %x = cleave.embedding %w, %ids : (tensor<7x5xf32>, tensor<2x3xi32>) -> tensor<2x3x5xf32>
  %d = cleave.dropout %x, %rng {rate = 0.1 : f64, id = 1 : i64} : (tensor<2x3x5xf32>, tensor<4xi32>) -> tensor<2x3x5xf32>
  %y = cleave.matmul %d, %u : (tensor<2x3x5xf32>, tensor<5x9xf32>) -> tensor<2x3x9xf32>
  %sum, %count, %lse = cleave.cross_entropy %y, %labels : (tensor<2x3x9xf32>, tensor<2x3xi32>) -> (tensor<f32>, tensor<f32>, tensor<2x3xf32>)
  return %sum, %count : tensor<f32>, tensor<f32>
})";

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

absl::StatusOr<Module> complete(const std::string &text, mlir::MLIRContext &context) {
  auto module = parseModule(text, "model.mlir", context);
  if (!module.ok()) return module.status();
  if (auto status = completeModel(**module); !status.ok()) return status;
  return std::move(*module);
}

std::string errorOf(const std::string &text) {
  mlir::MLIRContext context;
  auto module = complete(text, context);
  return module.ok() ? "" : std::string(module.status().message());
}

TEST(ModelFile, PutsArgumentsInOrderAndNamesResults) {
  mlir::MLIRContext context;
  auto module = complete(kModel, context);
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> names;
  for (const Argument &argument : argumentsOf(*module, "loss"))
    names.push_back(argument.kind + " " + argument.name + " " + argument.init +
                    (argument.isTrainable ? "" : " frozen"));
  EXPECT_THAT(names, ElementsAre("parameter w normal 0.02", "parameter u constant 0.5 frozen", "input labels ",
                                 "input input_ids ", "input rng "));
  EXPECT_THAT(outputsOf(*module, "loss"), ElementsAre("loss_sum: tensor<f32>", "tokens: tensor<f32>"));
  EXPECT_THAT(opsOf(*module, "loss")[0], HasSubstr(" w, input_ids"));
}

TEST(ModelFile, MakesAFamilyThatRequiresEveryInputAndKnowsItsLimits) {
  mlir::MLIRContext context;
  auto module = complete(kModel, context);
  ASSERT_TRUE(module.ok()) << module.status();
  const FamilyDescription family = familyIn(*module);
  EXPECT_EQ(family.modelType, "");
  EXPECT_TRUE(family.isCausal);
  EXPECT_EQ(family.vocabulary, 7);
  std::vector<std::string> inputs;
  for (const auto &input : family.inputs)
    inputs.push_back(input.name + " " + input.source + " " + input.otherwise + " " + std::to_string(input.limit));
  EXPECT_THAT(inputs, ElementsAre("labels labels required 9", "input_ids input_ids required 7"));
}

TEST(ModelFile, ReadsNoTokenFilesWhereInputsAreOthers) {
  mlir::MLIRContext context;
  auto module = complete(replaced(kModel, "cleave.input = \"input_ids\"", "cleave.input = \"symbols\""), context);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_FALSE(familyIn(*module).isCausal);
}

TEST(ModelFile, TakesALossOfOneScalar) {
  mlir::MLIRContext context;
  std::string text = replaced(kModel, "(tensor<f32>, tensor<f32>) attributes", "tensor<f32> attributes");
  text = replaced(text, "return %sum, %count : tensor<f32>, tensor<f32>", "return %sum : tensor<f32>");
  auto module = complete(text, context);
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(outputsOf(*module, "loss"), ElementsAre("loss: tensor<f32>"));
}

TEST(ModelFile, CompletesWhatItHasCompleted) {
  mlir::MLIRContext context;
  auto once = complete(kModel, context);
  ASSERT_TRUE(once.ok()) << once.status();
  auto twice = complete(textOf(*once), context);
  ASSERT_TRUE(twice.ok()) << twice.status();
  EXPECT_EQ(textOf(*once), textOf(*twice));
}

TEST(ModelFile, NamesArgumentAndRuleInErrors) {
  struct Case {
    const char *from, *to, *message;
  };
  const Case cases[] = {
      {"cleave.entry = \"loss\"", "cleave.entry = \"training\"",
       "requires cleave.entry to be \"loss\", \"logits\" or \"update\", got \"training\""},
      {"attributes {cleave.entry = \"loss\"}", "", "got none"},
      {"{cleave.input = \"labels\"}", "", "argument 0 requires either cleave.parameter or cleave.input with a name"},
      {"cleave.input = \"labels\"", "cleave.input = \"labels\", cleave.parameter = \"labels\"",
       "argument 0 requires either"},
      {"cleave.input = \"labels\"", "cleave.input = 3", "argument 0 requires either"},
      {"cleave.input = \"labels\"", "cleave.input = \"\"", "argument 0 requires either"},
      {"cleave.parameter = \"u\"", "cleave.parameter = \"w\"",
       "argument 4 requires a name of its own, got \"w\" again"},
      {", cleave.init = #cleave.init<\"normal\", mean = 0.0, deviation = 0.02, zero_row = -1>", "",
       "argument 2 (\"w\") requires cleave.init = #cleave.init<...>, got none"},
      {"cleave.trainable = false", "cleave.trainable = \"no\"",
       "argument 4 (\"u\") requires cleave.trainable to be true or false, got \"no\""},
      {"tensor<2x3xi32> {cleave.input = \"labels\"}", "tensor<?x3xi32> {cleave.input = \"labels\"}", "model.mlir"},
      {"\"constant\", mean", "\"zipf\", mean", "zipf"},
      {"cleave.embedding %w", "cleave.embeding %w", "embeding"},
      {"tensor<7x5xf32>, tensor<2x3xi32>) -> tensor<2x3x5xf32>",
       "tensor<7x5xf32>, tensor<2x3xi32>) -> tensor<2x3x6xf32>", "model.mlir"},
  };
  for (const Case &wrong : cases) {
    EXPECT_THAT(errorOf(replaced(kModel, wrong.from, wrong.to)), HasSubstr(wrong.message)) << wrong.to;
  }
}

TEST(ModelFile, RefusesOtherResultsOpsAndFunctions) {
  std::string three =
      replaced(kModel, "(tensor<f32>, tensor<f32>) attributes", "(tensor<f32>, tensor<2x3xf32>) attributes");
  three = replaced(three, "return %sum, %count : tensor<f32>, tensor<f32>",
                   "return %sum, %lse : tensor<f32>, tensor<2x3xf32>");
  EXPECT_THAT(errorOf(three), HasSubstr("requires one result, the loss as tensor<f32>, or two"));
  EXPECT_THAT(errorOf(std::string(kModel) + "func.func private @other()"),
              HasSubstr("function \"other\" requires cleave.entry"));
  EXPECT_THAT(errorOf(std::string(kModel) + replaced(kModel, "@model", "@again")),
              HasSubstr("requires one function with cleave.entry = \"loss\", got two"));
  EXPECT_THAT(errorOf(replaced(kModel, "%x = cleave.embedding",
                               "%c = func.constant @model : (tensor<f32>) -> tensor<f32>\n  %x = cleave.embedding")),
              testing::AnyOf(HasSubstr("requires to be an op of the cleave dialect"), HasSubstr("model.mlir")));
  EXPECT_THAT(errorOf(""), HasSubstr("requires a function with cleave.entry = \"loss\", got none"));
  EXPECT_THAT(errorOf("module { module {} }\n"),
              HasSubstr("requires functions and meshes in the module, got builtin.module"));
  EXPECT_EQ(errorOf("cleave.mesh @pod <\"data\" = 2>\n" + std::string(kModel)), "");
}

TEST(ModelFile, ChecksThatLogitsShareTheParameters) {
  const std::string logits = R"(
func.func @logits(%w: tensor<7x5xf32> {cleave.parameter = "w", cleave.init = #cleave.init<"normal", mean = 0.0, deviation = 0.02, zero_row = -1>},
                  %ids: tensor<1x3xi32> {cleave.input = "input_ids"}) -> tensor<1x3x5xf32> attributes {cleave.entry = "logits"} {
  %x = cleave.embedding %w, %ids : (tensor<7x5xf32>, tensor<1x3xi32>) -> tensor<1x3x5xf32>
  return %x : tensor<1x3x5xf32>
})";
  EXPECT_EQ(errorOf(kModel + logits), "");
  EXPECT_THAT(errorOf(kModel + replaced(logits, "cleave.parameter = \"w\"", "cleave.parameter = \"v\"")),
              HasSubstr("entry \"logits\": parameter \"v\" requires one of the same type in entry \"loss\""));
}

TEST(ModelFile, KeepsAFamilyThatFitsItsMessage) {
  mlir::MLIRContext context;
  auto module = complete(kModel, context);
  ASSERT_TRUE(module.ok()) << module.status();
  const std::string text = textOf(*module);
  EXPECT_THAT(errorOf(replaced(text, "causal = true", "causal = 7 : i64")),
              HasSubstr("requires field \"causal\" to be a bool"));
  EXPECT_THAT(errorOf(replaced(text, "causal = true", "casual = true")), HasSubstr("requires field \"causal\""));
  EXPECT_THAT(errorOf(replaced(text, "causal = true", "causal = true, colour = 3")),
              HasSubstr("requires known fields, got \"colour\""));
  EXPECT_THAT(errorOf(replaced(text, "otherwise = \"required\"", "otherwise = 3")),
              HasSubstr("requires field \"inputs.otherwise\" to be a string"));
}

TEST(ModelFile, SaysWhereTextIsWrong) {
  EXPECT_THAT(errorOf("func.func @loss( {"), StartsWith("\"model.mlir\": line 1: requires brackets that match"));
  EXPECT_THAT(errorOf("\nfunc.func @loss() {\n  %x = cleave.unknown\n}"), HasSubstr("model.mlir:3:"));
  EXPECT_THAT(errorOf(std::string(1000000, '(')), HasSubstr("levels of brackets"));
}

TEST(ModelFile, ReadsFiles) {
  const std::string path = testing::TempDir() + "/model.mlir";
  std::ofstream(path) << kModel;
  mlir::MLIRContext context;
  EXPECT_TRUE(parseModelFile(path, context).ok());
  EXPECT_THAT(std::string(parseModelFile("/nowhere/model.mlir", context).status().message()),
              HasSubstr("/nowhere/model.mlir"));
  EXPECT_THAT(std::string(parseModelFile(testing::TempDir(), context).status().message()),
              HasSubstr("requires a file that can be read"));
}

}  // namespace
}  // namespace cleave
