#include "frontend/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "tests/frontend/module_text.h"

namespace cleave {
namespace {

using mlir::Value;
using testing::ElementsAre;
using testing::HasSubstr;

// A model of one layer, that drops out.
void buildSmall(ModelBuilder &model) {
  model.setLocation("small.cc", 7, 3);
  model.beginEntry("loss");
  const Value ids = model.input("input_ids", {2, 3}, ElementType::kInt32);
  const Value table = model.parameter("table", {8, 4}, Init::normal(0.5).withZeroRow(2));
  Value x = model.embedding("look_up", table, ids);
  {
    Scope scope(model, "h.0");
    LayerScope layer(model, "block", 0);
    x = model.dropout("drop", model.linear("fc", x, {4}), 0.1);
    x = model.relu("act", x);
    x = model.relu("act", x);
  }
  const Value labels = model.input("labels", {2, 3}, ElementType::kInt32);
  const Loss loss = model.crossEntropy("loss", model.matmul("head", x, table, /*isTransposed=*/true), labels);
  model.endEntry({{"loss_sum", loss.sum}, {"tokens", loss.count}});
}

TEST(ModelBuilder, NamesOpsByScopeOnceEachAndMarksLayers) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  buildSmall(model);
  auto module = model.finish();
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(opsOf(*module, "loss"),
              ElementsAre("embedding look_up table, input_ids",
                          "matmul h.0.fc [block 0] {transpose_rhs = true} look_up, h.0.fc.weight",
                          "dropout h.0.drop [block 0] {rate = 0.1} h.0.fc, rng", "relu h.0.act [block 0] h.0.drop",
                          "relu h.0.act_2 [block 0] h.0.act", "matmul head {transpose_rhs = true} h.0.act_2, table",
                          "cross_entropy loss head, labels"));
}

TEST(ModelBuilder, PutsParametersBeforeInputsAndTheRandomKeyLast) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  buildSmall(model);
  auto module = model.finish();
  ASSERT_TRUE(module.ok()) << module.status();
  std::vector<std::string> names;
  for (const Argument &argument : argumentsOf(*module, "loss"))
    names.push_back(argument.kind + " " + argument.name + " " + argument.init);
  EXPECT_THAT(names, ElementsAre("parameter table normal 0.5 but row 2", "parameter h.0.fc.weight normal 0.02",
                                 "input input_ids ", "input labels ", "input rng "));
  EXPECT_THAT(outputsOf(*module, "loss"), ElementsAre("loss_sum: tensor<f32>", "tokens: tensor<f32>"));
}

TEST(ModelBuilder, GivesOpsTheLocationOfTheCall) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.setLocation("small.cc", 7, 3);
  model.beginEntry("logits");
  const Value x = model.input("x", {2}, ElementType::kFloat32);
  const Value y = model.relu("y", x);
  model.endEntry({{"logits", y}});
  std::string text;
  llvm::raw_string_ostream(text) << y.getLoc();
  EXPECT_EQ(text, "loc(\"small.cc\":7:3)");
}

TEST(ModelBuilder, GivesTheSameValueForAParameterAskedForAgain) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  EXPECT_EQ(model.parameter("w", {2, 3}, Init::normal(1)), model.parameter("w", {2, 3}, Init::normal(1)));
  model.parameter("w", {3, 2}, Init::normal(1));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("\"w\": requires a parameter of one shape"));
}

TEST(ModelBuilder, TellsRandomDrawsApartByNameAlone) {
  std::vector<std::string> texts;
  for (int i = 0; i < 2; ++i) {
    mlir::MLIRContext context;
    ModelBuilder model(context);
    buildSmall(model);
    auto module = model.finish();
    texts.push_back(textOf(*module));
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_THAT(texts[0], HasSubstr("id = "));
}

// Each call is wrong; the builder must name op and rule and give null from then on.
TEST(ModelBuilder, KeepsTheFirstErrorAndGoesOnWithoutValues) {
  struct Case {
    const char *message;
    Value (*make)(ModelBuilder &model, Value x, Value ids);
  };
  const Case cases[] = {
      {"\"y\": requires 4 features, got 6",
       [](ModelBuilder &m, Value x, Value) {
         return m.matmul("y", x, m.parameter("w", {4, 5}, Init::normal(1)), false);
       }},
      {"requires a bias of sizes 5, got 4",
       [](ModelBuilder &m, Value x, Value) {
         return m.matmul("y", x, m.parameter("w", {6, 5}, Init::normal(1)), false,
                         m.parameter("b", {4}, Init::constant(0)));
       }},
      {"requires operands of one type", [](ModelBuilder &m, Value x, Value ids) { return m.add("y", x, ids); }},
      {"requires floats", [](ModelBuilder &m, Value, Value ids) { return m.relu("y", ids); }},
      {"requires a table of rank 2 and ids of int32",
       [](ModelBuilder &m, Value x, Value) { return m.embedding("y", x, x); }},
      {"requires heads that divide 6 features, got 4",
       [](ModelBuilder &m, Value x, Value) { return m.splitHeads("y", x, 4); }},
      {"requires 36 elements, got 35",
       [](ModelBuilder &m, Value x, Value) {
         return m.reshape("y", x, {5, 7});
       }},
      {"requires sizes of at least 1 and at most 2^46 elements, got 0x3",
       [](ModelBuilder &m, Value x, Value) {
         return m.reshape("y", x, {0, 3});
       }},
      {"requires sizes of at least 1",
       [](ModelBuilder &m, Value, Value) {
         return m.parameter("w", {int64_t{1} << 40, int64_t{1} << 40}, Init::normal(1));
       }},
      {"requires a permutation of 3 dimensions, got 0, 0, 1",
       [](ModelBuilder &m, Value x, Value) {
         return m.transpose("y", x, {0, 0, 1});
       }},
      {"requires a part of 2x3x6, got from 0, 0, 0 to 2, 4, 6",
       [](ModelBuilder &m, Value x, Value) {
         return m.slice("y", x, {0, 0, 0}, {2, 4, 6});
       }},
      {"requires growing dimensions",
       [](ModelBuilder &m, Value x, Value) {
         return m.broadcast("y", x, {2, 2, 3, 6}, {1, 0, 3});
       }},
      {"requires a rate in [0, 1), got 1", [](ModelBuilder &m, Value x, Value) { return m.dropout("y", x, 1); }},
      {"requires labels of sizes 2x3, got 2x3x6",
       [](ModelBuilder &m, Value x, Value) { return m.crossEntropy("y", x, x).sum; }},
      {"requires rank 4 and more, got 3",
       [](ModelBuilder &m, Value x, Value) {
         return m.attention("y", {x, x, x});
       }},
      {"requires a dimension below 1, got 1", [](ModelBuilder &m, Value, Value) { return m.iota("y", {4}, 1); }},
      {"requires values as operands, got a null one",
       [](ModelBuilder &m, Value x, Value) { return m.add("y", x, Value()); }},
  };
  for (const Case &wrong : cases) {
    mlir::MLIRContext context;
    ModelBuilder model(context);
    model.beginEntry("loss");
    const Value x = model.input("x", {2, 3, 6}, ElementType::kFloat32),
                ids = model.input("ids", {2, 3}, ElementType::kInt32);
    EXPECT_FALSE(wrong.make(model, x, ids)) << wrong.message;
    EXPECT_FALSE(model.relu("after", x)) << wrong.message;
    model.endEntry({{"x", x}});
    EXPECT_THAT(std::string(model.finish().status().message()), HasSubstr(wrong.message));
  }
}

TEST(ModelBuilder, BroadcastsAsNumpyDoes) {
  EXPECT_THAT(*broadcastShape({4, 1, 3}, {2, 1}), ElementsAre(4, 2, 3));
  EXPECT_THAT(*broadcastShape({}, {2}), ElementsAre(2));
  EXPECT_FALSE(broadcastShape({4, 3}, {4}));
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value x = model.input("x", {2, 1, 3}, ElementType::kFloat32);
  EXPECT_THAT(shapeOf(model.broadcastTo("wide", x, {5, 2, 4, 3})), ElementsAre(5, 2, 4, 3));
  EXPECT_EQ(model.broadcastTo("same", x, {2, 1, 3}), x);
  EXPECT_FALSE(model.broadcastTo("wrong", x, {2, 3}));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("requires sizes that broadcast to 2x3, got 2x1x3"));
}

TEST(ModelBuilder, ReducesAndJoins) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value x = model.input("x", {2, 5, 3}, ElementType::kFloat32);
  EXPECT_THAT(shapeOf(model.reduce("sum", x, "sum", {0, 2})), ElementsAre(5));
  EXPECT_THAT(shapeOf(model.concat("joined", {x, x}, 1)), ElementsAre(2, 10, 3));
  EXPECT_FALSE(model.reduce("odd", x, "median", {0}));
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("by sum, mean, max or min, got median"));
}

TEST(ModelBuilder, ComparesAndChooses) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value a = model.input("a", {2}, ElementType::kFloat32), b = model.input("b", {2}, ElementType::kFloat32);
  const Value larger = model.select("larger", model.compare("is_less", a, b, "lt"), b, a);
  const Value least = model.minimum("least", a, larger);
  const Value most = model.maximum("most", least, model.abs("size", b));
  const Value product = model.multiply("signed", most, model.sign("sign", a));
  model.endEntry({{"loss", model.reduce("mean", product, "mean", {0})}});
  auto module = model.finish();
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(opsOf(*module, "loss"),
              ElementsAre("compare is_less {direction = \"lt\"} a, b", "select larger is_less, b, a",
                          "minimum least a, larger", "abs size b", "maximum most least, size", "constant sign.zero {value = dense<0.000000e+00>}",
                          "compare sign.is_above {direction = \"gt\"} a, sign.zero", "convert sign.above sign.is_above",
                          "compare sign.is_below {direction = \"lt\"} a, sign.zero", "convert sign.below sign.is_below",
                          "sub sign sign.above, sign.below", "mul signed most, sign",
                          "reduce mean {dimensions = [0], kind = \"mean\"} signed"));
}

TEST(ModelBuilder, MakesUpdatesOfAnOptimizer) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  buildSmall(model);
  const Update update = model.beginUpdate({8, 4}, {{"m", 0.5}});
  const Value m = model.add("m", update.states[0], update.gradient);
  model.endUpdate(model.subtract("p", update.parameter, m), {m});
  auto module = model.finish();
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(opsOf(*module, "update"), ElementsAre("add m ?, gradient", "sub p parameter, m"));
}

TEST(ModelBuilder, RefusesUpdatesThatDoNotFit) {
  const auto refusal = [](const std::function<void(ModelBuilder &)> &build) {
    mlir::MLIRContext context;
    ModelBuilder model(context);
    build(model);
    return std::string(model.finish().status().message());
  };
  EXPECT_THAT(refusal([](ModelBuilder &model) { model.endUpdate(model.beginUpdate({2}, {{"m", 0}}).parameter, {}); }),
              HasSubstr("update: requires 1 new states, got 0"));
  EXPECT_THAT(refusal([](ModelBuilder &model) { model.endUpdate(model.beginUpdate({2}, {}).rate, {}); }),
              HasSubstr("requires the parameter's type for the new parameter, 2 of float32, got "));
  EXPECT_THAT(refusal([](ModelBuilder &model) { model.beginUpdate({2}, {{"lr", 0}, {"lr", 0}}); }),
              HasSubstr("requires states of names of their own, got \"lr\""));
  EXPECT_THAT(refusal([](ModelBuilder &model) {
                const Update update = model.beginUpdate({2}, {});
                model.endUpdate(model.dropout("drop", update.parameter, 0.5), {});
              }),
              HasSubstr("got a parameter or random numbers"));
}

TEST(ModelBuilder, KnowsTheNamesOfValues) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value x = model.input("x", {2, 3}, ElementType::kFloat32);
  Scope scope(model, "h");
  const Value w = model.parameter("w", {2, 3}, Init::normal(1));
  EXPECT_EQ(model.nameOf(x), "x");
  EXPECT_EQ(model.nameOf(w), "h.w");
  EXPECT_EQ(model.nameOf(model.add("sum", x, w)), "h.sum");
  EXPECT_EQ(model.nameOf({}), "");
}

TEST(ModelBuilder, GivesALossAndTheGradientsOfItsInputs) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value w = model.parameter("w", {3}, Init::normal(1));
  const std::vector<Value> inner = model.beginGradient("slope", {w});
  ASSERT_EQ(inner.size(), 1u);
  const Value loss = model.reduce("sum", model.multiply("square", inner[0], inner[0]), "sum", {0});
  const std::vector<Value> results = model.endGradient("slope", loss);
  ASSERT_EQ(results.size(), 2u) << model.status();
  EXPECT_TRUE(shapeOf(results[0]).empty());
  EXPECT_THAT(shapeOf(results[1]), ElementsAre(3));
  model.endEntry({{"loss", model.reduce("total", results[1], "sum", {0})}});
  EXPECT_TRUE(model.finish().ok()) << model.status();
}

TEST(ModelBuilder, WantsAScalarToDifferentiateAndGradientsThatEnd) {
  mlir::MLIRContext context;
  ModelBuilder vectorial(context), open(context);
  for (ModelBuilder *model : {&vectorial, &open}) {
    model->beginEntry("loss");
    const Value w = model->parameter("w", {3}, Init::normal(1));
    const std::vector<Value> inner = model->beginGradient("slope", {w});
    if (model == &vectorial) model->endGradient("slope", inner[0]);
    model->endEntry({{"loss", w}});
  }
  EXPECT_THAT(std::string(vectorial.finish().status().message()), HasSubstr("requires a scalar of float32"));
  EXPECT_THAT(std::string(open.finish().status().message()), HasSubstr("requires that the gradient ends"));
}

TEST(ModelBuilder, WantsEntriesOneAfterTheOther) {
  mlir::MLIRContext context;
  {
    ModelBuilder model(context);
    EXPECT_FALSE(model.input("x", {2}, ElementType::kFloat32));
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("requires an entry that has begun"));
  }
  {
    ModelBuilder model(context);
    model.beginEntry("loss");
    EXPECT_THAT(std::string(model.finish().status().message()), HasSubstr("last entry has ended"));
  }
  {
    ModelBuilder model(context);
    for (int i = 0; i < 2; ++i) {
      model.beginEntry("loss");
      model.endEntry({{"x", model.input("x", {2}, ElementType::kFloat32)}});
    }
    EXPECT_THAT(std::string(model.finish().status().message()), HasSubstr("two of \"loss\""));
  }
  {
    ModelBuilder model(context);
    model.popScope();
    EXPECT_THAT(std::string(model.status().message()), HasSubstr("requires a scope to leave"));
  }
}

TEST(Family, SurvivesTheWayThroughItsAttribute) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  FamilyDescription family;
  family.modelType = "gpt2";
  family.vocabulary = 7;
  family.isCausal = true;
  family.inputs = {{"input_ids", "tokens", "required", 7}};
  family.stored = {{"a", {"a.q", "a.k"}, 1, true, {"b"}}};
  family.prefixes = {"p."};
  family.ignored = {"*.x"};
  family.decoderStartToken = 3;
  family.padToken = 4;
  family.documentEnd = 0;
  model.setFamily(family);
  buildSmall(model);
  auto module = model.finish();
  ASSERT_TRUE(module.ok()) << module.status();
  const FamilyDescription back = familyIn(*module);
  EXPECT_EQ(back.modelType, "gpt2");
  EXPECT_EQ(back.vocabulary, 7);
  EXPECT_TRUE(back.isCausal);
  ASSERT_EQ(back.inputs.size(), 1u);
  EXPECT_EQ(back.inputs[0].source, "tokens");
  EXPECT_EQ(back.inputs[0].limit, 7);
  ASSERT_EQ(back.stored.size(), 1u);
  EXPECT_EQ(back.stored[0].fileName, "a");
  EXPECT_THAT(back.stored[0].parameters, ElementsAre("a.q", "a.k"));
  EXPECT_EQ(back.stored[0].dimension, 1);
  EXPECT_TRUE(back.stored[0].isTransposed);
  EXPECT_THAT(back.stored[0].aliases, ElementsAre("b"));
  EXPECT_THAT(back.prefixes, ElementsAre("p."));
  EXPECT_THAT(back.ignored, ElementsAre("*.x"));
  EXPECT_EQ(back.decoderStartToken, 3);
  EXPECT_EQ(back.padToken, 4);
  EXPECT_EQ(back.documentEnd, 0);
}

}  // namespace
}  // namespace cleave
